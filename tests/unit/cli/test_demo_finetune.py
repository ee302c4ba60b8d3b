"""What the demo of fine-tuning counts on held-out rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from esrag import prompting
from esrag.cli.demo_held_out import asking_settings, comparison, figures, held_out, remembered
from esrag.errors import UsageError
from esrag.examples.rows import write_examples
from esrag.questions import load_questions
from esrag.sample import questions_file
from esrag.settings import load_settings
from esrag.types import Example, ExampleKind, ExampleSource, Message, Split


def row(number: int, kind: ExampleKind, split: Split = "test") -> Example:
    """A row of three passages, the second of which says 45 seconds."""
    grounded = kind == "grounded"
    answer = "It is 45 seconds. [2]" if grounded else prompting.MODEL_REFUSAL
    source = ExampleSource(
        index="i", set="s", chunks=("a", "b", "c"), documents=(), sources=(), hashes=(),
        maker="test", seed=number,
    )  # fmt: skip
    return Example(
        id=f"{kind}-{number}",
        kind=kind,
        split=split,
        messages=(Message("user", "How long?"), Message("assistant", answer)),
        question="How long?",
        answer=answer,
        source=source,
        accepted=(("45 seconds",),) if grounded else (),
        relevant=(2,) if grounded else (),
    )


def about(document: str, number: int, split: Split = "test") -> Example:
    """A row of one document."""
    made = row(number, "grounded", split)
    source = replace(made.source, documents=(document,), sources=(document,), hashes=("h",))
    return replace(made, source=source)


def test_each_text_is_judged_by_its_row() -> None:
    """Right with its citation, right without, refused rightly and wrongly."""
    rows = [row(1, "grounded"), row(2, "grounded"), row(3, "unanswerable"), row(4, "unanswerable")]
    found = figures(
        rows, ["45 seconds [2].", prompting.MODEL_REFUSAL, prompting.MODEL_REFUSAL, "An hour [1]."]
    )
    assert found.right_and_cited == (True, False)
    assert found.refused_wrongly == (False, True)
    assert found.refused == (True, False)


def test_the_right_answer_without_its_number_does_not_count() -> None:
    """The demo shows answers with their citation."""
    found = figures([row(1, "grounded")] * 2, ["45 seconds.", "45 seconds [1]."])
    assert found.right_and_cited == (False, False)


def test_both_models_stand_in_one_line() -> None:
    """Base first, then the adapter."""
    lines = comparison([row(1, "grounded")], ["no"], ["45 seconds [2]."])
    assert "base 0/1" in lines[0]
    assert "adapter 1/1" in lines[0]


def test_only_rows_of_the_test_split_are_asked(tmp_path: Path) -> None:
    """What was trained measures nothing."""
    rows = [row(1, "grounded", "train"), row(2, "grounded"), row(3, "unanswerable")]
    file = tmp_path / "examples.jsonl"
    write_examples(file, rows)
    found = held_out(file)
    assert [each.id for each in found.answerable] == ["grounded-2"]
    assert [each.id for each in found.unanswerable] == ["unanswerable-3"]


def test_a_row_that_words_cannot_judge_is_not_asked(tmp_path: Path) -> None:
    """It could only be wrong."""
    file = tmp_path / "examples.jsonl"
    write_examples(file, [replace(row(1, "grounded"), accepted=()), row(2, "grounded")])
    assert [each.id for each in held_out(file).answerable] == ["grounded-2"]


def test_rows_of_other_documents_come_first(tmp_path: Path) -> None:
    """A document with many rows must not be the whole measurement."""
    rows = [about("a", 1), about("a", 2), about("b", 3)]
    file = tmp_path / "examples.jsonl"
    write_examples(file, rows)
    assert [each.id for each in held_out(file).answerable] == [
        "grounded-1",
        "grounded-3",
        "grounded-2",
    ]


def test_no_question_is_asked_about_a_document_that_was_taught(tmp_path: Path) -> None:
    """Of the sample's own questions, in their order, about single facts."""
    taught = {"release-notes/siltbase-4.3.1.md", "release-notes/siltbase-5.0.0.md"}
    file = tmp_path / "examples.jsonl"
    write_examples(file, [row(1, "grounded"), *(about(name, 2, "train") for name in taught)])
    known = {each.id: each for each in load_questions(questions_file())}
    found = held_out(file).questions
    assert len(found) == 8
    for question in found:
        assert (question.kind, question.split) == ("single_fact", "test")
        assert not {evidence.document_id for evidence in question.evidence} & taught
        assert known[question.id] == question


def test_what_is_neither_right_nor_declined_is_invented() -> None:
    """Without passages; the first such answer is the warning."""
    rows = [row(number, "grounded") for number in range(3)]
    found = remembered(rows, ["It is 45 seconds.", prompting.UNKNOWN, "It is\nan hour."])
    assert (found.right, found.declined, found.invented) == (1, 1, 1)
    assert found.example == ("How long?", "It is an hour.")


def test_both_models_are_asked_with_the_same_prompts() -> None:
    """Only the model differs, and the settings that were given stay as they are."""
    settings = load_settings()
    base, tuned = asking_settings(settings, "tgi"), asking_settings(settings, "demo")
    assert (base.generator.model, tuned.generator.model) == ("tgi", "demo")
    assert base.generator.passages == tuned.generator.passages == settings.generator.passages
    assert settings.generator.model == "tgi"


def test_a_data_set_without_test_rows_is_told(tmp_path: Path) -> None:
    """Instead of figures of nothing."""
    file = tmp_path / "examples.jsonl"
    write_examples(file, [row(1, "grounded", "train")])
    with pytest.raises(UsageError, match="no test rows"):
        held_out(file)
