"""Holm's correction, by hand."""

from __future__ import annotations

import pytest

from esrag.statistics import holm


def test_the_smallest_is_held_to_the_most() -> None:
    """0.01 × 4, 0.02 × 3, 0.03 × 2 is below the one before it, 0.9 × 1."""
    assert holm([0.9, 0.01, 0.03, 0.02]) == pytest.approx([0.9, 0.04, 0.06, 0.06])


def test_no_p_value_passes_one() -> None:
    """And nothing is made of nothing."""
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
