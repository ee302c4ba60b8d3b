"""The strategy ``structure``: chunks follow headings, tables, code, lists and paragraphs.

    sections (a heading opens one) --> spans that fit --> tiny ones joined

1. A heading stays with what follows it; a section's blocks are packed until no more fits.
2. A block that fits is not cut.  A table is cut between rows, code before definitions, at blank
   lines or between lines, a list between items, a paragraph after sentences; between words only
   where one of these is too long by itself.  Neighbours cut out of one paragraph share up to
   ``overlap_tokens``.
3. What is tiny joins a neighbour, first the one whose heading path is closer.

A table that is cut needs its header in every part, and a chunk's text must be the document's own:
the header row becomes the last entry of the heading path of each later part, so that it is
embedded, searched and shown with it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace

from esrag.chunking.breaks import LEVELS, LINE
from esrag.chunking.measure import Measure, Span
from esrag.chunking.outline import Section, common
from esrag.chunking.parts import Stretch, cut_up
from esrag.types import Block, BlockKind

_TINY = 8  # a span below max_tokens / _TINY joins a neighbour
_OVERLAPPING: frozenset[BlockKind] = frozenset(("paragraph", "quote"))
_DELIMITER_ROW = re.compile(r"[ \t|:]*-[ \t|:-]*")
_HEADER_CHARACTERS = 20_000  # a row longer than this is no header


def structured(measure: Measure, sections: Sequence[Section]) -> list[Span]:
    """Where to cut."""
    spans = [span for section in sections for span in _packed(measure, section)]
    spans = _without_tiny(measure, spans)
    if len(spans) > 1 and sections[-1].blocks == () and spans[-1].start == sections[-1].start:
        spans[-1] = _with_words_before(measure, spans[-1], spans[-2].start)
    return spans


# -- packing --------------------------------------------------------------------------------------


def _packed(measure: Measure, section: Section) -> Iterator[Span]:
    blocks = list(section.blocks)
    budget = measure.budget(section.path)
    if not blocks or measure.tokens(section.start, section.heading_end) > budget // 2:
        blocks.insert(0, Block("heading", section.start, section.heading_end))
    start, end = section.start, -1  # end < 0: no block yet, at most the heading
    for block in blocks:
        start = block.start if start < 0 else start
        if measure.fits(start, block.end, budget):
            end = block.end
            continue
        if end >= 0:
            yield Span(start, end, section.path)
            start = block.start
        if measure.fits(start, block.end, budget):
            end = block.end
            continue
        *parts, last = _parts(measure, block, start, section.path)
        yield from parts
        start, end = last.start, last.end
        if last.header:  # what follows a table does not belong under its header
            yield last
            start, end = -1, -1
    if end >= 0:
        yield Span(start, end, section.path)


def _parts(measure: Measure, block: Block, start: int, path: tuple[str, ...]) -> Iterator[Span]:
    """Cut a block that does not fit; the first part begins at ``start``, its heading."""
    header, rows = _table_header(measure, block, path) if block.kind == "table" else ("", 0)
    stretch = Stretch(
        block.start, block.end, LEVELS[block.kind], block.kind in _OVERLAPPING, rows=rows
    )

    def budget_at(_: int, continues: bool) -> int:
        return measure.budget((*path, header) if continues and header else path)

    for begin, end, continues in cut_up(measure, stretch, start, budget_at):
        yield measure.trimmed(Span(begin, end, path, header if continues else ""))


def _table_header(measure: Measure, block: Block, path: tuple[str, ...]) -> tuple[str, int]:
    """The header row as one line, and where the rows below it begin.

    The header is the line above a delimiter row, or the first line where the reader of the
    document says so by the block's level.
    """
    text = measure.text
    lines = LINE.finditer(text, block.start, min(block.end, block.start + _HEADER_CHARACTERS))
    first, second = next(lines, None), next(lines, None)
    if first is None:
        return "", 0
    if second and _DELIMITER_ROW.fullmatch(text[first.end() : second.start()].strip()):
        rows = second.end()
    elif block.level:
        rows = first.end()
    else:
        return "", 0
    cells = text[block.start : first.start()].strip().strip("|").split("|")
    header = " | ".join(cell.strip() for cell in cells if cell.strip())
    header = measure.clipped(header, measure.max_tokens // 4)
    affordable = measure.budget((*path, header)) >= measure.max_tokens // 3
    return (header if affordable else ""), rows


# -- afterwards -----------------------------------------------------------------------------------


def _without_tiny(measure: Measure, spans: Sequence[Span]) -> list[Span]:
    def is_tiny(span: Span) -> bool:
        return measure.tokens(span.start, span.end) < measure.max_tokens // _TINY

    kept: list[Span] = []
    for number, span in enumerate(spans):
        before = kept[-1] if kept else None
        after = spans[number + 1] if number + 1 < len(spans) else None
        if before is None or not (is_tiny(span) or is_tiny(before)):
            kept.append(span)
            continue
        joined = _joined(measure, before, span)
        waits = (
            after is not None
            and is_tiny(span)
            and len(common(span.path, after.path)) > len(common(before.path, span.path))
            and _joined(measure, span, after) is not None
        )
        if joined is None or waits:
            kept.append(span)
        else:
            kept[-1] = joined
    return kept


def _joined(measure: Measure, first: Span, second: Span) -> Span | None:
    if first.header != second.header:
        return None
    joined = replace(first, end=second.end, path=common(first.path, second.path))
    fits = measure.fits(joined.start, joined.end, measure.budget(joined.heading_path))
    return joined if fits else None


def _with_words_before(measure: Measure, span: Span, earliest: int) -> Span:
    """A heading that ends the document and fits nowhere takes some words before it along."""
    first = bisect_left(measure.starts, span.start) - measure.overlap_tokens
    start = max(measure.starts[max(first, 0)], earliest)
    budget = measure.budget(span.heading_path)
    if start >= span.start or not measure.fits(start, span.end, budget):
        return span
    return measure.trimmed(replace(span, start=start))
