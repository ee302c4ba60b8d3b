"""A question set is built from passages: with evidence, splits apart, the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from making_desk import passage, release_notes, word_search
from scripted_teacher import ScriptedServer

from esrag.errors import ConflictError, RejectedError, UsageError
from esrag.evaluation.question_sets.asked_prose import left_out
from esrag.evaluation.question_sets.building import SetRecipe, build
from esrag.evaluation.question_sets.checking import findings_beside_index, findings_within
from esrag.evaluation.question_sets.folder import QUESTIONS, locked, read_card, write_set
from esrag.evaluation.question_sets.records import SetQuestion, read_set
from esrag.examples.building import Helpers, Recipe
from esrag.examples.building import build as build_data_set
from esrag.examples.desk import SplitShares
from esrag.examples.folder import EXAMPLES
from esrag.examples.kept_answers import KeptAnswers
from esrag.examples.makers import maker_named
from esrag.examples.passages import Passage
from esrag.examples.teacher import Teacher
from esrag.questions import holds, load_questions, supports
from esrag.types import Message

BIRDS = ("Tern", "Plover", "Dunlin", "Godwit", "Curlew", "Sanderling", "Turnstone", "Whimbrel")


def corpus() -> list[Passage]:
    """Release notes of eight products, and a table of prices in each."""
    return [
        passage(
            f"{bird.lower()}-{number}",
            f"# {bird} {number}.1.0 notes\n\n{bird} {number}.1.0 was released on {number + 2} May "
            f"2026. A crate may hold up to {number},000 eggs.\n\n## Rings\n\n| Ring | Price |\n"
            f"|---|---|\n| steel ring | EUR {number}.15 |\n| brass ring | EUR {number}.19 |\n",
            title=f"{bird} {number}.1.0 notes",
        )
        for number, bird in enumerate(BIRDS, start=2)
    ]


def built(
    folder: Path, passages: Sequence[Passage] | None = None, *, helpers: Helpers | None = None,
    replacing: bool = False, **recipe: Any,
) -> tuple[SetQuestion, ...]:  # fmt: skip
    """The questions of a set that is built in ``folder``."""
    found = corpus() if passages is None else passages
    wanted: dict[str, Any] = {"count": 20, "seed": 7, **recipe}
    build(
        folder, SetRecipe("docs", "birds", **wanted), read=lambda _: iter(found),
        helpers=helpers or Helpers(), replacing=replacing,
    )  # fmt: skip
    return read_set(folder / QUESTIONS)


def test_every_answer_stands_in_its_evidence(tmp_path: Path) -> None:
    """The quote is of one chunk of its document, and holds an accepted form."""
    questions = built(tmp_path / "one")
    hits = {each.document_id: each.as_hit() for each in corpus()}
    answerable = [each for each in questions if each.answerable]
    assert len(answerable) == 16
    for each in answerable:
        (evidence,) = each.evidence
        assert supports(hits[evidence.document_id], evidence)
        assert holds(evidence.quote, each.answer_groups)
        assert not holds(each.question, each.answer_groups)


def test_a_built_set_holds_when_it_is_checked(tmp_path: Path) -> None:
    """What builds and what checks agree."""
    questions = built(tmp_path / "one")
    assert list(findings_within(questions)) == []
    assert list(findings_beside_index(questions, corpus())) == []


def test_the_same_index_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    """In whatever order the index gives its chunks; another seed gives another set."""
    built(tmp_path / "one")
    built(tmp_path / "two", list(reversed(corpus())))
    built(tmp_path / "three", seed=8)
    files = [(tmp_path / name / QUESTIONS).read_bytes() for name in ("one", "two", "three")]
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_splits_share_no_document(tmp_path: Path) -> None:
    """Calibration and test are parted by document, near misses with what they are near to."""
    questions = built(tmp_path / "one", calibration=0.4)
    documents: dict[str, set[str]] = {"calibration": set(), "test": set()}
    for each in questions:
        documents[each.split].update(each.documents)
    assert all(documents.values())
    assert not documents["calibration"] & documents["test"]


def test_questions_without_an_answer_name_what_stands_nowhere(tmp_path: Path) -> None:
    """A version or name gives way to one that no passage has; the field ``why`` says which."""
    questions = [each for each in built(tmp_path / "one") if each.answerable is False]
    assert len(questions) == 4
    whole = " ".join(f"{each.title} {each.text}" for each in corpus())
    for each in questions:
        entity = each.other["near_miss"]["entity"]
        assert entity in each.question
        assert entity not in whole
        assert (each.evidence, each.answer_groups) == ((), ())


def test_what_a_general_sentence_answers_is_no_question_without_an_answer(tmp_path: Path) -> None:
    """Of Tern 4.2.7 nothing is written, but what holds of all of 4.2 holds of it as well."""
    notes = [
        passage("a", "A crate may hold up to 5,000 eggs in Tern 4.2.0.", title="Tern 4.2.0 notes"),
        passage("b", "A crate may hold up to 5,000 eggs in all of Tern 4.2.", title="Tern 4.2"),
    ]
    general = built(tmp_path / "one", notes, types=("statement",), unanswerable=0.5)
    assert all("4.2." not in each.question for each in general if each.answerable is False)


def test_types_and_documents_take_turns(tmp_path: Path) -> None:
    """A small set has of each sort as many, and of no document more than it may."""
    questions = built(tmp_path / "one", count=8, unanswerable=0.0, per_document=1)
    kinds = [each.type for each in questions]
    assert kinds.count("statement") == kinds.count("table") == 4
    assert len({each.documents[0] for each in questions}) == 8


def test_other_documents_that_say_the_same_are_named(tmp_path: Path) -> None:
    """The same words about the same thing serve as well; about another thing they do not."""
    said = "Tern 4.1.0 was released on 3 March 2026."
    notes = [
        passage("a", said, title="Tern 4.1.0 notes"),
        passage("b", f"{said} It was late.", title="A history of Tern"),
    ]
    (question,) = built(tmp_path / "one", notes, unanswerable=0.0, types=("statement",))
    assert {place.document_id for place in question.evidence[0].also} | {
        question.evidence[0].document_id
    } == {"a", "b"}


def test_a_set_shares_nothing_with_training_data(tmp_path: Path) -> None:
    """Neither documents nor questions that a model was trained on; the test split may be asked."""
    recipe = Recipe("docs", "birds", 7, shares=SplitShares(0.0, 0.4))
    makers = [maker_named("template:statement"), maker_named("template:table")]
    build_data_set(tmp_path / "rows", recipe, makers, read=lambda _: iter(corpus()))
    rows = (tmp_path / "rows" / EXAMPLES).read_text(encoding="utf-8").splitlines()
    trained = {
        name
        for row in map(json.loads, rows)
        if row["split"] != "test"
        for name in row["source"]["documents"]
    }
    questions = built(tmp_path / "one", trained=(tmp_path / "rows" / EXAMPLES,))
    assert questions
    assert not trained & {name for each in questions for name in each.documents}
    dropped = read_card(tmp_path / "one")["questions_dropped"]
    assert dropped["its document is in the training data"]


def test_nothing_that_may_be_asked_is_told(tmp_path: Path) -> None:
    """Passages without facts give an error with the reasons, and no file."""
    with pytest.raises(RejectedError, match="no question came of 1 passages"):
        built(tmp_path / "one", [passage("a", "It is quiet here, and nobody counts the birds.")])
    assert not (tmp_path / "one" / QUESTIONS).exists()


def test_a_reviewed_set_is_not_thrown_away(tmp_path: Path) -> None:
    """Building again needs --replace once somebody has said something about a question."""
    first, *others = built(tmp_path / "one")
    built(tmp_path / "one")  # nobody has reviewed it yet
    reviewed = SetQuestion(first.id, first.question, first.type, status="rejected", note="unclear")
    write_set(tmp_path / "one", [reviewed, *others], read_card(tmp_path / "one"))
    with pytest.raises(ConflictError, match="1 questions reviewed"):
        built(tmp_path / "one")
    built(tmp_path / "one", replacing=True)


def test_one_command_at_a_time(tmp_path: Path) -> None:
    """A folder that another command holds is left alone."""
    with locked(tmp_path / "one"), pytest.raises(ConflictError, match="another command"):
        built(tmp_path / "one")


def test_a_teacher_is_needed_for_its_questions(tmp_path: Path) -> None:
    """Asking for them without one is a mistake of the caller."""
    with pytest.raises(UsageError, match="need one"):
        built(tmp_path / "one", types=("teacher",))


def test_what_a_teacher_asks_is_checked_as_in_data_sets(tmp_path: Path) -> None:
    """A faithful pair becomes a question with a quote; an invented one is left out and counted."""

    def says(messages: Sequence[Message]) -> str:
        text = messages[-1].content
        if "Tern 4.2.0" not in text:
            return "nothing"
        return (
            "Question: How many points may a batch of Tern 4.2.0 hold?\n"
            "Answer: A batch may hold up to 5,000 points.\n"
            "Question: Who wrote the release notes of Tern 4.2.0?\n"
            "Answer: Ada Lovelace wrote the release notes of Tern 4.2.0.\n"
        )

    answers = KeptAnswers(tmp_path / "answers.sqlite")
    with Teacher(ScriptedServer(says), answers) as teacher:
        helpers = Helpers(teacher=teacher, search=word_search(release_notes()))
        (question,) = built(
            tmp_path / "one", release_notes(), types=("teacher",), unanswerable=0.0,
            helpers=helpers,
        )  # fmt: skip
    assert question.question == "How many points may a batch of Tern 4.2.0 hold?"
    assert question.evidence[0].quote == "A batch may hold up to 5,000 points."
    assert question.other["source"]["teacher"] == "org/teacher-1b"


def test_readers_of_a_document_are_kept_with_its_questions(tmp_path: Path) -> None:
    """Who hands a set on sees for whom its documents were."""
    only = passage("a", "Tern 4.1.0 was released on 3 March 2026.", title="Tern", acl=("wardens",))
    (question,) = built(tmp_path / "one", [only], unanswerable=0.0, types=("statement",))
    assert question.other["source"]["acl"] == ["wardens"]


def test_who_asks_reads_the_file(tmp_path: Path) -> None:
    """The file is one that ``load_questions`` takes, whole and by split."""
    questions = built(tmp_path / "one")
    file = tmp_path / "one" / QUESTIONS
    known = load_questions(file)
    assert [each.answerable for each in known] == [each.answerable for each in questions]
    assert {each.split for each in load_questions(file, split="test")} == {"test"}


PROSE = (
    "The blue key is kept in the vault of the harbour bank. "
    "The old harbour crane was built by Ingram Brothers."
)


def test_prose_fills_up_what_the_others_leave(tmp_path: Path) -> None:
    """Turned sentences are asked only where tables, fields and statements do not suffice."""
    passages = [*corpus(), passage("prose", PROSE, title="The harbour")]
    few = built(tmp_path / "few", passages, count=10)
    many = built(tmp_path / "many", passages, count=200, per_document=0)
    assert not any(each.type == "sentence" for each in few)
    turned = {each.answer: each for each in many if each.type == "sentence"}
    assert turned
    for each in turned.values():
        assert holds(each.evidence[0].quote, each.answer_groups)


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("The blue key is kept in the vault.", "What is kept in the vault?", "The blue key"),
        ("The key is kept in the old vault.", "Where is the key kept?", "old vault"),
        ("Several keys are kept in the vault.", "What are kept in the vault?", ""),
        ("RoleContentUserYou are kept here, too.", "What are kept here?", ""),
        ("A key that nobody can see any more is lost.", "What is lost?", ""),
    ],
)
def test_what_a_turned_question_leaves_out(sentence: str, question: str, answer: str) -> None:
    """A few telling words, or nothing."""
    assert left_out(sentence, question) == answer


def test_an_answer_with_a_link_in_it_is_no_answer(tmp_path: Path) -> None:
    """The words of the quote are compared as they are written, as the check does."""
    linked = passage(
        "a",
        "Credits under the [SLA](sla.md) were applied without being claimed by anybody. "
        "The old harbour crane was built by the town of Ingram.",
        title="Credits",
    )
    questions = built(tmp_path / "one", [linked], types=("sentence",), unanswerable=0.0)
    assert list(findings_within(questions)) == []
    assert not any("applied" in each.question for each in questions)
