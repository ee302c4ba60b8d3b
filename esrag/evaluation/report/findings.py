"""What a run shows, in plain sentences, and what it does not.

A difference is told only where its interval leaves out 0 and its corrected p-value is below 5 %;
everything else "cannot be told apart", which is not the same as equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from esrag.evaluation.records import Comparison, Estimate, EvaluationRun, Measure
from esrag.evaluation.report.outcomes import Tally
from esrag.evaluation.report.texts import (
    counted,
    in_words,
    interval_in_words,
    one_line,
    probable,
)

SURE = 0.05
FEW = 30  # questions, below which an interval says little

Standing = Literal["better", "worse", "different", "unclear", "untested"]
STANDINGS: dict[Standing, str] = {
    "better": "better",
    "worse": "worse",
    "different": "different",
    "unclear": "cannot be told apart",
    "untested": "no question in common",
}


def standing(pair: Comparison, measure: Measure) -> Standing:
    """How the contender stands to the baseline, as far as interval and test allow."""
    if pair.test == "none":
        return "untested"
    if corrected_p(pair) > SURE or pair.low <= 0 <= pair.high:
        return "unclear"
    if measure.better == "neither":
        return "different"
    return "better" if (pair.difference > 0) == (measure.better == "higher") else "worse"


def corrected_p(pair: Comparison) -> float:
    """Corrected for the number of comparisons where the measure is a primary one."""
    return pair.p_value if pair.corrected is None else pair.corrected


def finds_only(run: EvaluationRun) -> bool:
    """Whether no system answers: the run is about what is found."""
    return bool(run.systems) and all(system.kind == "retrieval" for system in run.systems)


def baseline_of(run: EvaluationRun) -> str:
    """The baseline's name: the first system's where none was named."""
    named = run.comparisons.baseline if run.comparisons else ""
    return named or (run.systems[0].name if run.systems else "")


def primary_measures(run: EvaluationRun) -> tuple[Measure, ...]:
    """Those that are tested and shown first, as far as any system has a value of them.

    Where none has, all that are marked as primary; where none is marked, the first measure.
    """
    marked = tuple(measure for measure in run.measures if measure.primary)
    return tuple(each for each in marked if judged(run, each)) or marked or run.measures[:1]


def unsaid(run: EvaluationRun, *, primary: bool) -> str:
    """Which of the measures, primary or not, nobody has a value of, and for want of what.

    Empty where each has a value.  Titles and words are as they were written.
    """
    by_want: dict[str, list[str]] = {}
    for measure in run.measures:
        if measure.primary == primary and not judged(run, measure):
            by_want.setdefault(measure.wants, []).append(measure.title[:80])
    parts = [
        ", ".join(titles) + (f" (for want of {want[:200]})" if want else "")
        for want, titles in by_want.items()
    ]
    return f"Nothing could be said by: {'; '.join(parts)}." if parts else ""


def estimate_of(run: EvaluationRun, system: str, measure: str) -> Estimate | None:
    """The figure of a system, if there is one."""
    found = run.comparisons.estimates if run.comparisons else ()
    return next((each for each in found if (each.system, each.measure) == (system, measure)), None)


def judged(run: EvaluationRun, measure: Measure) -> bool:
    """Whether any system has a value of it."""
    found = run.comparisons.estimates if run.comparisons else ()
    return any(each.measure == measure.name and each.value is not None for each in found)


def pair_of(run: EvaluationRun, baseline: str, contender: str, measure: str) -> Comparison | None:
    """The comparison of two systems, turned round where it was made the other way."""
    for pair in run.comparisons.pairs if run.comparisons else ():
        if pair.measure != measure:
            continue
        if (pair.baseline, pair.contender) == (baseline, contender):
            return pair
        if (pair.baseline, pair.contender) == (contender, baseline):
            return _turned(pair)
    return None


def _turned(pair: Comparison) -> Comparison:
    """The other way round, without its values: the report shows none."""
    return replace(
        pair,
        baseline=pair.contender,
        contender=pair.baseline,
        difference=-pair.difference,
        low=-pair.high,
        high=-pair.low,
        wins=pair.losses,
        losses=pair.wins,
        baseline_value=pair.contender_value,
        contender_value=pair.baseline_value,
        values=(),
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """``lead`` is the one sentence to remember, ``told`` says the same of each contender.

    ``further`` is what the other primary measures say, ``counted`` what went wrong.
    """

    lead: str
    told: tuple[str, ...]
    further: tuple[str, ...]
    counted: tuple[str, ...]


def finding(run: EvaluationRun, tallied: dict[str, Tally]) -> Finding:
    """What the run shows."""
    headline = headline_measure(run)
    others = [measure for measure in primary_measures(run) if measure != headline]
    return Finding(
        _lead(run),
        tuple(_against_baseline(run, headline)) if headline else (),
        tuple(sentence for each in others for sentence in _against_baseline(run, each)),
        _counted(run, tallied),
    )


def _named(name: str) -> str:
    return f"“{one_line(name)}”"


def _lead(run: EvaluationRun) -> str:
    measure = headline_measure(run)
    if measure is None:
        return "No measure was taken that could say which system is better."
    found = [estimate_of(run, system.name, measure.name) for system in run.systems]
    known = [each for each in found if each is not None and each.value is not None]
    if not known:
        return f"Nothing could be judged by “{measure.title}”, so no system can be called better."
    best = sorted(known, key=lambda each: each.value or 0.0, reverse=measure.better == "higher")[0]
    value = in_words(best.value, measure)
    others = [each.system for each in known if each.system != best.system]
    if not others:
        alone = f"{_named(best.system)} has {value} by “{measure.title}”"
        return f"{alone}; there is no other system to set it beside."
    said = f"{_named(best.system)} has the best figure for “{measure.title}”, {value}"
    unclear, untested = [], []
    for other in others:
        pair = pair_of(run, other, best.system, measure.name)
        if pair is None or pair.test == "none":
            untested.append(other)
        elif standing(pair, measure) == "unclear":
            unclear.append(other)
    if not unclear and not untested:
        return f"{said}, and is better than every other system by more than chance explains."
    parts = []
    if unclear:
        parts.append(f"cannot be told apart from {_list(unclear)}")
    if untested:
        parts.append(f"was not tested against {_list(untested)}")
    return f"{said}, but {' and '.join(parts)}."


def headline_measure(run: EvaluationRun) -> Measure | None:
    """The primary measure with a direction that has a value for most questions."""
    measures = [each for each in primary_measures(run) if each.better != "neither"]
    judged = {
        measure.name: sum(
            each.questions
            for each in (run.comparisons.estimates if run.comparisons else ())
            if each.measure == measure.name
        )
        for measure in measures
    }
    return max(measures, key=lambda measure: judged[measure.name], default=None)


def _list(names: Sequence[str]) -> str:
    named = [_named(name) for name in names]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _against_baseline(run: EvaluationRun, measure: Measure) -> list[str]:
    """A sentence for each standing that some contender has, as one would say it."""
    baseline = baseline_of(run)
    pairs = [
        pair
        for system in run.systems
        if system.name != baseline
        and (pair := pair_of(run, baseline, system.name, measure.name)) is not None
    ]
    base = _named(baseline)
    begins: dict[Standing, str] = {
        "better": f"better than {base}",
        "worse": f"worse than {base}",
        "different": f"different from {base}",
        "unclear": f"cannot be told apart from {base}",
        "untested": f"no question in common with {base}",
    }
    said = []
    for stands, words in begins.items():
        chosen = [pair for pair in pairs if standing(pair, measure) == stands]
        if chosen:
            told = ", ".join(_difference(pair, measure) for pair in chosen)
            said.append(f"{measure.title}: {words}: {told}.{_hidden(chosen, stands, measure)}")
    return said


def _difference(pair: Comparison, measure: Measure) -> str:
    """A contender, and in brackets by how much; why that is not enough where 0 is left out."""
    if pair.test == "none":
        return _named(pair.contender)
    difference = in_words(pair.difference, measure, signed=True)
    interval = interval_in_words(pair.low, pair.high, measure, signed=True)
    figures = f"{difference}, {interval}"
    if standing(pair, measure) == "unclear" and not pair.low <= 0 <= pair.high:
        figures += f", but p is {probable(corrected_p(pair))} once corrected"
    return f"{_named(pair.contender)} ({figures})"


def _hidden(pairs: Sequence[Comparison], stands: Standing, measure: Measure) -> str:
    """What so few questions leave unseen."""
    least = [pair.detectable for pair in pairs if pair.detectable is not None]
    if stands != "unclear" or not least:
        return ""
    words = in_words(max(least), measure, signed=True).lstrip("+")
    return f" With so many questions, differences below {words} mostly stay hidden."


def _counted(run: EvaluationRun, tallied: dict[str, Tally]) -> tuple[str, ...]:
    said = []
    for name, tally in tallied.items():
        failed, missing = tally.outcomes["failed"], tally.outcomes["missing"]
        if failed:
            verb = "failed; it counts" if failed == 1 else "failed; they count"
            said.append(
                f"{failed:,} of {counted(tally.total, 'reply')} of {_named(name)} {verb} as wrong."
            )
        if missing:
            asked = counted(tally.total, "question")
            said.append(f"{_named(name)} was not asked {missing:,} of {asked} yet.")
    if run.status != "whole":
        said.append("The run was not finished; everything here is about what was asked so far.")
    return tuple(said)


_OF_ANSWERS = (
    "Blue means that the evidence which was looked at says so, not that it is true; red, that "
    "this evidence does not say so. The evidence are the passages around the known place, the "
    "best of one fixed search, and all that any system was given: a document that none of "
    "these found cannot support anything.",
    "Each question was asked once. Where a model draws its words by chance, a second run may "
    "say something else.",
)


def not_shown(run: EvaluationRun, tallied: dict[str, Tally]) -> tuple[str, ...]:
    """What a reader might take from this run and should not."""
    asked = len(run.questions)
    said = [
        f"The intervals say how figures would move with {asked:,} other questions like these. "
        "They say nothing of other kinds of questions, other documents or other models.",
        "“Cannot be told apart” is not “equal”: so many questions do not show a difference smaller "
        "than the one that is named beside it.",
        *(() if finds_only(run) else _OF_ANSWERS),
        "Seconds and costs are those of this machine and this load.",
    ]
    if asked < FEW:
        said.insert(0, f"{counted(asked, 'question')} are few: the intervals are wide and rough.")
    if not run.comparisons or not run.comparisons.pairs:
        said.append("No two systems were tested against each other.")
    if finds_only(run):
        said.append("Passages without a judgement count as not relevant, though some may be.")
        return (*said, *(note[:1000] for note in run.notes))
    unjudged = sum(
        tallied[system.name].outcomes["unjudged"]
        for system in run.systems
        if system.kind != "retrieval"
    )
    if unjudged:
        said.append(
            f"{counted(unjudged, 'reply')} could not be judged as right or wrong and "
            f"{'is' if unjudged == 1 else 'are'} in no share of right answers."
        )
    if not any(cost.update_seconds is not None for cost in run.costs):
        said.append("What an update costs, once a document changes, was not measured.")
    if all(question.answerable for question in run.questions):
        said.append(
            "All questions have an answer in the documents: nothing here shows who refuses when "
            "there is none."
        )
    return tuple(said) + tuple(note[:1000] for note in run.notes)


def figure_in_words(estimate: Estimate | None, measure: Measure) -> tuple[str, str, str]:
    """Value, interval and number of questions, each as words."""
    if estimate is None or estimate.value is None:
        return in_words(None, measure), "", "none judged" if estimate else "not measured"
    interval = interval_in_words(estimate.low, estimate.high, measure)
    abstained = f", {estimate.abstained:,} abstained" if estimate.abstained else ""
    failed = f", {estimate.failed:,} failed" if estimate.failed else ""
    return in_words(estimate.value, measure), interval, f"{estimate.questions:,}{abstained}{failed}"


def unit_note(measure: Measure) -> str:
    """What is meant by the direction, in a word or two."""
    share = "share of questions, " if measure.kind == "yes/no" else ""
    direction = {
        "higher": "higher is better",
        "lower": "lower is better",
        "neither": "no direction",
    }
    return share + direction[measure.better]
