"""Which chunks become negatives, and which pairs stand in one batch."""

from __future__ import annotations

import numpy as np

from esrag.retriever_tuning.batches import batches_of, chance
from esrag.retriever_tuning.material import Question, Text
from esrag.retriever_tuning.negatives import Pair, mine

TEXTS = (
    Text("a0", "a", "the other half of the answer"),
    Text("a1", "a", "Version 4.2.1 came out on 9 April."),
    Text("b0", "b", "nearly the same words"),
    Text("c0", "c", "It was 9 April when it came."),
    Text("d0", "d", "something near"),
    Text("e0", "e", "something far"),
)
SCORES = np.array([[0.70, 0.80, 0.79, 0.50, 0.60, 0.10]], dtype=np.float32)


def mined(question: Question, search: tuple[str, ...] = ()) -> tuple[Pair, ...]:
    """Pairs of one question whose cosines with TEXTS are SCORES."""
    return mine(
        [question],
        TEXTS,
        np.array([[1.0]], dtype=np.float32),
        SCORES.T.copy(),
        search=(lambda _, __: search) if search else None,
        most=0.95,
    )


def test_the_nearest_chunk_of_the_document_is_the_positive() -> None:
    """Where nobody says which chunk answers."""
    (pair,) = mined(Question("q", "when", {"a": 1}))
    assert TEXTS[pair.positive].id == "a1"


def test_a_chunk_that_is_known_to_answer_is_the_positive() -> None:
    """Whoever made the question knows better than the model."""
    (pair,) = mined(Question("q", "when", {"a": 1}, chunks=("a0",)))
    assert TEXTS[pair.positive].id == "a0"


def test_what_may_answer_is_no_negative() -> None:
    """Not a chunk of the document, not one as near as the answer, not one that holds it."""
    question = Question("q", "when", {"a": 1}, forms=(("9 April",),))
    (pair,) = mined(question, search=("c0", "e0", "b0", "gone"))
    assert [TEXTS[row].id for row in pair.near] == ["d0", "e0"]
    assert [TEXTS[row].id for row in pair.found] == ["e0"]


def test_a_question_about_documents_that_are_gone_gives_no_pair() -> None:
    """There is nothing to learn from it."""
    assert mined(Question("q", "when", {"gone": 1})) == ()


def test_negatives_come_from_both_rankings_and_never_run_out() -> None:
    """In turn, each once before any comes again."""
    pair = Pair(Question("q", "when", {"a": 1}), 0, (1, 2), (2, 3))
    chosen = pair.negatives(3, chance(1))
    assert sorted(chosen) == [1, 2, 3]
    assert len(pair.negatives(7, chance(1))) == 7


def pairs_of_shared_documents() -> tuple[list[Pair], list[str]]:
    """Sixty questions, of which three ask for each document."""
    documents = [f"d{number}" for number in range(20)]
    pairs = [
        Pair(Question(f"q{number}", "what", {documents[number % 20]: 1}), number % 20, (0,), ())
        for number in range(60)
    ]
    return pairs, documents


def test_a_batch_holds_no_two_questions_of_one_document() -> None:
    """One's positive would be the other's negative."""
    pairs, documents = pairs_of_shared_documents()
    batches = batches_of(pairs, documents, size=16, negatives=1, seed=1, epoch=0)
    for batch in batches:
        named = [documents[pair.positive] for pair in batch.pairs]
        assert len(set(named)) == len(named)


def test_an_epoch_shows_each_pair_once() -> None:
    """But for one that would be alone in a last batch."""
    pairs, documents = pairs_of_shared_documents()
    batches = batches_of(pairs, documents, size=16, negatives=1, seed=1, epoch=0)
    shown = [pair.question.id for batch in batches for pair in batch.pairs]
    assert len(set(shown)) == len(shown)
    assert len(shown) >= 58


def test_seed_and_epoch_decide_the_batches() -> None:
    """The same again is the same; another epoch is another order."""
    pairs, documents = pairs_of_shared_documents()

    def order(seed: int, epoch: int) -> list[str]:
        batches = batches_of(pairs, documents, size=16, negatives=1, seed=seed, epoch=epoch)
        return [pair.question.id for batch in batches for pair in batch.pairs]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
