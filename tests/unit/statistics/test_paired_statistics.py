"""Intervals and tests, against scipy."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from esrag.statistics import Change, Proportion, change, proportion


@pytest.mark.parametrize(("count", "of"), [(0, 10), (7, 40), (40, 40), (1, 1)])
def test_the_interval_is_wilsons(count: int, of: int) -> None:
    """As scipy computes it."""
    known = binomtest(count, of).proportion_ci(method="wilson")
    assert Proportion(count, of).interval == pytest.approx((known.low, known.high))


def test_nothing_counted_leaves_everything_open() -> None:
    """No question, no knowledge."""
    assert proportion([]).interval == (0.0, 1.0)
    assert change([], []).interval == (-1.0, 1.0)
    assert change([], []).p_value == 1.0


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (5, 0), (12, 3), (4, 4)])
def test_the_test_of_a_change_is_mcnemars(gained: int, lost: int) -> None:
    """The exact binomial test of the pairs that differ."""
    known = binomtest(lost, gained + lost).pvalue if gained + lost else 1.0
    assert Change(gained, lost, 40).p_value == pytest.approx(known)


def test_a_change_is_counted_question_by_question() -> None:
    """Both systems answered the same questions."""
    found = change([True, False, False, True], [True, True, True, False])
    assert (found.gained, found.lost, found.of, found.difference) == (2, 1, 4, 0.25)
    low, high = found.interval
    assert low < 0.25 < high
