"""Every two systems by every measure: means, differences, intervals, tests.

    scored of each system ─► values by question ─► estimates      one system, one measure
                                               └─► comparisons    two systems, shared questions

Numbers only; how they look is the report's affair.  The order of questions does not matter, and
equal replies give equal figures.  A failed reply counts as wrong; where a measure abstains of
either system the question is left out of the pair and counted.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import TypeVar

from esrag import statistics
from esrag.errors import UsageError
from esrag.evaluation.records import (
    Comparison,
    Comparisons,
    Estimate,
    Measure,
    PairedValue,
    Scored,
)

Key = TypeVar("Key", bound=Hashable)
Values = Mapping[str, float | None]
"""By question id; None where the measure abstains."""

FEWEST = 6
"""Of fewer questions no test can find anything, whatever they say."""


def compare(
    scored: Mapping[str, Sequence[Scored]],
    *,
    baseline: str,
    measures: Sequence[Measure],
    draws: int = statistics.DRAWS,
    seed: int = statistics.SEED,
) -> Comparisons:
    """All estimates, and all pairs of systems: those with the baseline first.

    Holm's correction is over all pairs by all primary measures.  Raises UsageError for a baseline
    that is none of the systems, UnsupportedError where numpy is missing.
    """
    statistics.require_numpy()
    if baseline not in scored:
        raise UsageError(
            f"The baseline {baseline!r} is none of the systems: {', '.join(scored) or 'none'}",
            hint="Name one of them with --baseline.",
        )
    names = [baseline, *(name for name in scored if name != baseline)]
    estimates, pairs = [], []
    for measure in measures:
        values = values_of(scored, measure)
        estimates += [
            estimate(
                name, measure, values[name], failed=failed(scored[name]), draws=draws, seed=seed
            )
            for name in scored
        ]
        pairs += [
            compare_values(
                (before, values[before]), (after, values[after]), measure, draws=draws, seed=seed
            )
            for before, after in combinations(names, 2)
        ]
    return Comparisons(
        baseline=baseline,
        estimates=tuple(estimates),
        pairs=_corrected(pairs, {each.name for each in measures if each.primary}),
        draws=draws,
        seed=seed,
    )


def values_of(scored: Mapping[Key, Sequence[Scored]], measure: Measure) -> dict[Key, Values]:
    """A measure of each system, by question id; what is not a finite number is an abstention.

    A failed reply without a metric counts ``when_failed`` where the measure says something of the
    question, which shows in another system, and of the system, which shows in other questions if
    it has a reply to any.
    """
    found = {name: _metrics(items, measure.name) for name, items in scored.items()}
    if measure.when_failed is None:
        return dict(found)
    told = {key for values in found.values() for key, value in values.items() if value is not None}
    for name, items in scored.items():
        lost = failed(items)
        if len(lost) == len(items) or any(value is not None for value in found[name].values()):
            for question in lost:
                if found[name][question] is None and question in told:
                    found[name][question] = measure.when_failed
    return dict(found)


def failed(items: Sequence[Scored]) -> frozenset[str]:
    """The ids of the questions whose reply is a failure."""
    return frozenset(each.reply.question_id for each in items if each.reply.status == "failed")


def estimate(
    system: str,
    measure: Measure,
    values: Values,
    *,
    failed: frozenset[str] = frozenset(),
    draws: int = statistics.DRAWS,
    seed: int = statistics.SEED,
) -> Estimate:
    """The mean: Wilson's interval of a share, else the bootstrap's."""
    known = {key: value for key, value in sorted(values.items()) if value is not None}
    numbers = list(known.values())
    value: float | None = None
    low = high = 0.0
    if numbers and _yes_or_no(measure, numbers):
        share = statistics.proportion([number == 1 for number in numbers])
        value, (low, high) = share.share, share.interval
    elif numbers:
        drawn = statistics.interval(numbers, seed=seed, draws=draws)
        value, low, high = drawn.mean, drawn.low, drawn.high
    return Estimate(
        system=system,
        measure=measure.name,
        value=value,
        low=low,
        high=high,
        questions=len(numbers),
        abstained=len(values) - len(numbers),
        failed=len(failed & known.keys()),
    )


def compare_values(
    baseline: tuple[str, Values],
    contender: tuple[str, Values],
    measure: Measure,
    *,
    draws: int = statistics.DRAWS,
    seed: int = statistics.SEED,
) -> Comparison:
    """One pair of named systems by one measure, on the questions of which both have a value."""
    (before_name, before), (after_name, after) = baseline, contender
    shared = sorted(before.keys() & after.keys())
    values = tuple(
        PairedValue(key, old, new)
        for key in shared
        if (old := before[key]) is not None and (new := after[key]) is not None
    )
    found = Comparison(
        baseline=before_name,
        contender=after_name,
        measure=measure.name,
        questions=len(values),
        difference=0.0,
        low=0.0,
        high=0.0,
        test="none",
        p_value=1.0,
        abstained=len(shared) - len(values),
        missing=len(before.keys() ^ after.keys()),
        values=values,
        note="no question has a value of both systems",
    )
    if not values:
        return found
    wins, ties, losses = _won(measure, values)
    found = dataclasses.replace(
        found,
        baseline_value=fmean(each.baseline for each in values),
        contender_value=fmean(each.contender for each in values),
        wins=wins,
        ties=ties,
        losses=losses,
    )
    everything = [number for each in values for number in (each.baseline, each.contender)]
    if _yes_or_no(measure, everything):
        return _shares_compared(found)
    most = 1.0 if measure.unit == "share" else math.inf
    return _means_compared(found, most=most, draws=draws, seed=seed)


def _shares_compared(found: Comparison) -> Comparison:
    """With McNemar's exact test and the interval of Agresti and Min."""
    change = statistics.change(
        [each.baseline == 1 for each in found.values],
        [each.contender == 1 for each in found.values],
    )
    low, high = change.interval
    differing = (change.gained + change.lost + 1) / (change.of + 2)  # half a pair in each cell
    return dataclasses.replace(
        found,
        difference=change.difference,
        low=low,
        high=high,
        test="mcnemar",
        p_value=change.p_value,
        detectable=statistics.detectable_change(differing, change.of),
        note=_too_few(change.of),
    )


