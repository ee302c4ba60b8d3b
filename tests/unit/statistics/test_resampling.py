"""Bootstrap intervals and the sign-flip test: by hand, against scipy, and how they repeat."""

from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest
from scipy.stats import permutation_test

from esrag.errors import UnsupportedError
from esrag.statistics import (
    drawn_questions,
    interval,
    paired_interval,
    percentiles,
    sign_flip,
)


def test_equal_seeds_give_equal_figures() -> None:
    """And other seeds others."""
    values = np.random.default_rng(3).normal(0.3, 0.2, size=40)
    assert interval(values, seed=5) == interval(values, seed=5)
    assert interval(values, seed=5) != interval(values, seed=6)
    differences = np.random.default_rng(4).normal(0.05, 0.2, size=40)
    assert sign_flip(differences, seed=5) == sign_flip(differences, seed=5)


def test_the_draws_are_those_of_the_records() -> None:
    """Blocks of 500 rows of numpy's PCG64: what was recorded can be computed again."""
    blocks = list(drawn_questions(9, seed=7, draws=1200))
    whole = np.random.default_rng(7).integers(0, 9, size=(1200, 9))
    assert [len(each) for each in blocks] == [500, 500, 200]
    assert (np.concatenate(blocks) == whole).all()


def test_few_questions_get_a_wider_interval_than_the_plain_percentiles() -> None:
    """By about Student's quantile over the normal one; many questions get the same."""
    for count, wider in ((8, 1.2), (600, 1.0)):
        values = np.random.default_rng(3).normal(0.3, 0.2, size=count)
        found = interval(values)
        half = 1.96 * values.std(ddof=1) / math.sqrt(count)
        assert (found.high - found.low) / 2 == pytest.approx(wider * half, rel=0.06)
        assert found.mean == pytest.approx(values.mean())


@pytest.mark.parametrize("values", [[], [0.1, math.nan], [math.inf]])
def test_what_is_no_number_is_refused(values: list[float]) -> None:
    """An abstention has to be taken out and counted before."""
    with pytest.raises(ValueError):
        interval(values)
    with pytest.raises(ValueError):
        sign_flip(values)


def test_all_signs_of_few_differences_are_tried() -> None:
    """The p value is the share of the ways whose sum is as far from 0."""
    for values in ([0.5, 0.2, -0.1, 0.4, 0.0, 0.3], [1.0] * 6, [0.3, -0.3], [0.1, 0.2, 0.3, -0.6]):
        ways = [
            abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
            for signs in itertools.product((1, -1), repeat=len(values))
        ]
        known = sum(way >= abs(sum(values)) - 1e-12 for way in ways) / len(ways)
        assert sign_flip(values) == pytest.approx(known)


def test_drawn_signs_agree_with_scipy() -> None:
    """Both draw 10,000 ways; they differ by chance alone."""
    values = np.random.default_rng(8).normal(0.06, 0.2, size=60)
    known = permutation_test(
        (values,),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=10_000,
        rng=np.random.default_rng(1),
    )
    assert sign_flip(values) == pytest.approx(known.pvalue, abs=0.01)


def test_where_nothing_differs_there_is_nothing_to_find() -> None:
    """p = 1, and the interval is the value itself."""
    assert sign_flip([0.0] * 30) == 1.0
    found = interval([0.25] * 30)
    assert (found.low, found.mean, found.high) == (0.25, 0.25, 0.25)


def test_the_direction_does_not_count() -> None:
    """Two-sided: the signs of all differences may be turned around."""
    values = np.random.default_rng(8).normal(0.06, 0.2, size=12)
    assert sign_flip(values) == sign_flip(-values)


def test_many_questions_are_drawn_in_blocks_that_fit() -> None:
    """A hundred thousand questions do not ask for gigabytes."""
    blocks = list(drawn_questions(100_000, draws=100))
    assert sum(len(each) for each in blocks) == 100
    assert max(each.size for each in blocks) <= 4_000_000


def test_the_interval_holds_the_mean_and_narrows() -> None:
    """More questions say more."""
    few, many = np.array([0.0, 1.0] * 5), np.array([0.0, 1.0] * 500)
    wide, narrow = interval(few), interval(many)
    assert wide.low <= wide.mean <= wide.high
    assert narrow.high - narrow.low < wide.high - wide.low


def test_the_interval_is_that_of_the_normal_law_for_many_values() -> None:
    """The bootstrap of 600 values agrees with 1.96 standard errors to a twentieth."""
    values = np.random.default_rng(3).normal(0.3, 0.2, size=600)
    found = interval(values, seed=5)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.05)
    assert interval(values, seed=5) == found


def test_both_ends_of_a_difference_are_as_far_from_the_mean() -> None:
    """Where most questions tie and few carry the difference, plain percentiles are lopsided."""
    differences = [0.0] * 40 + [0.9, 0.8, 0.7, 0.6]
    plain, paired = interval(differences), paired_interval(differences)
    assert plain.low > 0.01
    assert paired.low == pytest.approx(0)
    assert paired.high - paired.mean == pytest.approx(paired.mean - paired.low)
    assert paired.high - paired.low == pytest.approx(plain.high - plain.low, rel=0.1)


def test_without_a_count_the_percentiles_are_the_plain_ones() -> None:
    """2.5 % of the draws on either side."""
    drawn = np.arange(1001.0)
    assert percentiles(drawn) == pytest.approx((25.0, 975.0))
    low, high = percentiles(drawn, 6)
    assert low < 25
    assert high > 975


def test_a_missing_numpy_is_told_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 6 and the line that installs it."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(UnsupportedError, match="numpy") as caught:
        interval([0.5])
    assert "esrag[evaluate]" in caught.value.hint
