"""nDCG@10 of rankings of documents, and the gate: is the tuned model better beyond chance?  Pure.

nDCG with the grade as gain is that of trec_eval.  The interval is the paired bootstrap: questions
are drawn again 10,000 times and the mean difference of each draw is taken (Sakai, Evaluating
Evaluation Metrics based on the Bootstrap, SIGIR 2006).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

K = 10
RESAMPLES = 10_000
LEVEL = 0.95
_ROWS = 500  # draws computed at once


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over questions and 95 % of the means of resampled questions."""

    mean: float
    low: float
    high: float

    def words(self, *, sign: bool = False) -> str:
        """As reports print it."""
        form = "{:+.3f}" if sign else "{:.3f}"
        return f"{form.format(self.mean)} [{form.format(self.low)}, {form.format(self.high)}]"

    def to_json(self) -> dict[str, float]:
        """As it stands in run.json."""
        return {name: round(value, 5) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found; ``better`` and ``worse`` count questions."""

    questions: int
    baseline: Interval
    contender: Interval
    difference: Interval
    better: int
    worse: int

    @property
    def accepted(self) -> bool:
        """Whether even the low end of the difference is a gain."""
        return self.difference.low > 0

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        return {
            "measure": f"nDCG@{K}",
            "questions": self.questions,
            "base": self.baseline.to_json(),
            "tuned": self.contender.to_json(),
            "difference": self.difference.to_json(),
            "better": self.better,
            "worse": self.worse,
            "accepted": self.accepted,
        }


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], k: int = K) -> float:
    """nDCG@k of one ranking of documents, each of which stands in it once."""
    best = sorted(grades.values(), reverse=True)[:k]
    gained = _discounted([grades.get(document, 0) for document in ranked[:k]])
    return gained / _discounted(best) if best else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def interval(values: Sequence[float], *, seed: int) -> Interval:
    """The mean with its bootstrap interval; of differences it is the paired bootstrap.

    Equal values and an equal seed give an equal interval.  Raises ValueError without values.
    """
    if not len(values):
        raise ValueError("no values")
    numbers = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(seed)
    means = [
        numbers[generator.integers(0, len(numbers), size=(_ROWS, len(numbers)))].mean(axis=1)
        for _ in range(RESAMPLES // _ROWS)
    ]
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(np.concatenate(means), [tail, 100 - tail])
    return Interval(float(numbers.mean()), float(low), float(high))


def judge(baseline: Sequence[float], contender: Sequence[float], *, seed: int) -> Verdict:
    """Compare two models question by question; both lists are in the same order."""
    if len(baseline) != len(contender):
        raise ValueError("the two models were asked different questions")
    differences = [tuned - base for base, tuned in zip(baseline, contender, strict=True)]
    return Verdict(
        questions=len(differences),
        baseline=interval(baseline, seed=seed),
        contender=interval(contender, seed=seed),
        difference=interval(differences, seed=seed),
        better=sum(difference > 0 for difference in differences),
        worse=sum(difference < 0 for difference in differences),
    )
