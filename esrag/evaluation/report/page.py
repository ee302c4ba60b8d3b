"""report.html: one file that opens offline and is read without its script.

The policy in its head allows the one style and the one script by their hashes and nothing else: no
image, no font, no request, no form.  The same run gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from esrag.evaluation.records import EvaluationRun, SpanKind
from esrag.evaluation.report import self_contained
from esrag.evaluation.report.answers import SPAN_SIGNS, question_article
from esrag.evaluation.report.findings import (
    baseline_of,
    finding,
    finds_only,
    not_shown,
    primary_measures,
    unsaid,
)
from esrag.evaluation.report.markup import Content, Markup, foreign, joined, sign, tag, unseen
from esrag.evaluation.report.outcomes import (
    COLOURS,
    OUTCOMES,
    Answered,
    Outcome,
    Tally,
    answered,
    reliability,
    tallies,
    types_of,
)
from esrag.evaluation.report.plots import (
    BAR_ORDER,
    latency_plot,
    measure_plot,
    type_plot,
    verdict_bars,
)
from esrag.evaluation.report.tables import (
    baseline_table,
    costs_table,
    facts_list,
    gates_table,
    headline_table,
    measures_table,
    other_pairs_table,
    systems_table,
    types_in_words,
    update_section,
)
from esrag.evaluation.report.texts import counted, limits_for, moment, one_line, shown_label

_FOLDER = Path(__file__).parent
_MOST_TYPE_PLOTS = 12
SIDE_BY_SIDE = {False: "Answers side by side", True: "What was found, side by side"}
BRACKETS = "In brackets: the difference, and its 95 % interval."
_MEANINGS: dict[SpanKind, str] = {
    "supported": "the evidence says so",
    "contradicted": "the evidence says otherwise",
    "unsupported": "the evidence does not say so",
    "unsettled": "the evidence is near to it, and the rules cannot tell whether it says so",
    "refusal": "the answer says that it does not know",
    "unjudged": "no verdict was possible",
}


@cache
def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").strip()


def render_page(run: EvaluationRun) -> str:
    """The whole page; nothing in it comes from elsewhere."""
    title = f"{one_line(run.name)[:120] or 'A comparison'} · esrag compare"
    return self_contained.page(
        title, *_body(run), style=_asset("page.css"), script=_asset("page.js")
    )


def _body(run: EvaluationRun) -> list[Content]:
    questions = answered(run)
    tallied = tallies(run, questions)
    sections: list[tuple[str, str, Content]] = [
        ("systems", "What was compared", _compared(run)),
        ("figures", "Figures", _figures(run, tallied)),
        ("differences", f"Against “{one_line(baseline_of(run))[:80]}”", _differences(run)),
        ("plots", "Plots", _plots(run, questions, tallied)),
        ("costs", "Costs", _costs(run)),
        ("answers", SIDE_BY_SIDE[finds_only(run)], _answers(run, questions)),
        ("limits", "What this does not show", _limits(run, tallied)),
        ("origin", "Where this comes from", facts_list(run)),
    ]
    shown = [(name, title, content) for name, title, content in sections if content is not None]
    main = tag(
        "main",
        _top(run, tallied),
        *[
            tag(
                "section",
                tag("h2", title, id=f"{name}-title"),
                content,
                id=name,
                aria_labelledby=f"{name}-title",
            )
            for name, title, content in shown
        ],
        id="main",
    )
    return [tag("a", "Skip to the finding", href="#finding", class_="skip"), _bar(shown), main]


def _bar(shown: Sequence[tuple[str, str, Content]]) -> Markup:
    short = {
        "differences": "Differences",
        "systems": "Systems",
        "answers": "Answers",
        "limits": "Limits",
        "origin": "Origin",
    }
    links = [tag("a", short.get(name, title), href=f"#{name}") for name, title, _ in shown]
    wordmark = tag(
        "p", tag("span", class_="wordmark-sign", aria_hidden="true"), "esrag", class_="wordmark"
    )
    return tag("header", wordmark, tag("nav", *links, aria_label="Sections"), class_="bar")


def _top(run: EvaluationRun, tallied: dict[str, Tally]) -> Markup:
    told = finding(run, tallied)
    asked = counted(len(run.questions), "question")
    ways = counted(len(run.systems), "system")
    about = [one_line(run.name)[:120], moment(run.started)]
    return tag(
        "div",
        tag("p", foreign(" · ".join(part for part in about if part)), class_="label"),
        tag("h1", f"The same {asked}, {ways}" if len(run.systems) > 1 else f"{asked}, {ways}"),
        tag(
            "section",
            tag("p", told.lead, class_="lead", dir="auto"),
            _told(told.told),
            tag("p", BRACKETS, class_="note") if told.told else None,
            tag(
                "details",
                tag("summary", "By the other measures"),
                _told(told.further),
                class_="fold",
            )
            if told.further
            else None,
            _told(told.counted, "told counted"),
            id="finding",
            class_="finding",
            aria_label="Finding",
        ),
        class_="top",
    )


def _told(sentences: Sequence[str], class_: str = "told") -> Markup | None:
    return tag("ul", *[tag("li", each) for each in sentences], class_=class_) if sentences else None


def _compared(run: EvaluationRun) -> Markup:
    asked = counted(len(run.questions), "question")
    return joined(
        tag("p", f"Each system was asked the same {asked}: {types_in_words(run)}.", class_="prose"),
        systems_table(run),
    )


def _figures(run: EvaluationRun, tallied: dict[str, Tally]) -> Markup:
    note = (
        "Below each figure stand its 95 % interval and the number of questions that it is taken "
        "of. A failed question counts as wrong; measures of what an answer states, such as "
        "“Invented”, abstain, as nothing was stated. What a measure cannot say of a question is an "
        "abstention, counted beside it."
        if not finds_only(run)
        else "Below each figure stand its 95 % interval and the number of questions that it is "
        "taken of. A failed question counts 0."
    )
    silent = unsaid(run, primary=True)
    meanings = [
        joined(tag("dt", measure.title[:80]), tag("dd", measure.about[:400]))
        for measure in primary_measures(run)
        if measure.about
    ]
    return joined(
        tag("p", note, class_="prose"),
        headline_table(run, tallied),
        tag("p", silent, class_="note under") if silent else None,
        tag("dl", *meanings, class_="facts") if meanings else None,
        tag(
            "details",
            tag("summary", f"All {counted(len(run.measures), 'measure')}"),
            measures_table(run),
            class_="fold",
        )
        if len(run.measures) > len(primary_measures(run))
        else None,
    )


def _differences(run: EvaluationRun) -> Markup | None:
    measures = [each for each in run.measures if not each.primary or each in primary_measures(run)]
    primary = primary_measures(run)
    main = [made for each in primary if (made := baseline_table(run, each))]
    more = [
        made
        for each in measures
        for made in (
            other_pairs_table(run, each),
            None if each in primary else baseline_table(run, each),
        )
        if made
    ]
    if not main and not more and not run.gates:
        return None
    note = (
        "Questions are compared one by one, so that a hard question is hard for both. A finding is "
        "named only where the interval leaves out 0 and p, corrected for the number of "
        "comparisons, is not above 0.05. Everything else cannot be told apart with so many "
        "questions; the last column says how large a difference would have to be to be found in 80 "
        "of 100 such runs."
    )
    return joined(
        tag("p", note, class_="prose"),
        gates_table(run),
        *main,
        tag("details", tag("summary", "Other pairs and measures"), *more, class_="fold")
        if more
        else None,
    )


def _plots(run: EvaluationRun, questions: Sequence[Answered], tallied: dict[str, Tally]) -> Markup:
    figures: list[Content] = [
        _figure(measure.title[:80], "", measure_plot(run, measure))
        for measure in primary_measures(run)
    ]
    if not finds_only(run):
        figures.insert(
            min(2, len(figures)),
            _figure(
                "Verdicts",
                "Every question once, by the worst in its answer.",
                verdict_bars(tallied),
                _legend(),
            ),
        )
    latency = latency_plot(run)
    if latency is not None:
        figures.append(
            _figure(
                "Seconds of a reply",
                "A mark for replies, a box around the middle half, a line at the median.",
                latency,
            )
        )
    shares = {} if finds_only(run) else reliability(run, questions)
    made = (
        [
            _figure(
                f"Reliable on: {shown_label(kind)[:60]}",
                "Right answers and right refusals, of those judged.",
                type_plot(kind, of_kind, baseline=baseline_of(run)),
            )
            for kind, of_kind in list(shares.items())[:_MOST_TYPE_PLOTS]
        ]
        if len(shares) > 1
        else []
    )
    if len(shares) > _MOST_TYPE_PLOTS:
        made.append(
            tag(
                "p",
                f"{len(shares) - _MOST_TYPE_PLOTS} more types are in report.json.",
                class_="note",
            )
        )
    return tag("div", *figures, *made, class_="plots")


def _figure(title: str, note: str, plot: Markup, legend: Markup | None = None) -> Markup:
    caption = tag(
        "figcaption",
        tag("strong", one_line(title)),
        tag("span", note, class_="n") if note else None,
    )
    return tag("figure", caption, plot, legend)


def _legend() -> Markup:
    items = [
        tag("li", tag("span", class_=f"swatch {colour}", aria_hidden="true"), COLOURS[colour])
        for colour in BAR_ORDER
    ]
    return tag("ul", *items, class_="legend")


def _costs(run: EvaluationRun) -> Markup | None:
    costs, updates = costs_table(run), update_section(run)
    if costs is None and updates is None:
        return None
    note = tag(
        "p",
        "Measured on the machine of this run; – stands where nothing was measured.",
        class_="prose",
    )
    return joined(note, costs, updates)


def _answers(run: EvaluationRun, questions: Sequence[Answered]) -> Markup:
    limits = limits_for(len(run.questions) * len(run.systems))
    kinds = types_of(run)
    key: Content = tag(
        "ul",
        *[
            tag(
                "li",
                tag(
                    "span",
                    tag("span", said, class_="words"),
                    tag("span", mark, aria_hidden="true", class_="mark"),
                    class_=f"span {kind}",
                ),
                f" {_MEANINGS[kind]}",
            )
            for kind, (mark, said) in SPAN_SIGNS.items()
        ],
        class_="key",
    )
    if finds_only(run):
        key = None
    return joined(
        None
        if finds_only(run)
        else tag(
            "p",
            "Point at a stretch of an answer, or open it, to see why it was judged so and by which "
            "words.",
            class_="prose",
        ),
        key,
        _filters(run, kinds, questions),
        _map(run, questions),
        tag(
            "div",
            *[question_article(run, each, kinds, limits) for each in questions],
            id="questions",
        ),
        tag("p", "No question is left by these filters.", id="none", class_="note", hidden=True),
    )


def _map(run: EvaluationRun, questions: Sequence[Answered]) -> Markup:
    """All questions by all systems, one sign each: where to jump to."""
    heads = [tag("th", "Question", scope="col")]
    heads += [tag("th", foreign(system.name[:40]), scope="col") for system in run.systems]
    rows = []
    for each in questions:
        text = one_line(each.question.text)[:90]
        link = tag("a", f"{each.number}", href=f"#q{each.number}", class_="number")
        cells = [_cell(outcome) for outcome in each.outcomes]
        rows.append(tag("tr", tag("th", link, " ", foreign(text), scope="row"), *cells))
    made = tag(
        "table",
        tag("caption", "Every question and what became of it"),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *rows),
        class_="map",
    )
    scroll = tag(
        "div", made, class_="scroll", tabindex="0", role="group", aria_label="All questions"
    )
    return tag("details", tag("summary", "All questions at a glance"), scroll, class_="fold")


def _cell(outcome: Outcome) -> Markup:
    mark, said = OUTCOMES[outcome]
    return tag("td", sign(mark), unseen(said), class_=outcome, title=said)


def _filters(run: EvaluationRun, kinds: Sequence[str], questions: Sequence[Answered]) -> Markup:
    """What the script shows and works; without it, everything is there unfiltered."""
    there = {outcome for each in questions for outcome in each.outcomes}
    systems = [
        ("", "any system"),
        *[(str(n), system.name[:60]) for n, system in enumerate(run.systems)],
    ]
    named = [(key, said) for key, (_, said) in OUTCOMES.items() if key in there]
    outcomes = [("", "anything"), *named]
    marks = [("", "any verdict"), *[(kind, said.lower()) for kind, (_, said) in SPAN_SIGNS.items()]]
    types = [("", "all types"), *[(str(n), shown_label(kind)[:60]) for n, kind in enumerate(kinds)]]
    orders = [("", "as asked"), ("apart", "most disagreement first")]
    search = tag(
        "label",
        tag("span", "Search"),
        Markup('<input type="search" name="words" autocomplete="off" spellcheck="false">'),
    )
    return tag(
        "form",
        search,
        _select("kind", "Type", types),
        _select("system", "System", systems),
        _select("outcome", "Came out", outcomes) if len(named) > 1 else None,
        None if finds_only(run) else _select("mark", "Verdict", marks),
        _select("order", "Order", orders),
        tag("p", id="shown", role="status"),
        tag(
            "div",
            tag("button", "Previous", type="button", id="previous"),
            tag("button", "Next", type="button", id="next"),
            tag("button", "Clear", type="reset"),
            class_="steps",
        ),
        id="filters",
        aria_label="Filter the questions",
        hidden=True,
    )


def _select(name: str, label: str, options: Sequence[tuple[str, str]]) -> Markup:
    made = [tag("option", one_line(text), value=value) for value, text in options]
    return tag(
        "label", tag("span", label), Markup(f'<select name="{name}">{joined(*made)}</select>')
    )


def _limits(run: EvaluationRun, tallied: dict[str, Tally]) -> Markup:
    return tag("ul", *[tag("li", each) for each in not_shown(run, tallied)], class_="limits prose")
