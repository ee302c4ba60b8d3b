"""The plots of a run: figures with intervals, verdicts, latency, reliability by type.

Estimates ─► a dot and a line for each system, one drawing a measure
Tallies   ─► one bar a system: every question once, by the worst verdict in its answer
seconds   ─► the spread of all replies
types     ─► a dot and a line for each system, one drawing a type
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from esrag.evaluation.records import EvaluationRun, Measure
from esrag.evaluation.report.drawing import (
    WIDTH,
    Scale,
    axis,
    drawing,
    line,
    name_label,
    number,
    scale_of,
    words,
)
from esrag.evaluation.report.findings import baseline_of, estimate_of
from esrag.evaluation.report.markup import Content, Markup, joined, tag
from esrag.evaluation.report.outcomes import COLOURS, Colour, Tally, TypeShare
from esrag.evaluation.report.texts import in_words, interval_in_words, is_share, timed

_LEFT, _RIGHT, _ROW, _TOP = 128, 336, 26, 10
_ROOM = 19  # letters of a name
_SHARE = Measure("share", "share", kind="yes/no")
BAR_ORDER: tuple[Colour, ...] = (
    "supported",
    "unsupported",
    "contradicted",
    "refused",
    "failed",
    "unjudged",
)


@dataclass(frozen=True, slots=True)
class Dot:
    """A figure of a system with its interval; nothing where there is no figure."""

    system: str
    value: float | None
    low: float
    high: float
    label: str


def dot_plot(title: str, dots: Sequence[Dot], measure: Measure, *, baseline: str) -> Markup:
    """A dot and a line for each system; the baseline's dot is hollow, and its figure a line."""
    ends = [end for dot in dots if dot.value is not None for end in (dot.low, dot.high, dot.value)]
    scale = scale_of(ends, _LEFT, _RIGHT, share=is_share(measure))
    bottom = _TOP + _ROW * len(dots)
    labels = [_tick(tick, measure) for tick in scale.ticks()]
    made: list[Content] = [axis(scale, _TOP - 4, bottom, labels)]
    for dot in dots:
        if dot.system == baseline and dot.value is not None:
            x = scale.at(dot.value)
            made.append(line(x, _TOP - 4, x, bottom, "base"))
    for row, dot in enumerate(dots):
        made.append(_dot_row(dot, scale, _TOP + _ROW * (row + 0.5), hollow=dot.system == baseline))
    about = "; ".join(
        f"{dot.system} {dot.label}"
        + (f", {interval_in_words(dot.low, dot.high, measure)}" if dot.value is not None else "")
        for dot in dots
    )
    return drawing(title, about, bottom + 20, *made)


def _dot_row(dot: Dot, scale: Scale, y: float, *, hollow: bool) -> Markup:
    name = name_label(0, y + 4, dot.system, _ROOM)
    label = words(WIDTH, y + 4, dot.label, "value")
    if dot.value is None:
        return joined(name, label)
    low, high = scale.at(dot.low), scale.at(dot.high)
    circle = tag(
        "circle",
        cx=number(scale.at(dot.value)),
        cy=number(y),
        r="4.5",
        class_="dot hollow" if hollow else "dot",
    )
    ends = [line(x, y - 4, x, y + 4, "interval") for x in (low, high)]
    return joined(name, line(low, y, high, y, "interval"), *ends, circle, label)


def _tick(value: float, measure: Measure) -> str:
    if is_share(measure):
        return f"{100 * value:.0f} %"
    return timed(value) if measure.unit in ("s", "seconds") and value else f"{value:,g}"


def measure_plot(run: EvaluationRun, measure: Measure) -> Markup:
    """A measure of all systems."""
    dots = []
    for system in run.systems:
        found = estimate_of(run, system.name, measure.name)
        value = found.value if found else None
        low, high = (found.low, found.high) if found else (0.0, 0.0)
        dots.append(Dot(system.name, value, low, high, in_words(value, measure)))
    return dot_plot(measure.title, dots, measure, baseline=baseline_of(run))


def type_plot(title: str, shares: Mapping[str, TypeShare], *, baseline: str) -> Markup:
    """How reliable each system is on one type of question."""
    dots = [
        Dot(
            name,
            share.share if share.of else None,
            share.low,
            share.high,
            f"{share.count}/{share.of}",
        )
        for name, share in shares.items()
    ]
    return dot_plot(title, dots, _SHARE, baseline=baseline)


