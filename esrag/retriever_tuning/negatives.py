"""Hard negatives: chunks that rank high for a question and are not judged to answer it.

    the base model's nearest ─┐
    what the index finds ─────┴─► candidates ─► those that surely answer nothing

Unjudged chunks may answer all the same, the more so the nearer they are; so a chunk is taken only
while the base model gives it less than ``most`` (0.95) of the score of the positive one, as in
NV-Retriever (https://arxiv.org/abs/2407.15831, "TopK-PercPos").  Chunks of a document that
answers, and chunks that hold the known answer, are never taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from esrag.questions import holds
from esrag.retriever_tuning.material import Question, Text
from esrag.retriever_tuning.ranking import best_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPTH = 60  # how far down a ranking candidates are looked for
KEPT = 30  # candidates kept of each ranking
Search = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, the row of a chunk that answers it, and rows of chunks that do not.

    ``near`` are the base model's own mistakes, never empty; ``found`` are those of the index.
    """

    question: Question
    positive: int
    near: tuple[int, ...]
    found: tuple[int, ...]

    def negatives(self, count: int, random: Random) -> tuple[int, ...]:
        """``count`` rows, from both rankings in turn; again from the beginning when they end."""
        wells: list[list[int]] = [[], []]
        chosen: list[int] = []
        while len(chosen) < count:
            if not any(wells):
                wells = [list(self.near), [row for row in self.found if row not in self.near]]
            well = wells[len(chosen) % 2] or wells[1 - len(chosen) % 2]
            chosen.append(well.pop(random.randrange(len(well))))
        return tuple(chosen)


def mine(
    asked: Sequence[Question],
    texts: Sequence[Text],
    questions: NDArray[np.float32],
    passages: NDArray[np.float32],
    *,
    search: Search | None,
    most: float,
    tell: Callable[[int], None] = lambda _: None,
) -> tuple[Pair, ...]:
    """A pair for each question and document that answers it.

    Of a document whose answering chunk is not known, the chunk nearest to the question is taken.
    ``search`` gives ids of chunks that the index finds for a question, best first.
    """
    rows_of: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        rows_of.setdefault(text.document, []).append(row)
    row_of = {text.id: row for row, text in enumerate(texts)}
    nearest = best_rows(questions, passages, DEPTH)
    pairs: list[Pair] = []
    for number, question in enumerate(asked):
        scores = passages @ questions[number]
        positives = _positives(question, scores, row_of, rows_of)
        hits = search(question.text, DEPTH) if search and positives else ()
        found = [row_of[name] for name in hits if name in row_of]
        near = nearest[number].tolist()
        silent = [row for row in (*near, *found) if not _answers(question, texts[row])]
        for positive in positives:
            bound = most * float(scores[positive])
            fit = {row for row in silent if scores[row] < bound}
            kept = [row for row in near if row in fit][:KEPT] or _any_rows(question, texts)
            if kept:
                others = [row for row in found if row in fit][:KEPT]
                pairs.append(Pair(question, positive, tuple(kept), tuple(others)))
        tell(number + 1)
    return tuple(pairs)


def _positives(
    question: Question,
    scores: NDArray[np.float32],
    row_of: dict[str, int],
    rows_of: dict[str, list[int]],
) -> list[int]:
    known = [row_of[name] for name in question.chunks if name in row_of]
    if known:
        return known
    return [
        max(rows_of[name], key=lambda row: float(scores[row]))
        for name in sorted(question.grades)
        if name in rows_of
    ]


def _any_rows(question: Question, texts: Sequence[Text]) -> list[int]:
    """Rows drawn by the question's words, where nothing near is surely no answer."""
    random = Random(question.text)  # noqa: S311 - no secret is made of it
    drawn = random.sample(range(len(texts)), min(KEPT, len(texts)))
    return [row for row in drawn if not _answers(question, texts[row])]


def _answers(question: Question, text: Text) -> bool:
    return text.document in question.grades or holds(text.text, question.forms)
