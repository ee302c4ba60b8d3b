"""Fuses rankings as the cluster's own ``rrf`` and ``linear`` retrievers do.  Pure.

    rrf:     score(document) = sum over rankings of  weight / (rank constant + rank)   rank from 1
    linear:  score(document) = sum over rankings of  weight * normalized score

Scores are summed in single precision, ranking by ranking, because the server does, and equal
scores are ordered by the place of the document in the index (shard, then number in the shard):
so the order here is the server's to the last tie.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from esrag.errors import UnsupportedError

DEFAULT_CONSTANT = 60
DEFAULT_WINDOW = 10
# A spread of scores below this carries no order; a millionth in single precision, as the server
# compares.
_NEGLIGIBLE = 9.999999974752427e-07

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document in a ranking: ``place`` is its ``_shard_doc``, by which ties are decided."""

    index: str
    id: str
    place: int
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Fused:
    """A document of the fused ranking; ``scores`` by the number of the ranking."""

    index: str
    id: str
    score: float
    scores: Mapping[int, float] = field(default_factory=dict)


def fuse(
    rankings: Sequence[Sequence[Ranked]],
    *,
    constant: int = DEFAULT_CONSTANT,
    window: int = DEFAULT_WINDOW,
    weights: Sequence[float] = (),
) -> tuple[Fused, ...]:
    """The best ``window`` documents of all rankings together, by reciprocal rank.

    Of each ranking the first ``window`` count.  Without ``weights`` all rankings count alike.
    """
    factors = [_single(weight) for weight in weights] or [1.0] * len(rankings)
    parts = [
        [_single(factor * _single(1.0 / (constant + rank))) for rank in range(1, len(ranking) + 1)]
        for factor, ranking in zip(factors, rankings, strict=True)
    ]
    return _summed(rankings, parts, window)


def combine(
    rankings: Sequence[Sequence[Ranked]],
    *,
    weights: Sequence[float],
    normalizers: Sequence[str],
    window: int = DEFAULT_WINDOW,
) -> tuple[Fused, ...]:
    """The same by a weighted sum of scores, each ranking's scores normalized in its own way."""
    parts = [
        [_single(_single(weight) * score) for score in normalized(ranking[:window], normalizer)]
        for weight, normalizer, ranking in zip(weights, normalizers, rankings, strict=True)
    ]
    return _summed(rankings, parts, window)


def normalized(ranking: Sequence[Ranked], normalizer: str) -> list[float]:
    """The scores of a ranking on the scale of a normalizer of the server.

    Raises UnsupportedError for one that is not known here.
    """
    if normalizer not in _NORMALIZERS:
        raise UnsupportedError(
            f"this cluster does not fuse rankings, and the client has no normalizer {normalizer!r}",
            hint=f"Use one of {', '.join(_NORMALIZERS)} in the search template.",
        )
    return _NORMALIZERS[normalizer]([_single(found.score) for found in ranking])


def _minmax(scores: list[float]) -> list[float]:
    least = min(scores, default=0.0)
    spread = _single(max(scores, default=0.0) - least)
    if spread < _NEGLIGIBLE:
        return [1.0] * len(scores)
    return [_single(_single(score - least) / spread) for score in scores]


def _l2_norm(scores: list[float]) -> list[float]:
    norm = math.sqrt(sum(score * score for score in scores))
    return [_single(score / norm) for score in scores] if norm >= _NEGLIGIBLE else scores


_NORMALIZERS: Mapping[str, Callable[[list[float]], list[float]]] = {
    "none": lambda scores: scores,
    "minmax": _minmax,
    "l2_norm": _l2_norm,
}


def _summed(
    rankings: Sequence[Sequence[Ranked]], parts: Sequence[Sequence[float]], window: int
) -> tuple[Fused, ...]:
    """Documents by the sum of what each ranking gives them."""
    sums: dict[Key, float] = {}
    places: dict[Key, int] = {}
    own: dict[Key, dict[int, float]] = {}
    for number, (ranking, given) in enumerate(zip(rankings, parts, strict=True)):
        for found, part in zip(ranking[:window], given, strict=False):
            key = (found.index, found.id)
            sums[key] = _single(sums.get(key, 0.0) + part)
            places.setdefault(key, found.place)
            own.setdefault(key, {})[number] = found.score
    best = sorted(sums, key=lambda key: (-sums[key], places[key]))[:window]
    return tuple(Fused(*key, sums[key], own[key]) for key in best)


def fusion_settings(retriever: Mapping[str, object]) -> tuple[int, int]:
    """Rank constant and window of a fusing retriever; the server's defaults where it is silent.

    Numbers may be given as text, as search templates do.
    """
    constant = int(str(retriever.get("rank_constant", DEFAULT_CONSTANT)))
    window = int(str(retriever.get("rank_window_size", DEFAULT_WINDOW)))
    return constant, window


def _single(value: float) -> float:
    """``value`` rounded to single precision."""
    rounded: float = _FLOAT.unpack(_FLOAT.pack(value))[0]
    return rounded


_FLOAT = struct.Struct("<f")
