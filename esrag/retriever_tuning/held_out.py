"""``held-out.jsonl`` of a run: the questions that judged it, with what each model made of them.

A gain that is a mean says little of where it comes from; and the same questions can be asked of the
cluster when the model was rolled out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from esrag.disk import replace_text
from esrag.errors import UsageError
from esrag.retriever_tuning.material import Question
from esrag.training.run_folder import RunFolder

NAME = "held-out.jsonl"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A question that judged a run; ``base`` and ``tuned`` are its nDCG@10 by each model."""

    id: str
    text: str
    grades: Mapping[str, int]
    base: float
    tuned: float


def write_held_out(
    folder: RunFolder, asked: Sequence[Question], base: Sequence[float], tuned: Sequence[float]
) -> None:
    """Write a line for each question; raises UnavailableError when the disk is full."""
    lines = []
    for question, before, after in zip(asked, base, tuned, strict=True):
        record = {
            "id": question.id,
            "question": question.text,
            "documents": dict(question.grades),
            "base": round(before, 5),
            "tuned": round(after, 5),
        }
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    replace_text(folder.path / NAME, "".join(lines))


def read_held_out(folder: Path) -> tuple[HeldOut, ...]:
    """The questions that judged the run in ``folder``; raises UsageError when there are none."""
    file = folder / NAME
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line]
        return tuple(
            HeldOut(
                row["id"],
                row["question"],
                row["documents"],
                float(row["base"]),
                float(row["tuned"]),
            )
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}",
            hint="It is in the folder of every run of `esrag retriever tune` that was judged.",
        ) from error
