"""Which differences so many questions show: against scipy, by hand, and back and forth."""

from __future__ import annotations

import pytest
from scipy.stats import binom, binomtest

from esrag.statistics import (
    detectable_change,
    detectable_mean,
    power_of_change,
    power_of_mean,
    questions_for_change,
    questions_for_mean,
)


@pytest.mark.parametrize(
    ("difference", "differing", "questions"), [(0.2, 0.3, 25), (0.3, 0.3, 20), (0.5, 0.9, 12)]
)
def test_power_of_mcnemars_test_is_a_sum_over_all_outcomes(
    difference: float, differing: float, questions: int
) -> None:
    """Each outcome with its probability and scipy's test of it."""
    up = (1 + difference / differing) / 2
    known = sum(
        binom.pmf(count, questions, differing) * binom.pmf(better, count, up)
        for count in range(1, questions + 1)
        for better in range(count + 1)
        if binomtest(better, count).pvalue <= 0.05
    )
    assert power_of_change(difference, differing, questions) == pytest.approx(known, abs=1e-6)


def test_the_closed_form_goes_on_where_the_sum_ends() -> None:
    """At 400 questions both agree to a few hundredths; the exact test is a little weaker."""
    for difference, differing in ((0.08, 0.3), (0.05, 0.1), (0.03, 0.06)):
        exact = power_of_change(difference, differing, 400)
        assert power_of_change(difference, differing, 401) == pytest.approx(exact, abs=0.06)


def test_what_is_detectable_has_the_power() -> None:
    """80 % at the difference named, less below it."""
    for questions in (12, 100, 1000):
        least = detectable_change(0.3, questions)
        assert least is not None
        assert power_of_change(least, 0.3, questions) >= 0.8
        assert power_of_change(0.9 * least, 0.3, questions) < 0.8
        mean = detectable_mean(0.3, questions)
        assert mean is not None
        assert power_of_mean(mean, 0.3, questions) == pytest.approx(0.8, abs=0.002)


def test_five_questions_show_nothing() -> None:
    """Not even five equal signs reach 5 %."""
    assert detectable_change(0.3, 5) is None
    assert detectable_mean(0.3, 5) is None
    assert power_of_change(1.0, 1.0, 5) == 0.0
    assert power_of_mean(1.0, 0.1, 5) == 0.0
    assert detectable_change(1.0, 6) is not None


def test_nothing_is_said_where_nothing_differed() -> None:
    """How much other questions would differ is not known then."""
    assert detectable_mean(0.0, 100) is None
    assert questions_for_mean(0.1, 0.0) is None
    assert questions_for_change(0.0, 0.2) is None


def test_the_questions_wanted_are_the_fewest() -> None:
    """One less has too little power; for numbers it is the textbook's (z + z)² s² / d² and some."""
    wanted = questions_for_mean(0.05, 0.3)
    assert wanted is not None
    assert wanted == pytest.approx((1.96 + 0.8416) ** 2 * 0.3**2 / 0.05**2 + 2, abs=2)
    assert power_of_mean(0.05, 0.3, wanted) >= 0.8 > power_of_mean(0.05, 0.3, wanted - 1)
    pairs = questions_for_change(0.05, 0.2)
    assert pairs is not None
    assert power_of_change(0.05, 0.2, pairs) >= 0.8 > power_of_change(0.05, 0.2, pairs - 1)
    assert questions_for_mean(1e-9, 1.0) is None