def verdict_bars(tallied: Mapping[str, Tally]) -> Markup:
    """One bar a system, its name above it; every question counts once."""
    made: list[Content] = [tag("defs", *_hatches())]
    y = 0.0
    about = []
    for name, tally in tallied.items():
        made.append(name_label(0, y + 13, name, 44))
        asked = sum(tally.colours.values())
        made.append(words(WIDTH, y + 13, f"{asked:,}", "value"))
        made.append(_bar(tally, asked, y + 19))
        told = [
            f"{tally.colours[colour]} {colour}" for colour in BAR_ORDER if tally.colours[colour]
        ]
        about.append(f"{name}: {', '.join(told) or 'nothing asked'}")
        y += 50
    return drawing("Verdicts", "; ".join(about), y, *made)


def _bar(tally: Tally, asked: int, y: float) -> Markup:
    made: list[Content] = []
    x = 0.0
    for colour in BAR_ORDER:
        count = tally.colours[colour]
        if not count:
            continue
        width = WIDTH * count / asked
        place = {
            "x": number(x),
            "y": number(y),
            "width": number(max(0.5, width - 1)),
            "height": "20",
        }
        title = tag("title", f"{COLOURS[colour]}: {count:,} of {asked:,}")
        made.append(tag("rect", title, class_=f"bar {colour}", **place))
        if colour in ("contradicted", "unsupported", "failed"):
            made.append(tag("rect", **place, fill=f"url(#hatch-{colour})"))
        if width > 9 * len(str(count)) + 4:
            made.append(words(x + width / 2 - 0.5, y + 14.5, str(count), f"in-bar {colour}"))
        x += width
    return joined(*made)


def _hatches() -> list[Markup]:
    """Lines over colours, for readers who do not tell those apart."""
    drawn = {
        "contradicted": "M0 0L6 6M-1 5L1 7M5 -1L7 1",
        "unsupported": "M0 3H6",
        "failed": "M3 0V6",
    }
    return [
        tag(
            "pattern",
            tag("path", d=path, class_="hatch"),
            id=f"hatch-{colour}",
            width="6",
            height="6",
            patternUnits="userSpaceOnUse",
        )
        for colour, path in drawn.items()
    ]


def latency_plot(run: EvaluationRun) -> Markup | None:
    """The spread of seconds: a mark for replies, a box from a quarter to three quarters of them."""
    seconds = {
        system.name: sorted(
            each.reply.usage.seconds
            for each in run.scored.get(system.name, ())
            if each.reply.usage.seconds > 0
        )
        for system in run.systems
    }
    known = [value for values in seconds.values() for value in values]
    if not known:
        return None
    least, most = min(known), max(known)
    if most / least > 30:
        scale = Scale(
            10.0 ** math.floor(math.log10(least)),
            10.0 ** math.ceil(math.log10(most)),
            _LEFT,
            _RIGHT,
            True,
        )
    else:
        scale = scale_of([0.0, *known], _LEFT, _RIGHT)
    bottom = _TOP + _ROW * len(seconds)
    made: list[Content] = [
        axis(scale, _TOP - 4, bottom, [_seconds(tick) for tick in scale.ticks()])
    ]
    about = []
    for row, (name, values) in enumerate(seconds.items()):
        y = _TOP + _ROW * (row + 0.5)
        made += [name_label(0, y + 4, name, _ROOM), _spread(values, scale.at, y)]
        middle = timed(_quantile(values, 0.5)) if values else "–"
        made.append(words(WIDTH, y + 4, middle, "value"))
        about.append(f"{name}: median {middle}")
    return drawing("Seconds of a reply", "; ".join(about), bottom + 20, *made)


def _spread(values: Sequence[float], at: Callable[[float], float], y: float) -> Markup | None:
    if not values:
        return None
    step = max(1, len(values) // 120)  # so many marks are told apart, and the ends are drawn below
    ticks = "".join(f"M{number(at(value))} {number(y - 7)}v14" for value in values[::step])
    low, high = at(_quantile(values, 0.25)), at(_quantile(values, 0.75))
    middle = at(_quantile(values, 0.5))
    box = tag(
        "rect",
        x=number(low),
        y=number(y - 5),
        width=number(max(1.0, high - low)),
        height="10",
        rx="2",
        class_="box",
    )
    return joined(
        tag("path", d=ticks, class_="mark"),
        line(at(values[0]), y, at(values[-1]), y, "interval"),
        box,
        line(middle, y - 7, middle, y + 7, "median"),
    )


def _seconds(value: float) -> str:
    return "0" if not value else f"{1000 * value:g} ms" if value < 1 else f"{value:,g} s"


def _quantile(ordered: Sequence[float], share: float) -> float:
    """With neighbours weighted, as Hyndman and Fan's (1996) seventh definition."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
