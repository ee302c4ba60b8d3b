"""Do the tests find what is there, and only that?  ``python -m benchmarks.false_alarms``.

    two systems that are alike   ─ tested ─► share of false alarms    at most 5 %
    two systems that differ      ─ tested ─► power                    beside the one computed
    a mean that is known         ─ drawn  ─► how often the interval holds it    95 %

Simulated questions, seeded.  Each population draws the metrics of two systems on the same
questions, some questions being hard for both.  Minutes on one thread; the tests run a sample.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from esrag import statistics

SEED = 7
Numbers = NDArray[np.float64]
Population = Callable[[np.random.Generator, int, float], tuple[Numbers, Numbers]]
"""Draws so many questions: metrics of the baseline, and of a contender so much better."""

_DISCOUNTS = np.array([0.0, 0.289, 0.333, 0.387, 0.431, 0.5, 0.631, 1.0])


def shares(draw: np.random.Generator, count: int, shift: float) -> tuple[Numbers, Numbers]:
    """Right or wrong; a question is easy or hard for both."""
    ease = draw.beta(1.5, 1.0, count) * (1 - shift)
    return (draw.random(count) < ease) * 1.0, (draw.random(count) < ease + shift) * 1.0


def numbers(draw: np.random.Generator, count: int, shift: float) -> tuple[Numbers, Numbers]:
    """Any value, normal differences, as of mean similarities."""
    middle = draw.normal(0.5, 0.2, count)
    return middle + draw.normal(0, 0.1, count), middle + shift + draw.normal(0, 0.1, count)


def word_f1(draw: np.random.Generator, count: int, shift: float) -> tuple[Numbers, Numbers]:
    """Mostly 0 or 1, now and then between."""
    ease = draw.beta(0.6, 0.4, count)

    def metric(add: float) -> Numbers:
        between = draw.random(count)
        whole = (draw.random(count) < np.minimum(1, ease + add)) * 1.0
        return np.where(draw.random(count) < 0.3, between, whole)

    return metric(0), metric(shift)


def mostly_ties(draw: np.random.Generator, count: int, shift: float) -> tuple[Numbers, Numbers]:
    """nDCG of two rankings that differ on one question in five."""
    before = draw.choice(_DISCOUNTS, count)
    other = draw.choice(_DISCOUNTS, count)
    differs = draw.random(count) < 0.2
    after = np.where(differs, other, before)
    return before, np.where(differs & (draw.random(count) < 5 * shift), 1.0, after)


def seconds(draw: np.random.Generator, count: int, shift: float) -> tuple[Numbers, Numbers]:
    """Long-tailed times, some questions slow for both."""
    slow = draw.lognormal(0, 0.7, count)
    return slow * draw.lognormal(0, 0.5, count), slow * draw.lognormal(shift, 0.5, count)


def lopsided(draw: np.random.Generator, count: int, shift: float) -> tuple[Numbers, Numbers]:
    """Equal means of systems that are not alike: much is lost on few questions, little won on many.

    No randomisation test holds 5 % here, because the systems could not change places.
    """
    return np.zeros(count), shift + 0.1 * (1 - draw.exponential(1.0, count))


ALIKE: dict[str, Population] = {
    "yes or no": shares,
    "numbers": numbers,
    "word F1": word_f1,
    "mostly ties": mostly_ties,
    "seconds": seconds,
}
SIZES = (6, 10, 20, 50, 100)


def p_value(
    before: Numbers, after: Numbers, *, shares: bool, draws: int, seed: int = SEED
) -> float:
    """As ``esrag.evaluation.comparing`` tests."""
    if shares:
        return statistics.change((before == 1).tolist(), (after == 1).tolist()).p_value
    return statistics.sign_flip(after - before, draws=draws, seed=seed)


def holds(
    before: Numbers, after: Numbers, truth: float, *, shares: bool, draws: int, seed: int = SEED
) -> bool:
    """Whether the interval of the difference holds the true one."""
    if shares:
        low, high = statistics.change((before == 1).tolist(), (after == 1).tolist()).interval
    else:
        found = statistics.paired_interval(after - before, draws=draws, seed=seed)
        low, high = found.low, found.high
    return low - 1e-12 <= truth <= high + 1e-12


def alarms(
    name: str, questions: int, *, comparisons: int, draws: int, seed: int = SEED
) -> dict[str, float]:
    """Of comparisons of systems that are alike: shares found different, by test and by interval."""
    population = ALIKE.get(name, lopsided)
    draw = np.random.default_rng([seed, questions])
    found = excluded = 0
    for number in range(comparisons):
        before, after = population(draw, questions, 0.0)
        kind = {"shares": name == "yes or no", "draws": draws, "seed": seed + number}
        found += p_value(before, after, **kind) <= 0.05
        excluded += not holds(before, after, 0.0, **kind)
    return {"test": found / comparisons, "interval excludes 0": excluded / comparisons}


def families(
    systems: int, questions: int, *, comparisons: int, draws: int, seed: int = SEED
) -> float:
    """Share of runs of so many systems, all alike, in which Holm leaves any pair different."""
    draw = np.random.default_rng([seed, systems, questions])
    found = 0
    for number in range(comparisons):
        ease = draw.beta(1.5, 1.0, questions)
        told = [(draw.random(questions) < ease) * 1.0 for _ in range(systems)]
        near = [ease + draw.normal(0, 0.1, questions) for _ in range(systems)]
        tests = [
            p_value(values[one], values[two], shares=shares, draws=draws, seed=seed + number)
            for values, shares in ((told, True), (near, False))
            for one in range(systems)
            for two in range(one + 1, systems)
        ]
        found += min(statistics.holm(tests)) <= 0.05
    return found / comparisons


def power(
    name: str, questions: int, shift: float, *, comparisons: int, draws: int, seed: int = SEED
) -> dict[str, float]:
    """How often a difference is found, and how often it should be by the formula."""
    population, share = ALIKE[name], name == "yes or no"
    many = population(np.random.default_rng(seed), 200_000, shift)
    differences = many[1] - many[0]
    truth, deviation = float(differences.mean()), float(differences.std())
    computed = (
        statistics.power_of_change(truth, float((differences != 0).mean()), questions)
        if share
        else statistics.power_of_mean(truth, deviation, questions)
    )
    draw = np.random.default_rng([seed, questions])
    found = sum(
        p_value(*population(draw, questions, shift), shares=share, draws=draws, seed=seed + number)
        <= 0.05
        for number in range(comparisons)
    )
    return {"difference": truth, "computed": computed, "found": found / comparisons}


def means_held(
    name: str, questions: int, *, comparisons: int, draws: int, seed: int = SEED
) -> float:
    """How often the interval of one system's mean holds the mean of the population."""
    population = ALIKE[name]
    truth = float(population(np.random.default_rng(seed), 400_000, 0.0)[0].mean())
    draw = np.random.default_rng([seed, questions])
    held = 0
    for number in range(comparisons):
        values, _ = population(draw, questions, 0.0)
        if name == "yes or no":
            low, high = statistics.proportion((values == 1).tolist()).interval
        else:
            found = statistics.interval(values, draws=draws, seed=seed + number)
            low, high = found.low, found.high
        held += low <= truth <= high
    return held / comparisons


