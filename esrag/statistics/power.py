"""How large must a difference be to be seen, and how many questions does a difference want?

    questions, how much systems differ ─► detectable difference at a power of 80 %
    difference, how much systems differ ─► power of so many questions, questions wanted

"Seen" is a test at 5 %, two-sided, without correction for many tests: a correction asks for more.
Sources: for numbers the noncentral t distribution, which the sign-flip test follows closely from
ten questions on; for yes and no the exact power of McNemar's exact test, above 400 questions
Connor's closed form (Biometrics 43, 1987); Card et al., With little power comes great
responsibility, EMNLP 2020, on why to look.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from esrag.statistics import student

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LEVEL = 0.05
POWER = 0.8
_FEWEST = 6  # of five questions not even five equal signs reach 5 %: 2 / 2**5 > 0.05
_EXACT = 400
_MOST = 10_000_000
_NORMAL = NormalDist()


def power_of_mean(difference: float, deviation: float, questions: int) -> float:
    """How often a mean difference is seen whose values have this standard deviation."""
    if questions < _FEWEST:
        return 0.0
    if deviation <= 0:
        return 1.0 if difference else 0.0
    shift = abs(difference) / deviation * math.sqrt(questions)
    return student.power(shift, questions - 1, level=LEVEL)


def detectable_mean(deviation: float, questions: int, *, power: float = POWER) -> float | None:
    """The least mean difference seen with ``power``; None when no such can be said.

    That is so of fewer than six questions, and where no two differences differ: how much they
    would in other questions is not known then.
    """
    if questions < _FEWEST or deviation <= 0:
        return None
    return _least_shift(questions, power) * deviation / math.sqrt(questions)


def questions_for_mean(difference: float, deviation: float, *, power: float = POWER) -> int | None:
    """The fewest questions that show ``difference`` with ``power``; None for no difference."""
    if difference == 0 or deviation <= 0:
        return None
    return _fewest(lambda count: power_of_mean(difference, deviation, count), power)


def power_of_change(difference: float, differing: float, questions: int) -> float:
    """How often McNemar's test sees a difference of shares.

    ``differing`` is the share of questions on which one system is right and the other is not; it
    is at least the difference.
    """
    difference, differing = abs(difference), min(1.0, max(differing, abs(difference)))
    if questions < _FEWEST or not difference:
        return 0.0
    if questions <= _EXACT:
        return _mcnemar_power(difference, differing, questions)
    spread = math.sqrt(max(1e-12, differing - difference**2))
    bound = _NORMAL.inv_cdf(1 - LEVEL / 2) * math.sqrt(differing)
    return _NORMAL.cdf((difference * math.sqrt(questions) - bound) / spread)


@lru_cache(maxsize=4096)
def detectable_change(differing: float, questions: int, *, power: float = POWER) -> float | None:
    """The least difference of shares seen with ``power``; None when not even a whole one is."""
    if power_of_change(1.0, 1.0, questions) < power:
        return None
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        seen = power_of_change(middle, differing, questions) >= power
        low, high = (low, middle) if seen else (middle, high)
    return high


def questions_for_change(
    difference: float, differing: float, *, power: float = POWER
) -> int | None:
    """The fewest questions that show ``difference`` with ``power``; None for no difference."""
    if difference == 0:
        return None
    return _fewest(lambda count: power_of_change(difference, differing, count), power)


@lru_cache(maxsize=1024)
def _least_shift(questions: int, power: float) -> float:
    """The least shift in standard errors whose power suffices, to a thousandth."""
    low, high = 0.0, 4.0
    while student.power(high, questions - 1, level=LEVEL) < power:
        high *= 2
    while high - low > 1e-3:
        middle = (low + high) / 2
        enough = student.power(middle, questions - 1, level=LEVEL) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def _fewest(power_at: Callable[[int], float], power: float) -> int | None:
    """The fewest questions whose power suffices; None when ten million do not."""
    high = _FEWEST
    while power_at(high) < power:
        high *= 2
        if high > _MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    return high


def _mcnemar_power(difference: float, differing: float, questions: int) -> float:
    """The exact power: the probabilities of all outcomes that the test finds, summed."""
    import numpy as np

    changed, fewer, ways = _found(questions)
    up = (1 + difference / differing) / 2
    left = questions - changed
    common = ways + changed * _log(differing) + left * _log(1 - differing)
    lost = fewer * _log(1 - up) + (changed - fewer) * _log(up)
    gained = fewer * _log(up) + (changed - fewer) * _log(1 - up)
    return min(1.0, float((np.exp(common + lost) + np.exp(common + gained)).sum()))


@lru_cache(maxsize=8)
def _found(questions: int) -> tuple[Numbers, Numbers, Numbers]:
    """The outcomes that the test finds: how many changed, how many on the lesser side, and the
    logarithm of the ways in which that can come about."""
    import numpy as np

    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, questions + 1)))])
    pairs = [
        (changed, fewer)
        for changed in range(_FEWEST, questions + 1)
        for fewer in range(_bound(changed) + 1)
    ]
    changed, fewer = np.array(pairs).T
    ways = logs[questions] - logs[questions - changed] - logs[fewer] - logs[changed - fewer]
    return changed.astype(float), fewer.astype(float), ways


def _log(share: float) -> float:
    return math.log(max(share, 1e-300))


@lru_cache(maxsize=4096)
def _bound(changed: int) -> int:
    """The greatest lesser side at which McNemar's test finds something; -1 for never."""
    tail, bound = 0, -1
    for fewer in range(changed // 2 + 1):
        tail += math.comb(changed, fewer)
        if 2 * tail > LEVEL * (1 << changed):
            break
        bound = fewer
    return bound
