"""Chooses the next token from logits, with TGI's parameters in TGI's order.

    logits ─ watermark ─ repetition ─ frequency ─ grammar
           ─ temperature ─ top_k ─ top_p ─ typical_p ─► token

Works on one row of numpy logits; the same seed gives the same choices whatever else is in the
batch, because every request has its own random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrag.local.tgi.generation.constraint import Constraint

Logits = NDArray[np.float32]

# of "A Watermark for Large Language Models": share of favoured tokens, and by how much
_WATERMARK_SHARE = 0.5
_WATERMARK_BIAS = 2.0
_WATERMARK_KEY = 15485863


@dataclass(frozen=True, slots=True)
class SamplingParameters:
    """Validated parameters; 0 turns ``top_k`` off, 1 turns the other filters off."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    do_sample: bool = False
    watermark: bool = False
    seed: int = 0

    @property
    def samples(self) -> bool:
        """Whether chance plays a part: any filter implies sampling."""
        return (
            self.do_sample
            or self.temperature != 1.0
            or self.top_k != 0
            or self.top_p < 1.0
            or self.typical_p < 1.0
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen token and the likeliest ones, with log-probabilities after all filters."""

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


class TokenChooser:
    """The parameters of one request plus its own random numbers."""

    def __init__(
        self,
        parameters: SamplingParameters,
        *,
        top_n: int = 0,
        constraint: Constraint | None = None,
    ) -> None:
        self._parameters = parameters
        self._constraint = constraint
        self._top_n = top_n
        self._random = np.random.default_rng(parameters.seed) if parameters.samples else None

    @property
    def seed(self) -> int | None:
        """The seed in use; None when the choice is greedy."""
        return None if self._random is None else self._parameters.seed

    def choose(self, logits: Logits, ids: Sequence[int]) -> Choice:
        """The next token after ``ids`` (prompt and what was generated); raises ConstraintFailed."""
        scores = self._penalised(logits, ids)
        if self._constraint is not None:
            scores[~self._constraint.allowed(scores.size)] = -np.inf
        scores = self._filtered(scores)
        logprobs = log_softmax(scores)
        if self._random is None:
            token_id = int(scores.argmax())
        else:
            token_id = _draw(logprobs, self._random.random())
        if self._constraint is not None:
            self._constraint.accept(token_id)
        return Choice(token_id, float(logprobs[token_id]), self._top(logprobs))

    def _penalised(self, logits: Logits, ids: Sequence[int]) -> Logits:
        wanted = self._parameters
        scores = logits.astype(np.float32, copy=True)
        if wanted.watermark:
            scores[_favoured(ids[-1], scores.size)] += _WATERMARK_BIAS
        if wanted.repetition_penalty == 1.0 and wanted.frequency_penalty == 0.0:
            return scores
        seen, counts = np.unique(np.asarray(ids), return_counts=True)
        if wanted.repetition_penalty != 1.0:
            old = scores[seen]
            scores[seen] = np.where(
                old < 0, old * wanted.repetition_penalty, old / wanted.repetition_penalty
            )
        scores[seen] -= (counts / len(ids) * wanted.frequency_penalty).astype(np.float32)
        return scores

    def _filtered(self, scores: Logits) -> Logits:
        wanted = self._parameters
        if wanted.temperature != 1.0:
            scores = scores / np.float32(wanted.temperature)
        if 0 < wanted.top_k < scores.size:
            weakest = np.partition(scores, -wanted.top_k)[-wanted.top_k]
            scores[scores < weakest] = -np.inf
        if wanted.top_p < 1.0:
            scores[_outside_top_p(scores, wanted.top_p)] = -np.inf
        if wanted.typical_p < 1.0:
            scores[_outside_typical_p(scores, wanted.typical_p)] = -np.inf
        return scores

    def _top(self, logprobs: Logits) -> tuple[tuple[int, float], ...]:
        if self._top_n == 0:
            return ()
        best = np.argsort(-logprobs, kind="stable")[: self._top_n]
        return tuple((int(token), float(logprobs[token])) for token in best)


def log_softmax(scores: Logits) -> Logits:
    """Log-probabilities; minus infinity stays minus infinity."""
    shifted = scores - scores.max()
    with np.errstate(under="ignore"):
        result: Logits = (shifted - np.log(np.exp(shifted).sum())).astype(np.float32)
    return result


def _draw(logprobs: Logits, chance: float) -> int:
    """The token at which the cumulated probability passes ``chance``."""
    cumulated = np.cumsum(np.exp(logprobs.astype(np.float64)))
    found = int(np.searchsorted(cumulated, chance * cumulated[-1], side="right"))
    return min(found, int(np.flatnonzero(logprobs > -np.inf)[-1]))


def _outside_top_p(scores: Logits, top_p: float) -> NDArray[np.intp]:
    order = np.argsort(scores, kind="stable")  # weakest first
    cumulated = np.cumsum(np.exp(log_softmax(scores)[order].astype(np.float64)))
    removed: NDArray[np.intp] = order[:-1][cumulated[:-1] <= 1.0 - top_p]
    return removed


def _outside_typical_p(scores: Logits, mass: float) -> NDArray[np.intp]:
    logprobs = log_softmax(scores).astype(np.float64)
    probabilities = np.exp(logprobs)
    finite = np.where(np.isfinite(logprobs), logprobs, 0.0)
    entropy = -(finite * probabilities).sum()
    order = np.argsort(np.abs(-logprobs - entropy), kind="stable")  # most typical first
    kept = int((np.cumsum(probabilities[order]) < mass).sum()) + 1
    removed: NDArray[np.intp] = order[kept:]
    return removed


def _favoured(previous: int, vocabulary: int) -> NDArray[Any]:
    shuffled = np.random.default_rng(_WATERMARK_KEY * previous).permutation(vocabulary)
    return shuffled[: int(vocabulary * _WATERMARK_SHARE)]
