"""Is each system no worse than it was in an earlier run?

    "right=0.05" ─► allowances      scored now + scored then + allowances ─► gate results

Only questions that both runs hold are compared, and how many are not is told.  A gate is met when
the lower bound of the difference, in the direction that is better, is not below what is allowed:
that so few questions cannot show more is a reason to fail it, and is said.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from esrag import statistics
from esrag.errors import UsageError
from esrag.evaluation.comparing import Values, compare_values, values_of
from esrag.evaluation.records import Comparison, GateResult, Measure, Scored
from esrag.questions import KnownQuestion

_NONE = "No system could be compared by it: nothing shows that any is no worse."
_FORM = "Give it as MEASURE=DELTA, for example --no-worse-than right=0.05."


def allowances(texts: Sequence[str], measures: Sequence[Measure]) -> dict[str, float]:
    """What ``--no-worse-than`` says: how much worse a measure may be, in its own unit.

    Raises UsageError for another form, an unknown measure, one without a better direction, one
    that is named twice, and a delta that is negative or no number.
    """
    known = {each.name: each for each in measures}
    found: dict[str, float] = {}
    for text in texts:
        name, sign, delta = (part.strip() for part in text.rpartition("="))
        if not sign or not name:
            raise UsageError(f"--no-worse-than {text!r} is not of the form wanted", hint=_FORM)
        if name not in known:
            raise UsageError(f"There is no measure {name!r}", hint=_near(name, sorted(known)))
        if known[name].better == "neither":
            raise UsageError(
                f"Of {name!r} neither more nor less is better, so it can be no gate",
                hint=_near("", sorted(key for key in known if known[key].better != "neither")),
            )
        if name in found:
            raise UsageError(f"--no-worse-than names {name!r} twice", hint="Keep one of them.")
        found[name] = _delta(delta, text)
    return found


def check_gates(
    now: Mapping[str, Sequence[Scored]],
    before: Mapping[str, Sequence[Scored]],
    allowed: Mapping[str, float],
    *,
    measures: Sequence[Measure],
    draws: int = statistics.DRAWS,
    seed: int = statistics.SEED,
) -> tuple[GateResult, ...]:
    """One result for each measure in ``allowed`` and each system of either run.

    A system that only one run has, or of which the measure says nothing in both, is told and not
    compared; where none is compared, no gate of the measure is met.
    """
    known = {each.name: each for each in measures}
    sides = {("now", name): items for name, items in now.items()}
    sides |= {("before", name): items for name, items in before.items()}
    found: list[GateResult] = []
    for name, delta in allowed.items():
        values = values_of(sides, known[name])
        results = []
        for system in dict.fromkeys([*now, *before]):
            pair = [values.get((side, system)) for side in ("before", "now")]
            if reason := _not_compared(*pair):
                results.append(_skipped(system, name, delta, reason))
                continue
            compared = compare_values(
                ("before", pair[0] or {}),
                ("now", pair[1] or {}),
                known[name],
                draws=draws,
                seed=seed,
            )
            results.append(_result(system, compared, known[name], delta))
        if not any(each.compared for each in results):
            results = [replace(each, met=False, why=f"{each.why} {_NONE}") for each in results]
        found += results
    return tuple(found)


def standing(gate: GateResult) -> str:
    """Met, not met, or not compared."""
    if not gate.met:
        return "not met"
    return "met" if gate.compared else "not compared"


def in_words(gate: GateResult) -> str:
    """One line for a terminal, as texts of others stand in it: not made safe yet."""
    asked = f"{gate.system}, {gate.measure} no worse than by {gate.allowed:g}"
    return f"gate {standing(gate)}: {asked}. {gate.why}"


def asked_alike(
    scored: Mapping[str, Sequence[Scored]],
    now: Sequence[KnownQuestion],
    before: Sequence[KnownQuestion],
) -> dict[str, tuple[Scored, ...]]:
    """What of an earlier run may be compared: replies to questions that are the same today.

    A question that bears the same id but asks, accepts or rests on something else is another one.
    """
    asked = {_essence(question) for question in now}
    same = {question.id for question in before if _essence(question) in asked}
    return {
        name: tuple(each for each in items if each.reply.question_id in same)
        for name, items in scored.items()
    }


def _essence(question: KnownQuestion) -> tuple[object, ...]:
    return question.id, question.text, question.answer_groups, question.evidence


def _not_compared(before: Values | None, now: Values | None) -> str:
    """Why a system is not held against itself; empty when it is."""
    if before is None or now is None:
        which = "this" if before is None else "the earlier"
        return f"Only {which} run has this system, so it is not compared."
    if before and now and not any(v is not None for v in (*before.values(), *now.values())):
        return "The measure says nothing of this system in either run, so it is not compared."
    return ""


def _skipped(system: str, measure: str, allowed: float, why: str) -> GateResult:
    return GateResult(
        system=system,
        measure=measure,
        allowed=allowed,
        difference=0.0,
        low=0.0,
        high=0.0,
        questions=0,
        met=True,
        why=why,
        compared=False,
    )


def _result(system: str, pair: Comparison, measure: Measure, allowed: float) -> GateResult:
    """A comparison, turned so that more is better, held against what is allowed."""
    low, high, difference = pair.low, pair.high, pair.difference
    if measure.better == "lower":
        low, high, difference = -pair.high, -pair.low, -pair.difference
    met = bool(pair.questions) and low >= -allowed
    return GateResult(
        system=system,
        measure=measure.name,
        allowed=allowed,
        difference=difference,
        low=low,
        high=high,
        questions=pair.questions,
        missing=pair.missing,
        met=met,
        why=_why(pair, (difference, low, high), allowed, met=met),
        abstained=pair.abstained,
        detectable=pair.detectable,
    )


def _why(pair: Comparison, found: tuple[float, float, float], allowed: float, *, met: bool) -> str:
    """What was found, what was left out, and what so few questions cannot show."""
    difference, low, high = found
    left_out = _left_out(pair)
    if not pair.questions:
        return f"No question has a value in both runs{left_out}: nothing shows that it is no worse."
    said = [
        f"Changed by {difference:+.3f} [{low:+.3f}, {high:+.3f}] on {pair.questions} "
        f"question{'s' if pair.questions > 1 else ''}{left_out}; "
        + (f"not below −{allowed:g}." if met else f"the lower bound is below −{allowed:g}.")
    ]
    if pair.note:
        said.append(pair.note[0].upper() + pair.note[1:] + ".")
    if not met and difference >= -allowed:
        said.append(
            f"The loss found is not more than allowed, but so few questions cannot rule out more: "
            f"add questions, or allow {_rounded_up(-low):g}."
        )
    elif pair.detectable is not None and pair.detectable > allowed:
        said.append(
            f"So many questions show a loss of {pair.detectable:.3f} or more in four of five runs; "
            f"one of {allowed:g}{_wanted(pair, allowed)}."
        )
    return " ".join(said)


def _wanted(pair: Comparison, allowed: float) -> str:
    """How many questions would show what is allowed."""
    if not allowed:
        return " cannot be shown by any number of questions"
    if pair.test == "mcnemar":
        differing = (pair.wins + pair.losses + 1) / (pair.questions + 2)
        wanted = statistics.questions_for_change(allowed, differing)
    else:
        differences = [each.contender - each.baseline for each in pair.values]
        wanted = statistics.questions_for_mean(allowed, statistics.deviation(differences))
    return f" wants {wanted:,}" if wanted else " wants more than there can be"


def _left_out(pair: Comparison) -> str:
    parts = []
    if pair.missing:
        parts.append(f"{pair.missing} that the runs do not share")
    if pair.abstained:
        parts.append(f"{pair.abstained} without a value in one of them")
    return f" ({' and '.join(parts)} left out)" if parts else ""


def _delta(text: str, whole: str) -> float:
    try:
        delta = float(text)
    except ValueError:
        delta = math.nan
    if not math.isfinite(delta) or delta < 0:
        raise UsageError(
            f"--no-worse-than {whole!r}: {text!r} is not a number of at least 0", hint=_FORM
        )
    return delta


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3) or known
    return f"Measures: {', '.join(near)}." if near else "This run has no measures."


def _rounded_up(value: float) -> float:
    return math.ceil(value * 1000) / 1000
