"""Reciprocal rank fusion as the cluster's own ``rrf`` retriever computes it.  Pure.

    score(document) = sum over rankings of  weight / (rank constant + rank)      rank from 1

Scores are summed in single precision, ranking by ranking, because the server does, and equal
scores are ordered by the place of the document in the index (shard, then number in the shard):
so the order here is the server's to the last tie.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_CONSTANT = 60
DEFAULT_WINDOW = 10


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document in a ranking: ``place`` is its ``_shard_doc``, by which ties are decided."""

    index: str
    id: str
    place: int


@dataclass(frozen=True, slots=True)
class Fused:
    """A document of the fused ranking."""

    index: str
    id: str
    score: float


def fuse(
    rankings: Sequence[Sequence[Ranked]],
    *,
    constant: int = DEFAULT_CONSTANT,
    window: int = DEFAULT_WINDOW,
    weights: Sequence[float] = (),
) -> tuple[Fused, ...]:
    """The best ``window`` documents of all rankings together; of each ranking the first ``window``.

    Without ``weights`` all rankings count alike.
    """
    factors = [_single(weight) for weight in weights] or [1.0] * len(rankings)
    scores: dict[tuple[str, str], float] = {}
    places: dict[tuple[str, str], int] = {}
    for factor, ranking in zip(factors, rankings, strict=True):
        for rank, found in enumerate(ranking[:window], start=1):
            key = (found.index, found.id)
            part = _single(factor * _single(1.0 / (constant + rank)))
            scores[key] = _single(scores.get(key, 0.0) + part)
            places.setdefault(key, found.place)
    best = sorted(scores, key=lambda key: (-scores[key], places[key]))[:window]
    return tuple(Fused(index, name, scores[index, name]) for index, name in best)


def fusion_settings(retriever: Mapping[str, object]) -> tuple[int, int]:
    """Rank constant and window of an ``rrf`` retriever; the server's defaults where it is silent.

    Numbers may be given as text, as search templates do.
    """
    constant = int(str(retriever.get("rank_constant", DEFAULT_CONSTANT)))
    window = int(str(retriever.get("rank_window_size", DEFAULT_WINDOW)))
    return constant, window


def _single(value: float) -> float:
    """``value`` rounded to single precision."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded
