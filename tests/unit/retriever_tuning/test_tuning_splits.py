"""Train, dev and test share neither a document nor a question."""

from __future__ import annotations

import pytest

from esrag.errors import UsageError
from esrag.retriever_tuning.material import Material, Question, Text
from esrag.retriever_tuning.splitting import Divided, divide
from esrag.retriever_tuning.thinning import thinned


def asked(count: int, *, maker: str = "judged", shift: int = 0) -> list[Question]:
    """Questions, every third of which shares a document with the one before."""
    return [
        Question(
            f"{maker}-{number}",
            f"what is {maker} {number}",
            {f"d{shift + number - (number % 3 == 2)}": 1, f"e{shift + number}": 1},
            maker=maker,
        )
        for number in range(count)
    ]


def documents(questions: tuple[Question, ...]) -> set[str]:
    """All documents that answer any of them."""
    return {name for question in questions for name in question.grades}


def split(pool: list[Question], held_out: tuple[Question, ...] = (), seed: int = 1) -> Divided:
    """Divided into shares of 0.6, 0.2 and 0.2."""
    return divide(pool, held_out, dev=0.2, test=0.2, seed=seed, fewest=5)


def test_no_two_splits_share_a_document() -> None:
    """Questions that one document answers stay together."""
    divided = split(asked(200))
    train, dev, test = map(documents, (divided.train, divided.dev, divided.test))
    assert not train & dev
    assert not train & test
    assert not dev & test
    assert len(divided.train) + len(divided.dev) + len(divided.test) == 200


def test_questions_that_read_alike_stay_together() -> None:
    """One wording, asked of two documents, never trains a model that it judges."""
    pool = [
        Question(f"{copy}{number}", f"What  IS {number}", {f"{copy}{number}": 1})
        for number in range(80)
        for copy in "ab"
    ]
    divided = split(pool)
    for part in (divided.train, divided.dev, divided.test):
        ids = {question.id for question in part}
        assert {("b" if name[0] == "a" else "a") + name[1:] for name in ids} == ids


def test_a_split_stays_when_other_questions_come() -> None:
    """More questions about other documents move none of the old ones."""
    before, after = split(asked(120)), split([*asked(120), *asked(60, maker="x", shift=1000)])
    assert {each.id for each in before.train} <= {each.id for each in after.train}


def test_what_shares_with_the_held_out_is_given_up() -> None:
    """The held-out split stays whole; the pool gives way, and that is counted."""
    pool, held_out = asked(120), tuple(asked(30, maker="h"))
    divided = split(pool, held_out)
    assert divided.test == held_out
    assert not documents(divided.train + divided.dev) & documents(held_out)
    assert divided.shared == 30


def test_made_questions_do_not_judge_where_people_did() -> None:
    """Test and dev are of judged questions; made ones are trained with."""
    divided = split([*asked(120), *asked(120, maker="template:table", shift=500)])
    assert {question.maker for question in (*divided.test, *divided.dev)} == {"judged"}
    assert {question.maker for question in divided.train} == {"judged", "template:table"}


def test_too_few_questions_are_refused() -> None:
    """The message says which split has how many."""
    with pytest.raises(UsageError, match="for train"):
        split(asked(6))


def test_thinning_keeps_every_document_that_answers() -> None:
    """Others are left out until the bound holds, and the card is told."""
    texts = tuple(Text(f"c{number}", f"d{number // 2}", "text") for number in range(100))
    material = Material(texts, (Question("q", "what", {"d49": 1}),))
    kept = thinned(material, 20, seed=1)
    assert len(kept.texts) <= 20
    assert "d49" in {text.document for text in kept.texts}
    assert kept.origin["chunks of the index"] == 100
    assert thinned(material, 20, seed=1) == kept
