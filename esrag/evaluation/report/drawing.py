"""Small drawings as SVG: scales, ticks, lines and words, coloured by the page's classes.

Coordinates are those of a box 400 wide, so that a drawing is legible on a telephone and two stand
beside each other on a desk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from esrag.evaluation.report.markup import Content, Markup, joined, tag
from esrag.evaluation.report.texts import one_line

WIDTH = 400
_MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from ``low`` to ``high`` at x from ``left`` to ``right``."""

    low: float
    high: float
    left: float
    right: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Where a value stands; one that is out of range stands at the edge."""
        value = min(self.high, max(self.low, value))
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.left + (self.right - self.left) * share

    def ticks(self) -> tuple[float, ...]:
        """Round values within the range, at most six or so."""
        if self.logarithmic:
            first, last = (
                math.ceil(math.log10(self.low) - 1e-9),
                math.floor(math.log10(self.high) + 1e-9),
            )
            return tuple(10.0**power for power in range(first, last + 1))
        apart = _apart(self.high - self.low)
        first, last = math.ceil(self.low / apart - 1e-9), math.floor(self.high / apart + 1e-9)
        return tuple(round(apart * number, 12) for number in range(first, last + 1))


def scale_of(values: Sequence[float], left: float, right: float, *, share: bool = False) -> Scale:
    """A scale for ``values``: 0 to 1 for shares, else between round ends around all of them."""
    if share:
        return Scale(0.0, 1.0, left, right)
    most, least = max(values, default=1.0), min(values, default=0.0)
    if most == least:
        return Scale(0.0, 1.0, left, right)
    apart = _apart(most - least)
    return Scale(apart * math.floor(least / apart), apart * math.ceil(most / apart), left, right)


def _apart(span: float) -> float:
    power = 10.0 ** math.floor(math.log10(span / _MOST_TICKS))
    return next(by * power for by in (1, 2, 5, 10) if span / (by * power) <= _MOST_TICKS)


def drawing(title: str, about: str, height: float, *content: Content) -> Markup:
    """A drawing with a name and a description for those who do not see it."""
    return tag(
        "svg",
        *content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {number(height)}",
        role="img",
        aria_label=f"{one_line(title)}. {one_line(about)}",
        class_="plot",
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A line."""
    return tag("line", x1=number(x1), y1=number(y1), x2=number(x2), y2=number(y2), class_=class_)


def words(x: float, y: float, text: str, class_: str = "") -> Markup:
    """Words whose baseline begins there."""
    return tag("text", one_line(text), x=number(x), y=number(y), class_=class_ or None)


def name_label(x: float, y: float, name: str, room: int, class_: str = "name") -> Markup:
    """A name, cut to so many letters; the whole of it on hovering."""
    whole = one_line(name)
    if len(whole) <= room:
        return words(x, y, whole, class_)
    return tag(
        "text",
        tag("title", whole),
        f"{whole[: room - 1]}…",
        x=number(x),
        y=number(y),
        class_=class_,
    )


def axis(scale: Scale, top: float, bottom: float, labels: Sequence[str]) -> Markup:
    """A line and a label at each tick."""
    made: list[Content] = []
    for tick, label in zip(scale.ticks(), labels, strict=True):
        x = scale.at(tick)
        made += [line(x, top, x, bottom, "grid"), words(x, bottom + 14, label, "tick")]
    return joined(*made)


def number(value: float) -> str:
    """A coordinate with one digit behind the point, always written alike."""
    return f"{value:.1f}".removesuffix(".0")
