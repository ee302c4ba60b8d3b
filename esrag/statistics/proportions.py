"""Yes or no of every question: the share of one system, and the change between two.

    outcomes of many questions ─► Proportion       of two systems, question by question ─► Change

Pure, without numpy.  Sources: Wilson's score interval (1927); McNemar's exact test on the pairs
that differ (1947); Agresti and Min (2005) for the interval of a paired difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval


@dataclass(frozen=True, slots=True)
class Proportion:
    """``count`` of ``of``, with Wilson's 95 % interval."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """0 where there was nothing to count."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval; all of [0, 1] where there was nothing to count."""
        if not self.of:
            return 0.0, 1.0
        square = _95**2 / self.of
        middle = self.share + square / 2
        half = _95 * math.sqrt(self.share * (1 - self.share) / self.of + square / (4 * self.of))
        low, high = ((middle - half) / (1 + square), (middle + half) / (1 + square))
        return max(0.0, low), min(1.0, high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.count}/{self.of} = {self.share:.2f} [{low:.2f}, {high:.2f}]"


def proportion(outcomes: Sequence[bool]) -> Proportion:
    """How many of ``outcomes`` are true."""
    return Proportion(sum(outcomes), len(outcomes))


@dataclass(frozen=True, slots=True)
class Change:
    """Two systems on the same questions: how many became right, how many were lost.

    ``p_value`` is McNemar's, exact and two-sided: how likely so uneven a split of the questions
    that changed is when neither system is better.  ``interval`` is of the difference of shares.
    """

    gained: int
    lost: int
    of: int

    @property
    def difference(self) -> float:
        """Share after less share before."""
        return (self.gained - self.lost) / self.of if self.of else 0.0

    @property
    def p_value(self) -> float:
        """1 when nothing changed."""
        changed, fewer = self.gained + self.lost, min(self.gained, self.lost)
        tail = sum(math.comb(changed, k) for k in range(fewer + 1))
        return min(1.0, 2 * tail / int(1 << changed))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the paired difference, with Agresti and Min's (2005) half pair in each cell."""
        if not self.of:
            return -1.0, 1.0
        gained, lost, of = self.gained + 0.5, self.lost + 0.5, self.of + 2
        middle = (gained - lost) / of
        half = _95 * math.sqrt((gained + lost) - (gained - lost) ** 2 / of) / of
        return max(-1.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.difference:+.2f} [{low:+.2f}, {high:+.2f}] "
            f"(+{self.gained} −{self.lost}, p = {self.p_value:.2g})"
        )


def change(before: Sequence[bool], after: Sequence[bool]) -> Change:
    """The change from ``before`` to ``after``, question by question; both in one order."""
    pairs = list(zip(before, after, strict=True))
    return Change(
        gained=sum(new and not old for old, new in pairs),
        lost=sum(old and not new for old, new in pairs),
        of=len(pairs),
    )
