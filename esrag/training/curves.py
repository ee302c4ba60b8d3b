"""The curves of a run as a drawing: loss of each step, and on held-out examples.  No library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 36, 40
_COLOURS = {"train": "#2563eb", "held out": "#d97706"}

Point = tuple[float, float]


def draw_curves(metrics: Sequence[Mapping[str, Any]], *, title: str) -> str:
    """An SVG with the loss over the steps; the same metrics give the same text."""
    series = {
        "train": _points(metrics, "train"),
        "held out": _points(metrics, "evaluation"),
    }
    points = [point for each in series.values() for point in each]
    last = max((x for x, _ in points), default=1.0)
    top = max((y for _, y in points), default=1.0) or 1.0

    def at(point: Point) -> str:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * point[0] / max(1.0, last)
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * point[1] / top
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}: loss</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *_axes(last, top, at),
    ]
    for place, (name, line) in enumerate(series.items()):
        if not line:
            continue
        colour = _COLOURS[name]
        drawn = " ".join(at(point) for point in line)
        parts.append(
            f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        if name == "held out":
            dots = (at(point).split(",") for point in line)
            parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in dots]
        x = _LEFT + 110 * place
        parts.append(f'<text x="{x}" y="22" fill="{colour}">{name}: {line[-1][1]:.4g}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _points(metrics: Sequence[Mapping[str, Any]], kind: str) -> list[Point]:
    return [
        (float(line["step"]), float(line["loss"]))
        for line in metrics
        if line.get("kind") == kind and math.isfinite(line.get("loss", math.nan))
    ]


def _axes(last: float, top: float, at: Any) -> list[str]:
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = at((last * share, 0)).split(",")
        parts.append(
            f'<text x="{x}" y="{_HEIGHT - 18}" text-anchor="middle">{last * share:.4g}</text>'
        )
        _, y = at((0, top * share)).split(",")
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#e5e7eb"/>'
            f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end" dy="4">{top * share:.3g}</text>'
        )
    parts.append(f'<text x="{_WIDTH / 2:.0f}" y="{_HEIGHT - 3}" text-anchor="middle">step</text>')
    return parts
