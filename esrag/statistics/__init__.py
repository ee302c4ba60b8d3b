"""How sure is a figure, and a difference between two systems on the same questions?

    yes or no    proportions   Wilson's interval; McNemar's test and the interval of its difference
    numbers      resampling    bootstrap intervals; the sign-flip randomisation test
    many tests   families      Holm's correction
    how many     power         which difference so many questions show, and how many one needs

The one implementation for the whole project.  It knows numbers only: what they measure, which
direction is better and what a failed question counts is said by whoever calls.  Formulas,
sources and when not to trust them: docs/statistics.md.
"""

from __future__ import annotations

from esrag.statistics.families import holm
from esrag.statistics.power import (
    detectable_change,
    detectable_mean,
    power_of_change,
    power_of_mean,
    questions_for_change,
    questions_for_mean,
)
from esrag.statistics.proportions import Change, Proportion, change, proportion
from esrag.statistics.resampling import (
    DRAWS,
    SEED,
    Interval,
    deviation,
    drawn_questions,
    interval,
    paired_interval,
    percentiles,
    require_numpy,
    sign_flip,
)

__all__ = [
    "DRAWS",
    "SEED",
    "Change",
    "Interval",
    "Proportion",
    "change",
    "detectable_change",
    "detectable_mean",
    "deviation",
    "drawn_questions",
    "holm",
    "interval",
    "paired_interval",
    "percentiles",
    "power_of_change",
    "power_of_mean",
    "proportion",
    "questions_for_change",
    "questions_for_mean",
    "require_numpy",
    "sign_flip",
]
