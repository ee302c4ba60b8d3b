"""Ranks by the cosine with every vector, exactly, as the index's dense search does but for its
approximation; and makes rankings of documents of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from esrag.retriever_tuning.material import Question
from esrag.retriever_tuning.measures import K, ndcg

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 256  # questions compared with all vectors at once
_FETCHED = 100  # chunks looked at first for K documents


def best_rows(
    questions: NDArray[np.float32], passages: NDArray[np.float32], size: int
) -> NDArray[np.int64]:
    """For each question the rows of its ``size`` nearest passages, best first.

    Of equal scores the earlier row comes first, so that the same vectors give the same ranking.
    """
    size = min(size, len(passages))
    found = np.empty((len(questions), size), dtype=np.int64)
    for start in range(0, len(questions), _ROWS):
        scores = questions[start : start + _ROWS] @ passages.T
        for number, row in enumerate(scores, start=start):
            nearest = np.argpartition(-row, size - 1)[:size]
            # what ties with the last may be any of its equals: take the earliest of them
            least = row[nearest].min()
            above = np.flatnonzero(row > least)
            ties = np.flatnonzero(row == least)[: size - len(above)]
            chosen = np.concatenate([above, ties])
            found[number] = chosen[np.lexsort((chosen, -row[chosen]))]
    return found


def document_ranking(rows: Sequence[int], documents: Sequence[str], size: int = K) -> list[str]:
    """The first ``size`` documents, each where its best chunk stands."""
    return list(dict.fromkeys(documents[row] for row in rows))[:size]


def values_of(
    asked: Sequence[Question],
    questions: NDArray[np.float32],
    passages: NDArray[np.float32],
    documents: Sequence[str],
) -> list[float]:
    """nDCG@10 of each question; ``documents`` names the document of each row of ``passages``."""
    fetched = _FETCHED
    while True:
        rows = best_rows(questions, passages, fetched)
        rankings = [document_ranking(row.tolist(), documents) for row in rows]
        if fetched >= len(passages) or all(len(ranking) >= K for ranking in rankings):
            break
        fetched *= 4  # a document with many chunks pushed others out
    return [
        ndcg(ranking, question.grades) for question, ranking in zip(asked, rankings, strict=True)
    ]
