"""How many allocations a load asks for."""

from __future__ import annotations

import pytest

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.scaling import AdaptiveAllocations, Scaler, read_adaptive

FREE = AdaptiveAllocations(enabled=True, min_number_of_allocations=1, max_number_of_allocations=8)


def follow(
    scaler: Scaler, allocations: int, loads: list[float], limits: AdaptiveAllocations
) -> int:
    """The number after ten seconds of each of these loads."""
    now = busy = 0.0
    allocations = scaler.decide(allocations, limits, busy_seconds=busy, now=now)
    for load in loads:
        now += 10
        busy += 10 * load
        allocations = scaler.decide(allocations, limits, busy_seconds=busy, now=now)
    return allocations


def test_a_deployment_that_is_busy_all_the_time_grows() -> None:
    """By one at a time, as nobody can be busier than all the time."""
    assert follow(Scaler(), 1, [1.0], FREE) == 2
    assert follow(Scaler(), 1, [1.0, 2.0, 2.0, 2.0], FREE) >= 3


def test_a_deployment_that_is_half_busy_stays() -> None:
    """Neither more nor fewer."""
    assert follow(Scaler(), 2, [1.2] * 5, FREE) == 2


def test_an_idle_deployment_shrinks_to_its_least() -> None:
    """The past fades away."""
    assert follow(Scaler(), 6, [5.5, *[0.0] * 8], FREE) == 1
    least = AdaptiveAllocations(True, 2, 8)
    assert follow(Scaler(), 6, [5.5, *[0.0] * 8], least) == 2


def test_the_most_is_never_exceeded() -> None:
    """However busy."""
    assert follow(Scaler(), 1, [30.0] * 5, FREE) == 8


def test_one_allocation_stays_where_none_may() -> None:
    """Zero is allowed by the API and means one here."""
    assert AdaptiveAllocations(True, 0, 3).bound(0) == 1


def test_an_update_changes_what_it_names() -> None:
    """The rest is as before."""
    before = AdaptiveAllocations(True, 2, 5)
    assert read_adaptive({"max_number_of_allocations": 9}, before) == AdaptiveAllocations(
        True, 2, 9
    )
    assert read_adaptive({"enabled": False}, before) == AdaptiveAllocations(False, 2, 5)
    assert read_adaptive(None, before) == before


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (3, "must be an object"),
        ({"enabled": "yes"}, "true or false"),
        ({"min_number_of_allocations": -1}, "non-negative"),
        ({"max_number_of_allocations": 0}, "positive"),
        (
            {"min_number_of_allocations": 4, "max_number_of_allocations": 2},
            r"\[min_number_of_allocations\] must not be larger",
        ),
    ],
)
def test_impossible_limits_are_refused(value: object, reason: str) -> None:
    """Each in the server's words."""
    with pytest.raises(Problem, match=reason):
        read_adaptive(value)
