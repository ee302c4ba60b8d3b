"""What the demo of fine-tuning counts on held-out rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag import prompting
from esrag.cli.demo_finetune import comparison, figures, held_out
from esrag.errors import UsageError
from esrag.examples.rows import write_examples
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
    assert [each.id for each in held_out(file)] == ["grounded-2", "unanswerable-3"]


def test_a_data_set_without_test_rows_is_told(tmp_path: Path) -> None:
    """Instead of figures of nothing."""
    file = tmp_path / "examples.jsonl"
    write_examples(file, [row(1, "grounded", "train")])
    with pytest.raises(UsageError, match="no test rows"):
        held_out(file)