def kinds_of_interval(
    name: str, questions: int, *, comparisons: int, draws: int, seed: int = SEED
) -> dict[str, float]:
    """How often the difference of systems that are alike is held, by ways to make an interval.

    ``percentile`` cuts 2.5 % of the draws off at either side, ``bca`` corrects for bias and skew
    (Efron, J. Am. Statist. Assoc. 82, 1987), ``ours`` is ``statistics.paired_interval``.
    """
    population = ALIKE[name]
    draw = np.random.default_rng([seed, questions])
    held = {"percentile": 0, "bca": 0, "ours": 0}
    for number in range(comparisons):
        before, after = population(draw, questions, 0.0)
        differences = after - before
        places = statistics.drawn_questions(questions, seed=seed + number, draws=draws)
        means = np.concatenate([differences[chosen].mean(axis=1) for chosen in places])
        tails = {"percentile": (0.025, 0.975), "bca": _bca_tails(differences, means)}
        for kind, both in tails.items():
            low, high = np.quantile(means, both)
            held[kind] += low - 1e-12 <= 0 <= high + 1e-12
        held["ours"] += holds(before, after, 0.0, shares=False, draws=draws, seed=seed + number)
    return {kind: count / comparisons for kind, count in held.items()}


def _bca_tails(differences: Numbers, means: Numbers) -> tuple[float, float]:
    """Which quantiles BCa takes."""
    normal, strays = NormalDist(), differences.mean() - differences
    below = float((means < differences.mean()).mean() + (means == differences.mean()).mean() / 2)
    spread = float((strays**2).sum())
    if not spread or not 0 < below < 1:
        return 0.025, 0.975
    bias = normal.inv_cdf(below)
    skew = -float((strays**3).sum()) / (6 * spread**1.5)
    low, high = (
        normal.cdf(bias + (bias + at) / (1 - skew * (bias + at)))
        for at in (normal.inv_cdf(0.025), normal.inv_cdf(0.975))
    )
    return low, high


def rows(*, comparisons: int, draws: int, sizes: Sequence[int] = SIZES) -> Iterator[dict[str, Any]]:
    """All figures of the page."""
    settings = {"comparisons": comparisons, "draws": draws}
    for name in (*ALIKE, "lopsided"):
        for questions in sizes:
            found = alarms(name, questions, **settings)
            yield {"what": "alike", "population": name, "questions": questions, **found}
    for name in ("numbers", "word F1", "mostly ties"):
        for questions in sizes:
            held_by = kinds_of_interval(name, questions, **settings)
            yield {"what": "intervals", "population": name, "questions": questions, **held_by}
    for systems, questions in ((3, 20), (5, 50)):
        found_any = families(systems, questions, **settings)
        yield {"what": "families", "systems": systems, "questions": questions, "any": found_any}
    for name, shift in (("yes or no", 0.2), ("numbers", 0.05), ("word F1", 0.2), ("seconds", 0.3)):
        for questions in sizes:
            seen = power(name, questions, shift, **settings)
            yield {"what": "power", "population": name, "questions": questions, **seen}
    for name in ALIKE:
        for questions in sizes:
            held = means_held(name, questions, **settings)
            yield {"what": "mean", "population": name, "questions": questions, "held": held}


@click.command(help=__doc__)
@click.option("--comparisons", default=1000, show_default=True, help="Of each row.")
@click.option("--draws", default=2000, show_default=True, help="Of each interval and test.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to keep the record.")
def main(comparisons: int, draws: int, out: Path | None) -> None:
    """Print every row, and keep them."""
    kept = []
    for row in rows(comparisons=comparisons, draws=draws):
        kept.append({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()})
        click.echo(json.dumps(kept[-1]))
    if out:
        head = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "seed": SEED}
        record = {**head, "comparisons": comparisons, "draws": draws, "rows": kept}
        out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