def _means_compared(found: Comparison, *, most: float, draws: int, seed: int) -> Comparison:
    """With the sign-flip test and the paired bootstrap; no difference can be larger than ``most``.

    The bootstrap's ends are as far from the mean on both sides, so that one may lie where no
    difference can be.
    """
    differences = [each.contender - each.baseline for each in found.values]
    drawn = statistics.paired_interval(differences, seed=seed, draws=draws)
    deviation = statistics.deviation(differences)
    alike = "" if deviation else "all differences are equal, so the interval says nothing of others"
    return dataclasses.replace(
        found,
        difference=drawn.mean,
        low=max(drawn.low, -most),
        high=min(drawn.high, most),
        test="randomisation",
        p_value=statistics.sign_flip(differences, seed=seed, draws=draws),
        detectable=statistics.detectable_mean(deviation, len(differences)),
        note=_too_few(len(differences)) or alike,
    )


def _too_few(questions: int) -> str:
    if questions >= FEWEST:
        return ""
    return f"no test can find anything with fewer than {FEWEST} questions"


def _won(measure: Measure, values: Sequence[PairedValue]) -> tuple[int, int, int]:
    """Wins, ties and losses of the contender; nothing where no direction is better."""
    if measure.better == "neither":
        return 0, 0, 0
    sign = 1 if measure.better == "higher" else -1
    gains = [sign * (each.contender - each.baseline) for each in values]
    wins, losses = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    return wins, len(gains) - wins - losses, losses


def _corrected(pairs: Sequence[Comparison], primary: set[str]) -> tuple[Comparison, ...]:
    """The pairs, those of primary measures with Holm's p value."""
    tested = [
        place for place, pair in enumerate(pairs) if pair.measure in primary and pair.test != "none"
    ]
    adjusted = dict(
        zip(tested, statistics.holm([pairs[place].p_value for place in tested]), strict=True)
    )
    return tuple(
        dataclasses.replace(pair, corrected=adjusted.get(place)) for place, pair in enumerate(pairs)
    )


def _metrics(items: Sequence[Scored], measure: str) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for each in items:
        if each.reply.question_id in found:
            raise ValueError(
                f"{each.reply.system} has two replies to question {each.reply.question_id}"
            )
        value = each.metrics.get(measure)
        known = value is not None and math.isfinite(value)
        found[each.reply.question_id] = float(value) if value is not None and known else None
    return found


def _yes_or_no(measure: Measure, numbers: Sequence[float]) -> bool:
    """Whether shares can be counted; a measure that is not what it says is a mean like any."""
    return measure.kind == "yes/no" and all(number in (0, 1) for number in numbers)
