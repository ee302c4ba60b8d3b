"""Simulated comparisons: alike systems are seldom found different, others as often as computed.

A small seeded sample here; a thousand comparisons of each kind in the long tests.  A share of so
many seeded comparisons strays by chance: three standard errors are allowed above 5 %.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.false_alarms import ALIKE, SIZES, alarms, families, means_held, power
from esrag.evaluation.comparing import compare
from esrag.evaluation.records import Scored
from tests.scored_replies import F1, RIGHT, both_metrics


def strays(share: float, comparisons: int) -> float:
    """Three standard errors of a share."""
    return 3 * math.sqrt(share * (1 - share) / comparisons)


@pytest.mark.parametrize("population", ALIKE)
@pytest.mark.parametrize("questions", [6, 20])
def test_what_is_alike_is_seldom_found_different(population: str, questions: int) -> None:
    """Shares, numbers, ties, long tails, few questions: the tests keep their 5 %."""
    found = alarms(population, questions, comparisons=150, draws=300)
    assert found["test"] <= 0.05 + strays(0.05, 150)


@pytest.mark.parametrize(
    ("population", "questions", "shift"), [("yes or no", 50, 0.2), ("numbers", 20, 0.08)]
)
def test_what_differs_is_found_as_often_as_computed(
    population: str, questions: int, shift: float
) -> None:
    """The closed forms agree with what the tests do."""
    found = power(population, questions, shift, comparisons=200, draws=300)
    assert 0.3 < found["computed"] < 0.9
    assert found["found"] == pytest.approx(found["computed"], abs=strays(0.5, 200))


def test_a_family_of_tests_is_corrected() -> None:
    """Three systems that are alike, six tests a run: few runs name a difference."""
    assert families(3, 15, comparisons=60, draws=300) <= 0.05 + strays(0.05, 60)


def alike(systems: int, questions: int, draw: np.random.Generator) -> dict[str, tuple[Scored, ...]]:
    """Systems whose metrics differ by chance only; one reply in twenty abstains."""
    ease = draw.beta(1.5, 1.0, questions)
    return {
        f"s{number}": both_metrics(
            f"s{number}",
            [float(value) for value in draw.random(questions) < ease],
            [
                None if draw.random() < 0.05 else float(value)
                for value in np.clip(ease + draw.normal(0, 0.1, questions), 0, 1)
            ],
        )
        for number in range(systems)
    }


def named(comparisons: int, *, systems: int = 4, questions: int = 25) -> tuple[float, float]:
    """Shares of the runs and of the tests in which a whole comparison names a difference."""
    draw = np.random.default_rng(7)
    runs = tests = made = 0
    for _ in range(comparisons):
        found = compare(
            alike(systems, questions, draw), baseline="s0", measures=[RIGHT, F1], draws=400
        )
        corrected = [pair.corrected for pair in found.pairs if pair.corrected is not None]
        runs += min(corrected) <= 0.05
        tests += sum(pair.p_value <= 0.05 for pair in found.pairs)
        made += len(found.pairs)
    return runs / comparisons, tests / made


def test_whole_comparisons_keep_what_they_promise() -> None:
    """From scored replies to corrected p values."""
    runs, tests = named(25)
    assert runs <= 0.05 + strays(0.05, 25)
    assert tests <= 0.05 + strays(0.05, 25)


@pytest.mark.long
def test_a_thousand_null_comparisons_of_each_kind() -> None:
    """Each kind and size within chance of 5 %, all together at most 5 %."""
    found = {
        (population, questions): alarms(population, questions, comparisons=1000, draws=1000)
        for population in ALIKE
        for questions in SIZES
    }
    shares = [each["test"] for each in found.values()]
    assert max(shares) <= 0.05 + strays(0.05, 1000), found
    assert sum(shares) / len(shares) <= 0.05, found
    excluded = [each["interval excludes 0"] for each in found.values()]
    assert sum(excluded) / len(excluded) <= 0.05, found


@pytest.mark.long
def test_a_thousand_families() -> None:
    """Of two hundred whole comparisons of twelve tests, few name any difference."""
    runs, tests = named(200)
    assert runs <= 0.05
    assert tests <= 0.05 + strays(0.05, 200)


@pytest.mark.long
@pytest.mark.parametrize("questions", [10, 20, 50, 100])
@pytest.mark.parametrize(
    ("population", "shift", "near"),
    [
        ("yes or no", 0.2, 0.0),
        ("numbers", 0.05, 0.0),
        ("word F1", 0.2, 0.05),
        ("seconds", 0.3, 0.1),
    ],
)
def test_power_is_as_computed(population: str, shift: float, near: float, questions: int) -> None:
    """Exactly for shares and normal numbers, nearly for lumps and long tails."""
    found = power(population, questions, shift, comparisons=1000, draws=1000)
    assert abs(found["found"] - found["computed"]) <= near + strays(0.5, 1000), found


@pytest.mark.long
@pytest.mark.parametrize("population", [name for name in ALIKE if name != "seconds"])
def test_intervals_of_means_hold_what_they_should(population: str) -> None:
    """From twenty questions on, 95 % within two points."""
    for questions in (20, 50, 100):
        held = means_held(population, questions, comparisons=1000, draws=1000)
        assert held >= 0.93 - strays(0.05, 1000), (population, questions, held)
