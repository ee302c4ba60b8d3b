"""Student's distribution, for the little that intervals and power need of it.  Pure.

The distribution function is an incomplete beta function, computed by its continued fraction
(DLMF 8.17.22) with Lentz's algorithm.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300


@lru_cache(maxsize=4096)
def quantile(probability: float, freedom: int) -> float:
    """The value below which ``probability`` lies, 0 < probability < 1; by halving, to 1e-10."""
    if probability < 0.5:
        return -quantile(1 - probability, freedom)
    low, high = 0.0, 2.0
    while below(high, freedom) < probability:
        low, high = high, 2 * high
    while high - low > 1e-10 * max(1.0, high):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def below(value: float, freedom: int) -> float:
    """The probability of less than ``value``."""
    tail = _beta(freedom / (freedom + value * value), freedom / 2, 0.5) / 2
    return 1 - tail if value > 0 else tail


def power(shift: float, freedom: int, *, level: float) -> float:
    """How often a two-sided t test at ``level`` finds a ``shift`` counted in standard errors.

    The noncentral t distribution, integrated over the deviation that is estimated (Simpson).
    """
    bound = quantile(1 - level / 2, freedom)
    spread = 9 / math.sqrt(2 * freedom)
    low, high, steps = max(1e-9, 1 - spread), 1 + spread, 400
    width = (high - low) / steps
    total = mass = 0.0
    for step in range(steps + 1):
        at = low + step * width
        weight = (1 if step in (0, steps) else 4 if step % 2 else 2) * _deviation(at, freedom)
        found = _NORMAL.cdf(shift - bound * at) + _NORMAL.cdf(-shift - bound * at)
        total, mass = total + weight * found, mass + weight
    return total / mass


def _deviation(ratio: float, freedom: int) -> float:
    """Density, up to a factor, of the estimated deviation over the true one (chi)."""
    return math.exp((freedom - 1) * math.log(ratio) - freedom * (ratio * ratio - 1) / 2)


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return min(1.0, max(0.0, x))
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    logs = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(logs + a * math.log(x) + b * math.log1p(-x)) / a
    fraction, over, under = 1.0, 1.0, 0.0
    for step in range(500):
        half = step // 2
        if step == 0:
            term = 1.0
        elif step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        under = 1 / _away(1 + term * under)
        over = _away(1 + term / over)
        fraction *= over * under
        if step and abs(over * under - 1) < 1e-14:
            break
    return front * (fraction - 1)


def _away(value: float) -> float:
    """``value``, kept away from 0 so that it can be divided by."""
    return value if abs(value) > _TINY else _TINY
