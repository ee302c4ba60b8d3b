"""Student's distribution, against scipy."""

from __future__ import annotations

import pytest
from scipy.stats import nct, t

from esrag.statistics import student


@pytest.mark.parametrize("freedom", [1, 2, 5, 9, 30, 100, 20_000])
def test_quantiles_are_those_of_scipy(freedom: int) -> None:
    """On both sides of the middle."""
    for probability in (0.001, 0.025, 0.4, 0.6, 0.9, 0.975, 0.999):
        known = t.ppf(probability, freedom)
        assert student.quantile(probability, freedom) == pytest.approx(known, rel=1e-7)


@pytest.mark.parametrize("freedom", [2, 5, 9, 30, 1000])
@pytest.mark.parametrize("shift", [0.0, 0.5, 2.8, 6.0])
def test_power_is_that_of_the_noncentral_distribution(freedom: int, shift: float) -> None:
    """Both tails of it."""
    bound = t.ppf(0.975, freedom)
    known = nct.sf(bound, freedom, shift) + nct.cdf(-bound, freedom, shift)
    assert student.power(shift, freedom, level=0.05) == pytest.approx(known, abs=1e-5)
