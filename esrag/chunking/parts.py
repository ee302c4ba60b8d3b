"""Cuts one stretch that is too long into parts that fit, at the best breaks there are."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from esrag.chunking.breaks import FILLING, first_break, last_break
from esrag.chunking.measure import Measure


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is to be cut: breaks to look for, best kind first; whether neighbours may overlap.

    No part ends before ``rows``, where the rows of a table begin.
    """

    start: int
    end: int
    levels: tuple[re.Pattern[str], ...]
    overlaps: bool = False
    rows: int = 0


def cut_up(
    measure: Measure, stretch: Stretch, start: int, budget_at: Callable[[int, bool], int]
) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each part, and whether it continues a table's rows; the last one fits too.

    The first part begins at ``start``, which may lie before the stretch, at its heading.
    ``budget_at`` says how many tokens a part may have that begins at a place.
    """
    floor = max(stretch.rows, stretch.start)
    continues = False
    while start < stretch.end:
        budget = budget_at(start, continues)
        if measure.fits(start, stretch.end, budget):
            yield start, stretch.end, continues
            return
        end = _best_end(measure, stretch, start, floor, budget)
        yield start, end, continues
        start = _next_start(measure, stretch, start, end, budget)
        floor = max(end, start)
        continues = end >= stretch.rows > stretch.start


def _best_end(measure: Measure, stretch: Stretch, start: int, floor: int, budget: int) -> int:
    """The last break, of the best kind, up to which a part fits."""
    limit = measure.limit(start, budget)
    after = max(floor, start)
    for pattern in stretch.levels:
        end = last_break(measure.text, pattern, stretch.start, after, limit)
        if end is None or (pattern in FILLING and measure.tokens(start, end) < budget // 3):
            continue  # better to fill the part than to end it here
        return end
    return max(limit, start + 1)


def _next_start(measure: Measure, stretch: Stretch, start: int, end: int, budget: int) -> int:
    """Where the next part begins: some sentences, or words, before ``end`` where that is wanted."""
    fresh = measure.past_blanks(end, stretch.end)
    tokens = min(measure.overlap_tokens, budget // 3)
    if not stretch.overlaps or tokens <= 0 or fresh >= stretch.end:
        return fresh
    first = bisect_left(measure.starts, end) - tokens
    earliest = max(measure.starts[first] if first >= 0 else 0, start + 1, stretch.start)
    if end - earliest > measure.max_characters // 3:
        return fresh
    for pattern in stretch.levels:
        found = first_break(measure.text, pattern, stretch.start, earliest, end)
        if found is not None:
            return found
    return fresh
