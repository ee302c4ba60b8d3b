"""The curves of a run as a drawing: loss of each step, and what evaluations found.  No library."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 48, 44, 40
_BLUE, _ORANGE, _GREEN = "#2563eb", "#b45309", "#15803d"
_MOST_TICKS = 6

Point = tuple[float, float]
Place = Callable[[Point], Point]


def draw_curves(metrics: Sequence[Mapping[str, Any]], *, title: str) -> str:
    """An SVG of the loss over the steps, and of the grounded score where it was taken.

    The score has an axis of its own, from 0 to 1, on the right.  The same metrics give the same
    text.
    """
    train = _points(metrics, "train", "loss")
    held_out = _points(metrics, "evaluation", "loss")
    score = _points(metrics, "evaluation", "grounded")
    steps = _ticks(max((x for x, _ in train + held_out + score), default=1.0), whole=True)
    losses = _ticks(max((y for _, y in train + held_out), default=1.0) or 1.0)
    lines = [
        *_axis_of_steps(steps, _scale(steps[-1], losses[-1])),
        *_axis_of_losses(losses, _scale(steps[-1], losses[-1])),
        *_curve("train", train, _BLUE, _scale(steps[-1], losses[-1]), legend=0),
        *_curve("held out", held_out, _ORANGE, _scale(steps[-1], losses[-1]), legend=1),
    ]
    if score:
        lines += _axis_of_scores(_scale(steps[-1], 1.0))
        lines += _curve("grounded score", score, _GREEN, _scale(steps[-1], 1.0), legend=2)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}: loss</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    return "\n".join([*head, *lines, "</svg>", ""])


def _points(metrics: Sequence[Mapping[str, Any]], kind: str, name: str) -> list[Point]:
    return [
        (float(line["step"]), float(line[name]))
        for line in metrics
        if line.get("kind") == kind and math.isfinite(line.get(name, math.nan))
    ]


def _ticks(most: float, *, whole: bool = False) -> list[float]:
    """From 0 to at least ``most`` in steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(most / _MOST_TICKS))
    apart = next(by * power for by in (1, 2, 5, 10) if most / (by * power) <= _MOST_TICKS)
    if whole:
        apart = max(1.0, apart)
    return [apart * number for number in range(math.ceil(most / apart - 1e-9) + 1)]


def _scale(most_x: float, most_y: float) -> Place:
    def at(point: Point) -> Point:
        return (
            _LEFT + (_WIDTH - _LEFT - _RIGHT) * point[0] / most_x,
            _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * point[1] / most_y,
        )

    return at


def _curve(name: str, points: Sequence[Point], colour: str, at: Place, *, legend: int) -> list[str]:
    if not points:
        return []
    placed = [at(point) for point in points]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    lines = [f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    if legend or len(points) == 1:  # evaluations are few, and each is a measurement
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
    x = _LEFT + 130 * legend
    text = f"{name}: {points[-1][1]:.4g}"
    return [*lines, f'<text x="{x}" y="18" fill="{colour}">{text}</text>']


def _axis_of_steps(ticks: Sequence[float], at: Place) -> list[str]:
    lines = [
        f'<text x="{at((tick, 0))[0]:.1f}" y="{_HEIGHT - 20}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    ]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return [*lines, f'<text x="{middle:.0f}" y="{_HEIGHT - 4}" text-anchor="middle">step</text>']


def _axis_of_losses(ticks: Sequence[float], at: Place) -> list[str]:
    lines = []
    for tick in ticks:
        y = f"{at((0, tick))[1]:.1f}"
        lines += [
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#e5e7eb"/>',
            f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end" dy="4">{tick:.4g}</text>',
        ]
    return [*lines, f'<text x="{_LEFT - 8}" y="{_TOP - 10}" text-anchor="end">loss</text>']


def _axis_of_scores(at: Place) -> list[str]:
    x = _WIDTH - _RIGHT + 8
    return [
        f'<text x="{x}" y="{at((0, tick))[1]:.1f}" dy="4" fill="{_GREEN}">{tick:g}</text>'
        for tick in (0, 0.5, 1)
    ]
