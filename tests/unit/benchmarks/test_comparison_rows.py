"""Which questions the comparison on a folder asks, and which rows teach them."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.comparison import chosen, teaches, to_train
from esrag.evaluation.question_sets.records import SetQuestion
from esrag.questions import Evidence
from esrag.types import Example, ExampleSource, Message


def row(document: str, answer: str, question: str = "How long is it?") -> Example:
    """A closed-book row about a document."""
    source = ExampleSource(
        index="i", set="s", chunks=(), documents=(document,), sources=(document,), hashes=("h",),
        maker="template:statement", seed=7,
    )  # fmt: skip
    return Example(
        id=f"knowledge-{document}-{answer}-{question}",
        kind="knowledge",
        split="train",
        messages=(Message("user", question), Message("assistant", answer)),
        question=question,
        answer=answer,
        source=source,
    )


def asked(document: str, answer: str = "45 seconds") -> SetQuestion:
    """A question about a document, in the words of people."""
    return SetQuestion(
        f"q-{document}", f"what's the length of {document}", "judged", answer=answer,
        answer_groups=((answer,),), evidence=(Evidence(document, ""),),
    )  # fmt: skip


def test_a_row_teaches_what_its_answer_holds_about_the_document() -> None:
    """Another document, another answer, the question itself, and what is not trained do not."""
    question = asked("a")
    assert teaches(row("a", "It is 45 seconds."), question)
    assert not teaches(row("b", "It is 45 seconds."), question)
    assert not teaches(row("a", "It is 50 seconds."), question)
    assert not teaches(row("a", "It is 45 seconds.", question.question), question)
    assert not teaches(replace(row("a", "45 seconds"), split="test"), question)
    assert not teaches(replace(row("a", "45 seconds"), kind="grounded"), question)


def test_half_are_about_taught_facts_and_half_about_documents_kept_apart() -> None:
    """A document that is trained, and not this fact of it, is asked about in neither half."""
    rows = [row("a", "45 seconds"), row("b", "45 seconds"), row("c", "an hour")]
    questions = [asked(name) for name in ("a", "b", "c", "d", "e", "f")]
    found = chosen(questions, rows, limit=4)
    kinds = {each.id: each.type for each in found}
    assert len(found) == 4
    assert kinds.pop("q-a") == kinds.pop("q-b") == "taught"
    assert set(kinds.values()) == {"not_taught"}
    assert set(kinds) < {"q-d", "q-e", "q-f"}


def test_questions_about_other_documents_come_first() -> None:
    """Ten questions about one passage are hardly more than one."""
    twice = replace(asked("d"), id="again", question="and how long, again?")
    found = chosen([asked("d"), twice, asked("e"), asked("f")], [], limit=3)
    assert {each.documents for each in found} == {("d",), ("e",), ("f",)}


def test_no_question_has_most_of_the_rows() -> None:
    """Of a document with very many rows the first are taught."""
    rows = [row("a", "45 seconds", f"How long, in words {number}?") for number in range(30)]
    assert len(list(to_train(rows, [replace(asked("a"), type="taught")]))) == 12


def test_only_the_facts_that_are_asked_for_are_taught_by_heart() -> None:
    """A short training cannot teach all of a corpus."""
    rows = [row("a", "45 seconds"), row("b", "45 seconds"), row("a", "an hour")]
    questions = (replace(asked("a"), type="taught"), replace(asked("b"), type="not_taught"))
    assert [each.answer for each in to_train(rows, questions)] == ["45 seconds"]
