"""nDCG@10 of rankings of documents, and the gate: is the tuned model better beyond chance?  Pure.

nDCG with the grade as gain is that of trec_eval.  Intervals are those of ``esrag.statistics``: the
bootstrap over questions, of the difference by pairs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from esrag.statistics import Interval, interval, paired_interval

K = 10


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


def judge(baseline: Sequence[float], contender: Sequence[float], *, seed: int) -> Verdict:
    """Compare two models question by question; both lists are in the same order."""
    if len(baseline) != len(contender):
        raise ValueError("the two models were asked different questions")
    differences = [tuned - base for base, tuned in zip(baseline, contender, strict=True)]
    return Verdict(
        questions=len(differences),
        baseline=interval(baseline, seed=seed),
        contender=interval(contender, seed=seed),
        difference=paired_interval(differences, seed=seed),
        better=sum(difference > 0 for difference in differences),
        worse=sum(difference < 0 for difference in differences),
    )
