"""The tables of a report: systems, figures, comparisons, costs, updates, where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from esrag.evaluation.gates import standing as gate_standing
from esrag.evaluation.records import (
    Comparison,
    EvaluationRun,
    Measure,
    SystemCost,
    SystemKind,
)
from esrag.evaluation.report.findings import (
    STANDINGS,
    baseline_of,
    corrected_p,
    estimate_of,
    figure_in_words,
    finds_only,
    judged,
    pair_of,
    primary_measures,
    standing,
    unit_note,
    unsaid,
)
from esrag.evaluation.report.markup import Content, Markup, foreign, joined, tag
from esrag.evaluation.report.outcomes import OUTCOMES, Outcome, Tally, types_of
from esrag.evaluation.report.texts import (
    ABSENT,
    counted,
    grouped,
    in_words,
    interval_in_words,
    moment,
    one_line,
    plain,
    probable,
    shown_label,
    timed,
)

KINDS: Mapping[SystemKind, str] = {
    "rag": "writes from passages that it retrieves",
    "extractive": "quotes the passages that it retrieves",
    "closed_book": "answers from its weights alone",
    "retrieval": "only finds passages",
}
PAIR_HEADS = (
    "Finding",
    "Difference",
    "95 % interval",
    "Questions",
    "p, corrected",
    "Wins / ties / losses",
    "Found in 80 of 100 runs",
)
Cost = Callable[[SystemCost], str]
COSTS: tuple[tuple[str, Cost], ...] = (
    ("Training", lambda cost: timed(cost.training_seconds)),
    ("GPU hours", lambda cost: _number(cost.gpu_hours)),
    ("Indexing", lambda cost: timed(cost.index_seconds)),
    ("Tokens read an answer", lambda cost: _number(cost.prompt_tokens)),
    ("Tokens written an answer", lambda cost: _number(cost.generated_tokens)),
    ("Seconds an answer, median", lambda cost: timed(cost.answer_seconds)),
    ("Money for 1,000 answers", lambda cost: _number(cost.money_per_thousand)),
    ("After a document changed", lambda cost: _update(cost)),
)


def _number(value: float | None) -> str:
    return ABSENT if value is None else grouped(value)


def _update(cost: SystemCost) -> str:
    if cost.update_seconds is None:
        return one_line(cost.update_how) or ABSENT
    how = f", {one_line(cost.update_how)}" if cost.update_how else ""
    return f"{timed(cost.update_seconds)}{how}"


def table(
    caption: str, heads: Sequence[Content], rows: Sequence[Sequence[Content]], class_: str = ""
) -> Markup:
    """A table that scrolls sideways where there is no room; the first cell of a row is its head."""
    head = tag("tr", *[tag("th", cell, scope="col") for cell in heads])
    body = [
        tag("tr", tag("th", row[0], scope="row"), *[tag("td", cell) for cell in row[1:]])
        for row in rows
    ]
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", head),
        tag("tbody", *body),
        class_=class_ or None,
    )
    return tag("div", made, class_="scroll", tabindex="0", role="group", aria_label=caption)


def systems_table(run: EvaluationRun) -> Markup:
    """Who was asked, how each answers, and what was set otherwise."""
    rows = []
    for system in run.systems:
        set_otherwise = [
            tag("code", f"{one_line(name)} = {one_line(str(value))[:200]}")
            for name, value in system.overrides.items()
        ]
        base = (
            tag("span", "baseline", class_="badge plain")
            if system.name == baseline_of(run)
            else None
        )
        runs = [
            tag("span", "trained by ", foreign(name[:120]), class_="document")
            for name in system.runs
        ]
        told = [
            foreign(system.note[:600], name="span") if system.note.strip() else None,
            *runs,
            *set_otherwise,
        ]
        rows.append(
            [
                joined(foreign(system.name[:120]), " ", base),
                KINDS[system.kind],
                tag("div", *told, class_="settings") if any(told) else ABSENT,
            ]
        )
    return table(
        "Systems", ["System", "How it answers", "Note and settings of its own"], rows, "systems"
    )


def types_in_words(run: EvaluationRun) -> str:
    """ "80 single fact, 20 unanswerable"."""
    counts = [
        (kind, sum(question.kind == kind for question in run.questions)) for kind in types_of(run)
    ]
    return ", ".join(f"{count:,} {shown_label(kind)[:60]}" for kind, count in counts)


def _figure(run: EvaluationRun, system: str, measure: Measure) -> Markup:
    value, interval, questions = figure_in_words(estimate_of(run, system, measure.name), measure)
    return joined(
        tag("span", value, class_="value"),
        tag("span", interval, class_="interval") if interval else None,
        tag("span", f"n = {questions}" if interval else questions, class_="n"),
    )


_OF_ANSWERS: tuple[Outcome, ...] = ("right", "wrong")
_TOLD: tuple[Outcome, ...] = ("right", "wrong", "declined", "refused")


def shown_outcomes(run: EvaluationRun, tallied: Mapping[str, Tally]) -> tuple[Outcome, ...]:
    """The columns of how replies came out: right and wrong only where a reply was told so."""
    counts = {outcome: sum(t.outcomes[outcome] for t in tallied.values()) for outcome in OUTCOMES}
    told = any(counts[outcome] for outcome in _TOLD)
    return tuple(
        outcome
        for outcome in OUTCOMES
        if outcome == "failed" or counts[outcome] or (told and outcome in _OF_ANSWERS)
        if outcome in ("failed", "missing") or not finds_only(run)
    )


def headline_table(run: EvaluationRun, tallied: Mapping[str, Tally]) -> Markup:
    """Systems by primary measures, and how their replies came out."""
    measures = primary_measures(run)
    shown = shown_outcomes(run, tallied)
    heads: list[Content] = ["System"]
    heads += [
        joined(
            foreign(measure.title[:60], name="span"), tag("span", unit_note(measure), class_="n")
        )
        for measure in measures
    ]
    heads += [_capital(OUTCOMES[outcome][1]) for outcome in shown]
    rows = []
    for system in run.systems:
        tally = tallied[system.name]
        base = (
            tag("span", "baseline", class_="badge plain")
            if system.name == baseline_of(run)
            else None
        )
        cells: list[Content] = [joined(foreign(system.name[:120]), " ", base)]
        cells += [_figure(run, system.name, measure) for measure in measures]
        cells += [f"{tally.outcomes[outcome]:,}" for outcome in shown]
        rows.append(cells)
    return table(
        "Figures with 95 % intervals, and how the replies came out", heads, rows, "figures"
    )


def measures_table(run: EvaluationRun) -> Markup:
    """Every measure by every system; those that nobody has a value of are named below."""
    rows = []
    for measure in run.measures:
        if not judged(run, measure):
            continue
        about = tag("span", plain(measure.about)[:300], class_="n") if measure.about else None
        name = joined(
            foreign(measure.title[:80], name="span"),
            tag("span", unit_note(measure), class_="n"),
            about,
        )
        rows.append([name, *[_figure(run, system.name, measure) for system in run.systems]])
    heads = ["Measure", *[foreign(system.name[:80]) for system in run.systems]]
    silent = unsaid(run, primary=False)
    return joined(
        table("All measures with 95 % intervals", heads, rows, "figures all"),
        tag("p", silent, class_="note under") if silent else None,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def baseline_table(run: EvaluationRun, measure: Measure) -> Markup | None:
    """Each contender against the baseline by one measure."""
    baseline = baseline_of(run)
    pairs = [
        pair
        for system in run.systems
        if system.name != baseline
        and (pair := pair_of(run, baseline, system.name, measure.name)) is not None
    ]
    if not pairs:
        return None
    caption = f"{one_line(measure.title)[:80]}: against “{one_line(baseline)[:80]}”"
    return _pairs_table(caption, pairs, measure, lambda pair: foreign(pair.contender[:120]))


def other_pairs_table(run: EvaluationRun, measure: Measure) -> Markup | None:
    """All pairs without the baseline by one measure."""
    baseline = baseline_of(run)
    pairs = [
        pair
        for pair in (run.comparisons.pairs if run.comparisons else ())
        if pair.measure == measure.name and baseline not in (pair.baseline, pair.contender)
    ]
    if not pairs:
        return None

    def named(pair: Comparison) -> Markup:
        return joined(foreign(pair.contender[:80]), " against ", foreign(pair.baseline[:80]))

    return _pairs_table(f"{one_line(measure.title)[:80]}: all other pairs", pairs, measure, named)


def _pairs_table(
    caption: str,
    pairs: Sequence[Comparison],
    measure: Measure,
    named: Callable[[Comparison], Markup],
) -> Markup:
    rows = [[named(pair), *_pair_cells(pair, measure)] for pair in pairs]
    notes = dict.fromkeys(plain(pair.note[:300]) for pair in pairs if pair.note)
    return joined(
        table(caption, ["System", *PAIR_HEADS], rows, "pairs"),
        *[tag("p", f"{note[:1].upper()}{note[1:]}.", class_="note under") for note in notes],
    )


def _pair_cells(pair: Comparison, measure: Measure) -> list[Content]:
    stands = standing(pair, measure)
    badge = tag("span", STANDINGS[stands], class_=f"badge {stands}")
    if stands == "untested":
        return [badge, *[ABSENT] * (len(PAIR_HEADS) - 1)]
    not_corrected = tag("span", "not corrected", class_="n") if pair.corrected is None else None
    return [
        badge,
        tag("span", in_words(pair.difference, measure, signed=True), class_="value"),
        interval_in_words(pair.low, pair.high, measure, signed=True),
        f"{pair.questions:,}",
        joined(probable(corrected_p(pair)), not_corrected),
        f"{pair.wins:,} / {pair.ties:,} / {pair.losses:,}",
        in_words(pair.detectable, measure, signed=True).lstrip("+"),
    ]


def gates_table(run: EvaluationRun) -> Markup | None:
    """Whether systems are no worse than in an earlier run."""
    if not run.gates:
        return None
    by_name = {measure.name: measure for measure in run.measures}
    rows = []
    for gate in run.gates:
        measure = by_name.get(gate.measure, Measure(gate.measure, gate.measure))
        said = gate_standing(gate)
        stands = {"met": "better", "not met": "worse"}.get(said, "plain")
        rows.append(
            [
                foreign(gate.system[:120]),
                foreign(measure.title[:80], name="span"),
                tag("span", said, class_=f"badge {stands}"),
                in_words(gate.allowed, measure, signed=True).lstrip("+"),
                tag("span", plain(gate.why)[:400], dir="auto") if gate.why else ABSENT,
            ]
        )
    heads = ["System", "Measure", "Gate", "Allowed to be worse by", "Why"]
    return table("Gates: no worse than an earlier run", heads, rows, "gates")


def costs_table(run: EvaluationRun) -> Markup | None:
    """What each system takes; a dash where nothing was measured."""
    if not run.costs:
        return None
    rows = []
    for cost in run.costs:
        note = tag("span", plain(cost.note)[:300], class_="n") if cost.note else None
        name = joined(foreign(cost.system[:120]), note)
        rows.append([name, *[shown(cost) for _, shown in COSTS]])
    return table("Costs", ["System", *[label for label, _ in COSTS]], rows, "costs")


def update_section(run: EvaluationRun) -> Markup | None:
    """The update experiment: one fact changed, and who said what when."""
    made: list[Content] = []
    for story in run.updates:
        rows = [
            [
                foreign(step.system[:120]),
                foreign(step.moment[:120]),
                timed(step.seconds),
                "yes" if step.says_new else "no",
                "yes" if step.says_old else "no",
                tag("span", plain(step.says)[:400], dir="auto"),
            ]
            for step in story.steps
        ]
        told = tag(
            "p",
            "To ",
            tag("q", plain(story.question)[:400], dir="auto"),
            " the document ",
            foreign(story.document_id[:200], class_="document"),
            " said ",
            tag("q", plain(story.old)[:200], dir="auto"),
            " before the change and ",
            tag("q", plain(story.new)[:200], dir="auto"),
            " after it.",
            class_="story",
        )
        heads = ["System", "Moment", "After", "Says the new", "Says the old", "Answer"]
        made += [told, table("After a document changed", heads, rows, "updates")]
        if story.note:
            made.append(tag("p", plain(story.note)[:2000], class_="n", dir="auto"))
    return joined(*made) if made else None


def facts_list(run: EvaluationRun) -> Markup:
    """Where the run comes from, in words."""
    times = {"Begun": moment(run.started), "Ended": moment(run.finished)}
    facts = {"Run": run.name, **times, **run.facts}
    if run.comparisons and run.comparisons.draws:
        drawn = counted(run.comparisons.draws, "draw")
        facts["Intervals"] = f"{drawn} of the bootstrap, seed {run.comparisons.seed}"
    parts: list[Content] = []
    for label, value in facts.items():
        if str(value).strip():
            parts += [
                tag("dt", foreign(label[:80], name="span")),
                tag("dd", foreign(str(value)[:600], name="span")),
            ]
    return tag("dl", *parts, class_="facts")
