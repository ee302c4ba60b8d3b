"""What a check of a question set finds, in itself, beside an index and beside training data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from making_desk import desk_of, passage, release_notes

from esrag.evaluation.question_sets.checking import (
    findings_beside_index,
    findings_beside_training,
    findings_within,
)
from esrag.evaluation.question_sets.overlap import Trained
from esrag.evaluation.question_sets.records import SetQuestion, read_set
from esrag.evaluation.question_sets.unanswered import answered_anywhere
from esrag.examples.passages import Passage
from esrag.examples.rows import write_examples
from esrag.prompting import closed_book
from esrag.questions import Evidence
from esrag.sample import questions_file
from esrag.types import Split

RELEASED = "Tern 4.2.0 was released on 9 April 2026."
ASKED = SetQuestion(
    "one", "When was Tern 4.2.0 released?", "statement", "test", "9 April 2026",
    (("9 April 2026",),), (Evidence("tern-4.2.0", RELEASED),),
)  # fmt: skip
NONE = SetQuestion("two", "When was Tern 4.2.7 released?", "x", "test", answerable=False)


def within(*questions: SetQuestion) -> list[tuple[str, str]]:
    """Questions and what is wrong with them, looked at alone."""
    return [(each.question, each.what) for each in findings_within(questions)]


def beside(*questions: SetQuestion, passages: Sequence[Passage] = ()) -> list[tuple[str, str]]:
    """The same, beside an index."""
    found = findings_beside_index(questions, passages or release_notes())
    return [(each.question, each.what) for each in found]


def test_a_sound_set_has_nothing_wrong() -> None:
    """Answers stand in their evidence, and evidence in the index."""
    assert within(ASKED, NONE) == beside(ASKED, NONE) == []


def test_the_sample_holds() -> None:
    """163 questions of people; the check has no false alarm there."""
    assert list(findings_within(read_set(questions_file()))) == []


BUILT = {"source": {"documents": ["tern-4.2.0"]}}
WRONG = (
    ((ASKED, replace(ASKED, question="Who counts?", answer_groups=())), "its id is used twice"),
    ((ASKED, replace(ASKED, id="b")), "it is nearly the same as another question"),
    (
        (ASKED, replace(ASKED, id="b", answer_groups=(("10 April 2026",),), evidence=())),
        "the same question has another answer elsewhere",
    ),
    (
        (replace(ASKED, other=BUILT), replace(NONE, split="calibration", other=BUILT)),
        "its document stands in several splits",
    ),
    (
        (replace(NONE, evidence=ASKED.evidence),),
        "it has an answer or evidence, and is said to have none",
    ),
    (
        (replace(ASKED, question="Was 9 April 2026 the day of Tern?"),),
        "the question says its own answer",
    ),
    (
        (replace(ASKED, answer_groups=(("10 April 2026",),)),),
        "no accepted form stands in the evidence",
    ),
)


@pytest.mark.parametrize(("questions", "what"), WRONG)
def test_what_is_wrong_within(questions: tuple[SetQuestion, ...], what: str) -> None:
    """The last question is named, with the reason."""
    assert (questions[-1].id, what) in within(*questions)


def test_a_rejected_question_is_not_looked_at() -> None:
    """It is not asked; but its id must not be another's."""
    rejected = replace(ASKED, answer_groups=(("10 April 2026",),), status="rejected")
    assert within(rejected) == beside(replace(rejected, evidence=(Evidence("gone", "x"),))) == []


@pytest.mark.parametrize(
    ("evidence", "what"),
    [
        (Evidence("gone", RELEASED), "its document is gone from the index"),
        (Evidence("tern-4.2.0", "It never flew."), "its quote is gone from the document"),
        (
            Evidence("tern-4.2.0", RELEASED, (Evidence("tern-4.1.0", RELEASED),)),
            "its quote is gone from the document",
        ),
    ],
)
def test_what_is_wrong_beside_the_index(evidence: Evidence, what: str) -> None:
    """A document or its words went; other places are looked at as well."""
    assert beside(replace(ASKED, evidence=(evidence,))) == [("one", what)]


def test_a_quote_must_be_within_one_chunk() -> None:
    """What two chunks share out is found by no search."""
    parts = [
        passage("a", "Tern 4.2.0 was released", document_id="tern-4.2.0"),
        passage("b", "on 9 April 2026.", document_id="tern-4.2.0"),
    ]
    assert beside(ASKED, passages=parts) == [("one", "its quote is not within one chunk")]


def test_a_document_that_may_not_be_used_is_not_called_gone() -> None:
    """Who may not read a document is told so."""
    found = findings_beside_index([ASKED], [], not_allowed={"tern-4.2.0"})
    assert [each.what for each in found] == ["its document may not be used"]


def test_a_question_without_an_answer_may_have_one() -> None:
    """A passage that holds its words and a value of the kind is told, with the words."""
    (found,) = findings_beside_index(
        [NONE], [passage("a", "Tern 4.2.7 was released on 1 May 2026.")]
    )
    assert found.what == "it has no answer, but a passage may answer it"
    assert found.detail == "a: Tern 4.2.7 was released on 1 May 2026."
    assert not beside(replace(NONE, status="reviewed"))


@pytest.mark.parametrize(
    "text",
    [
        "Tern 4.2.7 was released in spring.",  # no date
        "Tern 4.2.8 was released on 1 May 2026.",  # another version
        "Plover 4.2.7 was released on 1 May 2026.",  # another product
    ],
)
def test_what_says_something_else_is_no_answer(text: str) -> None:
    """Near is not enough."""
    assert not answered_anywhere([NONE], [passage("a", text)])


NEAR = {"near_miss": {"entity": "4.2.7", "instead_of": "4.2.0", "question": "one"}}


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("Tern 4.2.7 was released on 1 May 2026.", True),  # it came since the set was built
        ("All of Tern 4.2 was released on 1 May 2026.", True),
        ("Tern was released on 1 May 2026.", True),
        ("Tern 4.2.0 was released on 9 April 2026.", False),
        ("Tern 4.2.70 was released on 9 April 2026.", False),
        ("Plover was released on 9 April 2026.", False),
    ],
)
def test_what_may_answer_a_near_miss(text: str, answered: bool) -> None:
    """The invented version itself, what it would belong to, or no version at all."""
    asked = replace(NONE, other=NEAR)
    assert bool(answered_anywhere([asked], [passage("a", text)])) == answered


def test_training_data_is_found(tmp_path: Path) -> None:
    """Documents and questions of train, not of test."""
    file = tmp_path / "examples.jsonl"
    rows: tuple[tuple[Split, str, str], ...] = (
        ("train", "tern-4.2.0", "Where do terns live?"),
        ("train", "other", "When was Tern 4.2.7 released?"),
        ("test", "free", "Who counts the terns?"),
    )
    desk = desk_of(release_notes())
    made = (
        desk.example(
            "knowledge", closed_book(asked), question=asked, answer="x",
            passages=[passage(document, "x")], maker="fixed", split=split,
        )
        for split, document, asked in rows
    )  # fmt: skip
    assert write_examples(file, made) == 3
    trained = Trained([file])
    free = SetQuestion("three", "Who counts the terns?", "x", evidence=(Evidence("free", "x"),))
    found = findings_beside_training([ASKED, NONE, free], trained)
    assert [(each.question, each.what) for each in found] == [
        ("one", "its document is in the training data"),
        ("two", "a question of the training data is nearly the same"),
    ]
