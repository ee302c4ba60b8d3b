"""The strategies that see running text: ``recursive``, ``sentence`` and ``fixed``.

A part is filled up to the budget and ended at the last break of the best kind:

    recursive   blank line, else sentence, else line, else word
    sentence    sentence, else word
    fixed       word

Neighbours share up to ``overlap_tokens``, beginning at a break of the same kinds.  Headings decide
nothing here; a chunk's heading path are the headings that all of its text is under.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from esrag.chunking.breaks import BLANK_LINE, LINE, SENTENCE, WORD
from esrag.chunking.measure import Measure, Span
from esrag.chunking.outline import Section, common
from esrag.chunking.parts import Stretch, cut_up
from esrag.chunking.rules import Strategy

LEVELS: dict[Strategy, tuple[re.Pattern[str], ...]] = {
    "recursive": (BLANK_LINE, SENTENCE, LINE, WORD),
    "sentence": (SENTENCE, WORD),
    "fixed": (WORD,),
}


def run_through(
    measure: Measure, sections: Sequence[Section], strategy: Strategy
) -> Iterator[Span]:
    """Where to cut."""
    if not sections:
        return
    begins = [section.start for section in sections]
    levels = LEVELS[strategy]
    end = len(measure.text.rstrip())
    stretch = Stretch(begins[0], end, levels, overlaps=True)

    def budget_at(place: int, _: bool) -> int:
        return measure.budget(sections[max(0, bisect_right(begins, place) - 1)].path)

    for start, stop, _ in cut_up(measure, stretch, begins[0], budget_at):
        first = max(0, bisect_right(begins, start) - 1)
        path = sections[first].path
        for section in sections[first + 1 : bisect_left(begins, stop)]:
            path = common(path, section.path)
        yield measure.trimmed(Span(start, stop, path))
