"""The threshold below which a question is refused, fitted to questions with known answers.

    answerable and unanswerable questions ─► confidences ─► threshold ─► note in the index

A threshold belongs to a document set and an embedding model, so it is noted where the vectors
are, with the number of questions behind it.  A small JSON file on this machine is the place for
whoever may not change the mapping; what the index says goes before it.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from esrag.errors import UsageError
from esrag.verification import DEFAULT_COVERAGE

# Fitted on the calibration half of the sample questions; see docs/answering.md.
DEFAULT_THRESHOLD = 0.67
_NOTE = re.compile(
    r"threshold=(?P<threshold>\d\.\d+) coverage=(?P<coverage>\d\.\d+) n=(?P<yes>\d+)\+(?P<no>\d+)"
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds and their story.

    ``threshold``: least score of the best quote; ``coverage``: least share of a generated
    sentence's words that its passage must hold.
    """

    threshold: float = DEFAULT_THRESHOLD
    coverage: float = DEFAULT_COVERAGE
    model_id: str = ""
    answerable: int = 0
    unanswerable: int = 0


@dataclass(frozen=True, slots=True)
class Scored:
    """A question with the best quote's score, and whether the corpus answers it."""

    score: float
    answerable: bool


def fit_threshold(scored: Sequence[Scored], *, false_refusal_cost: float = 1.0) -> float:
    """The threshold with the highest balanced accuracy; the middle of the best gap.

    ``false_refusal_cost`` weighs an answerable question refused against an unanswerable one
    answered.  Raises UsageError without at least one question of each sort.
    """
    yes = sorted(item.score for item in scored if item.answerable)
    no = sorted(item.score for item in scored if not item.answerable)
    if not yes or not no:
        raise UsageError("calibration needs questions with an answer and questions without one")
    edges = sorted({0.0, *yes, *no, 1.0})
    middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]

    def cost(threshold: float) -> float:
        false_refusals = sum(score < threshold for score in yes) / len(yes)
        false_answers = sum(score >= threshold for score in no) / len(no)
        return false_refusal_cost * false_refusals + false_answers

    return min(middles, key=cost)


def calibration_of(note: str, path: Path) -> Calibration:
    """What the index notes, else the file of the set, else the default.

    A note that cannot be read, of a later version for instance, counts as none.
    """
    return read_note(note) or load(path)


def note_of(calibration: Calibration) -> str:
    """``calibration`` as the note of an index: at most 50 characters, for a person to read too."""
    return (
        f"threshold={calibration.threshold:.4f} coverage={calibration.coverage:.2f} "
        f"n={calibration.answerable}+{calibration.unanswerable}"
    )


def read_note(note: str) -> Calibration | None:
    """The calibration in a note; None when it holds none."""
    found = _NOTE.fullmatch(note)
    if found is None:
        return None
    threshold, coverage = float(found["threshold"]), float(found["coverage"])
    if not (0 <= threshold <= 1 and 0 < coverage <= 1):
        return None
    return Calibration(
        threshold=threshold,
        coverage=coverage,
        answerable=int(found["yes"]),
        unanswerable=int(found["no"]),
    )


def load(path: Path) -> Calibration:
    """The stored calibration, or the default when there is none.

    Raises UsageError when the file cannot be used.
    """
    try:
        return Calibration(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Calibration()
    except (ValueError, TypeError, OSError) as error:
        raise UsageError(
            f"{path} cannot be used: {error}", hint="Remove it, or run: esrag calibrate"
        ) from error


def save(path: Path, calibration: Calibration) -> None:
    """Write ``calibration`` so that a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(dataclasses.asdict(calibration), indent=2) + "\n")
    temporary.replace(path)
