"""Questions to compare rankings with, and the comparison."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from esrag.questions import load_questions
from esrag.sample import corpus_folder

if TYPE_CHECKING:
    from esrag.types import Hit

Sameness = Literal["exact", "ties", "different"]


def sample_questions(count: int) -> list[str]:
    """The questions of the sample, then lines of its documents, in a fixed order."""
    known = [q.text for q in load_questions(corpus_folder().parent / "questions.jsonl")]
    lines: set[str] = set()
    for path in sorted(corpus_folder().rglob("*")):
        if path.suffix in (".md", ".txt"):
            stripped = (line.strip("#*- >|") for line in path.read_text("utf-8").splitlines())
            lines.update(line for line in stripped if 20 < len(line) < 160)
    drawn = sorted(lines - set(known))
    random.Random(7).shuffle(drawn)
    return (known + drawn)[:count]


def sameness(one: Sequence[Hit], other: Sequence[Hit]) -> Sameness:
    """Whether two rankings are the same; ``ties`` says: but for the order of equal scores.

    Where equal scores are cut off at the end, either may show the one or the other.
    """
    if [hit.id for hit in one] == [hit.id for hit in other]:
        return "exact"
    if [round(hit.score, 6) for hit in one] != [round(hit.score, 6) for hit in other]:
        return "different"
    last = round(one[-1].score, 6)
    groups = [_groups(one), _groups(other)]
    return (
        "ties"
        if all(groups[0][s] == groups[1][s] for s in groups[0] if s != last)
        else ("different")
    )


def _groups(hits: Sequence[Hit]) -> dict[float, set[str]]:
    found: dict[float, set[str]] = {}
    for hit in hits:
        found.setdefault(round(hit.score, 6), set()).add(hit.id)
    return found
