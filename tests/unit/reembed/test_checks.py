"""What keeps a new generation from taking over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from esrag.errors import RejectedError
from esrag.questions import Evidence, KnownQuestion
from esrag.reembedding.checks import Vectors, measure_gate, require_gate, require_whole
from esrag.types import Hit

GOOD = Vectors(chunks=10, embedded=10, sampled=10, lengths={8: 10}, zeros=0)


def question(name: str, *documents: str) -> KnownQuestion:
    """A question whose evidence is the word "yes" in each of these documents."""
    evidence = tuple(Evidence(document, "yes") for document in documents)
    return KnownQuestion(name, f"{name}?", "fact", "", "yes", (("yes",),), evidence)


def hit(document: str, text: str = "yes") -> Hit:
    """A hit in this document."""
    return Hit(document, document, 1, 1.0, text, "", (), "", "", 0, 0, 3)


def test_a_whole_generation_passes() -> None:
    """Nothing is raised."""
    require_whole(GOOD, wanted=10, dims=8)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (replace(GOOD, chunks=9, embedded=9), "9 chunks, the old generation 10"),
        (replace(GOOD, embedded=8), "2 chunks have no vector"),
        (replace(GOOD, lengths={8: 9, 6: 1}), "have not 8 numbers: {6: 1}"),
        (replace(GOOD, zeros=3), "3 are all zeros"),
    ],
)
def test_what_is_wrong_is_named(found: Vectors, words: str) -> None:
    """Each of the four checks."""
    with pytest.raises(RejectedError, match=words):
        require_whole(found, wanted=10, dims=8)


def test_the_gate_compares_recall_of_evidence() -> None:
    """Half of the evidence is half of a question; unanswerable ones do not count."""
    questions = [question("one", "a", "b"), question("two", "c"), question("none")]

    def ask(index: str, text: str) -> Sequence[Hit]:
        found = {"one?": [hit("a"), hit("b")], "two?": [hit("c")]}[text]
        return found if index == "old" else found[:1]

    found = measure_gate(questions, ask, old="old", new="new")
    assert (found.questions, found.old, found.new, found.lost) == (2, 1.0, 0.75, ("one",))
    require_gate(found, tolerance=0.25)
    with pytest.raises(RejectedError, match=r"worse on one"):
        require_gate(found, tolerance=0.2)
