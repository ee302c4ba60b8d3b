"""report.md: the page's contents as text for a pull request or a wiki.

Markdown has no colours: signs stand for them.  Whatever others wrote has every mark of Markdown and
HTML escaped, so that it reads as it was written and does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from esrag.evaluation.gates import standing as gate_standing
from esrag.evaluation.records import EvaluationRun, Measure, Scored
from esrag.evaluation.report.answers import SPAN_SIGNS
from esrag.evaluation.report.findings import (
    STANDINGS,
    baseline_of,
    corrected_p,
    estimate_of,
    figure_in_words,
    finding,
    finds_only,
    judged,
    not_shown,
    pair_of,
    primary_measures,
    standing,
    unsaid,
)
from esrag.evaluation.report.outcomes import OUTCOMES, Answered, Tally, answered, tallies
from esrag.evaluation.report.tables import COSTS, KINDS, PAIR_HEADS, shown_outcomes, types_in_words
from esrag.evaluation.report.texts import (
    ABSENT,
    counted,
    cut,
    in_words,
    interval_in_words,
    linkable,
    moment,
    one_line,
    probable,
    timed,
)

# Those of CommonMark and GitHub's additions, wherever they stand, and those of a line's beginning.
_MARKS = re.compile(r"[\\`*_\[\]<>|~&$@{}^]|:(?=//|:)|(?<=www)\.", re.IGNORECASE)
_BEGINNING = re.compile(r"^(\d*)([#+\-=:.)])")
# GitHub looks for addresses and mentions in the text that is left; a joiner within ends that
_FOUND_LATER = re.compile(r"(\\@|\\:(?=//)|www\\\.)", re.IGNORECASE)
_TEXT, _REASON = 600, 200
_MOST_QUESTIONS = 200
_KEY = "✓ supported, ✗ contradicted, ? unsupported, – refusal, · not judged."


def escaped(text: str, most: int = _TEXT) -> str:
    """``text`` on one line, every mark escaped; nothing in it is a link, a mention or markup."""
    kept, missing = cut(one_line(text, most + 1), most)
    inert = _BEGINNING.sub(r"\1\\\2", _MARKS.sub(lambda mark: f"\\{mark.group()}", kept))
    inert = _FOUND_LATER.sub("\\1\u2060", inert)
    return f"{inert} …" if missing else inert


def render_markdown(run: EvaluationRun) -> str:
    """The report; answers of the first 200 questions by disagreement, all others are counted."""
    questions = answered(run)
    tallied = tallies(run, questions)
    told = finding(run, tallied)
    asked, ways = counted(len(run.questions), "question"), counted(len(run.systems), "system")
    lines = [
        f"# The same {asked}, {ways}",
        "",
        f"{escaped(told.lead, 2000)}",
        "",
        *[f"- {escaped(each, 2000)}" for each in (*told.told, *told.further, *told.counted)],
        "",
        "## What was compared",
        "",
        f"Types of questions: {escaped(types_in_words(run), 2000)}.",
        "",
        *_table(
            ("System", "How it answers", "Note"),
            [
                (escaped(system.name), KINDS[system.kind], escaped(system.note) or ABSENT)
                for system in run.systems
            ],
        ),
        "## Figures with 95 % intervals",
        "",
        *_figures(run, tallied),
        *_differences(run),
        *_gates(run),
        *_costs(run),
        *_updates(run),
        f"## {'What was found' if finds_only(run) else 'Answers'}, side by side",
        "",
        *([] if finds_only(run) else [_KEY, ""]),
        *_answers(run, questions),
        "## What this does not show",
        "",
        *[f"- {escaped(each, 2000)}" for each in not_shown(run, tallied)],
        "",
        "## Where this comes from",
        "",
        *_facts(run),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    written = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(row)} |" for row in written] + [""]


def _figures(run: EvaluationRun, tallied: dict[str, Tally]) -> list[str]:
    first = primary_measures(run)
    others = [measure for measure in run.measures if measure not in first and judged(run, measure)]
    measures = (*first, *others)
    heads = ["Measure", *[escaped(system.name) for system in run.systems]]
    rows = [
        [escaped(measure.title), *[_figure(run, system.name, measure) for system in run.systems]]
        for measure in measures
    ]
    for outcome in shown_outcomes(run, tallied):
        counts = [tallied[system.name].outcomes[outcome] for system in run.systems]
        rows.append([f"replies: {OUTCOMES[outcome][1]}", *[f"{count:,}" for count in counts]])
    silent = [said for primary in (True, False) if (said := unsaid(run, primary=primary))]
    return [*_table(heads, rows), *[f"{escaped(each, 2000)}\n" for each in silent]]


def _safe(measure: Measure) -> Measure:
    """With a unit that is words and nothing else."""
    return replace(measure, unit=escaped(measure.unit, 40))


def _figure(run: EvaluationRun, system: str, measure: Measure) -> str:
    value, interval, questions = figure_in_words(
        estimate_of(run, system, measure.name), _safe(measure)
    )
    return f"{value} ({interval}; n = {questions})" if interval else f"{value} ({questions})"


def _differences(run: EvaluationRun) -> list[str]:
    baseline = baseline_of(run)
    rows = []
    for measure in primary_measures(run):
        for system in run.systems:
            pair = pair_of(run, baseline, system.name, measure.name)
            if system.name == baseline or pair is None:
                continue
            interval = interval_in_words(pair.low, pair.high, measure, signed=True)
            rows.append(
                [
                    escaped(system.name),
                    escaped(measure.title),
                    STANDINGS[standing(pair, measure)],
                    in_words(pair.difference, _safe(measure), signed=True),
                    interval,
                    f"{pair.questions:,}",
                    probable(corrected_p(pair)).replace("<", "below"),
                    f"{pair.wins:,} / {pair.ties:,} / {pair.losses:,}",
                    in_words(pair.detectable, _safe(measure), signed=True).lstrip("+"),
                ]
            )
    if not rows:
        return []
    heads = ("System", "Measure", *PAIR_HEADS)
    return [f"## Against {escaped(baseline)}", "", *_table(heads, rows)]


def _gates(run: EvaluationRun) -> list[str]:
    if not run.gates:
        return []
    rows = [
        (
            escaped(gate.system),
            escaped(gate.measure),
            gate_standing(gate),
            escaped(gate.why) or ABSENT,
        )
        for gate in run.gates
    ]
    return ["## Gates", "", *_table(("System", "Measure", "Gate", "Why"), rows)]


def _costs(run: EvaluationRun) -> list[str]:
    if not run.costs:
        return []
    rows = [
        [escaped(cost.system), *[escaped(shown(cost)) for _, shown in COSTS]] for cost in run.costs
    ]
    return ["## Costs", "", *_table(["System", *[label for label, _ in COSTS]], rows)]


def _updates(run: EvaluationRun) -> list[str]:
    lines = []
    for story in run.updates:
        lines += [
            "## After a document changed",
            "",
            f"To “{escaped(story.question)}” the document {escaped(story.document_id)} said "
            f"“{escaped(story.old)}” before the change and “{escaped(story.new)}” after it.",
            "",
            *_table(
                ("System", "Moment", "After", "Says the new", "Says the old", "Answer"),
                [
                    (
                        escaped(step.system),
                        escaped(step.moment),
                        timed(step.seconds),
                        "yes" if step.says_new else "no",
                        "yes" if step.says_old else "no",
                        escaped(step.says, 200),
                    )
                    for step in story.steps
                ],
            ),
            *([escaped(story.note, 2000), ""] if story.note else []),
        ]
    return lines


def _answers(run: EvaluationRun, questions: Sequence[Answered]) -> list[str]:
    ordered = sorted(questions, key=lambda each: (-each.disagreement, each.number))
    chosen = sorted(ordered[:_MOST_QUESTIONS], key=lambda each: each.number)
    lines = []
    if len(chosen) < len(questions):
        lines += [
            f"The {len(chosen):,} questions on which the systems disagree most, of "
            f"{len(questions):,}; all of them are in report.html and report.json.",
            "",
        ]
    for each in chosen:
        lines += _question(run, each)
    return lines


def _question(run: EvaluationRun, each: Answered) -> list[str]:
    question = each.question
    lines = [f"### {each.number}\\. {escaped(question.text)}", ""]
    reference = escaped(question.answer) or "none given"
    if not question.answerable:
        reference = "none: the documents do not answer this question"
    lines.append(f"{escaped(question.kind)} · Reference: {reference}")
    for evidence in question.evidence[:3]:
        lines.append(f"<br>Evidence: “{escaped(evidence.quote)}” {escaped(evidence.document_id)}")
    lines.append("")
    for system, scored, outcome in zip(run.systems, each.replies, each.outcomes, strict=True):
        mark, said = OUTCOMES[outcome]
        lines.append(f"- **{escaped(system.name)}**: {mark} {said}".rstrip())
        lines += _reply(scored) if scored else []
    return [*lines, ""]


def _reply(scored: Scored) -> list[str]:
    reply = scored.reply
    if reply.status == "failed":
        return [f"  - {escaped(reply.error) or 'it is not known why'}"]
    lines = []
    at = 0
    for span in scored.spans:
        between = reply.text[at : max(at, span.start)]
        if between.strip():
            lines.append(f"  - {escaped(between)}")
        sign, _ = SPAN_SIGNS[span.kind]
        why = f": {escaped(span.why, _REASON)}" if span.why.strip() else ""
        lines.append(f"  - {sign} {escaped(reply.text[max(at, span.start) : span.end])}")
        if why and span.kind not in ("refusal", "unjudged"):
            proof = next((each for each in span.evidence), None)
            told = f" “{escaped(proof.quote, _REASON)}”{_link(proof.url)}" if proof else ""
            lines.append(f"    - {why[2:]}{told}")
        at = max(at, span.end)
    if reply.text[at:].strip():
        lines.append(f"  - {escaped(reply.text[at:])}")
    return lines or ["  - the answer is empty"]


def _link(url: str) -> str:
    target = linkable(url)
    return f" [source](<{target}>)" if target else ""


def _facts(run: EvaluationRun) -> list[str]:
    times = {"Begun": moment(run.started), "Ended": moment(run.finished)}
    facts = {"Run": run.name, **times, **run.facts}
    return [f"- {escaped(label)}: {escaped(str(value))}" for label, value in facts.items() if value]
