"""A document as sections: the headings above a stretch, and the blocks in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from esrag.chunking.measure import Measure, without_blanks
from esrag.types import Block, Document

_SETEXT = re.compile(r"[\r\n]+[ \t]*(?:=+|-+)[ \t]*$")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_WORD = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Section:
    """Headings from ``start`` to ``heading_end`` (equal when there are none), and their blocks."""

    path: tuple[str, ...]
    start: int
    heading_end: int
    blocks: tuple[Block, ...]


def heading_text(raw: str) -> str:
    """The words of a heading, without Markdown's marks, underline and link targets."""
    words = _SETEXT.sub("", raw.strip()).strip()
    words = re.sub(r"^#{1,6}(?:[ \t]+|$)", "", words)
    words = re.sub(r"(?:^|[ \t]+)#+$", "", words)
    return _WORD.sub(" ", _LINK.sub(r"\1", words).replace("**", "").replace("`", "")).strip()


def sections_of(document: Document, measure: Measure) -> Iterator[Section]:
    """The sections in order; headings without anything between them count as one."""
    above: list[tuple[int, str]] = []
    path: tuple[str, ...] = ()
    start = heading_end = -1
    blocks: list[Block] = []
    for block in _covering(document):
        if block.kind == "heading":
            if blocks:
                yield Section(path, start, heading_end, tuple(blocks))
                start, blocks = -1, []
            start = block.start if start < 0 else start
            heading_end = block.end
            above = [(level, label) for level, label in above if level < block.level]
            label = heading_text(document.text[block.start : block.end])
            above.append((block.level, measure.clipped(label, measure.max_tokens // 8)))
            path = _affordable(tuple(label for _, label in above if label), measure)
        else:
            if start < 0:
                start = heading_end = block.start
            blocks.append(block)
    if start >= 0:
        yield Section(path, start, heading_end, tuple(blocks))


def common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """The headings that both are under."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]


def _affordable(path: tuple[str, ...], measure: Measure) -> tuple[str, ...]:
    """The innermost headings that leave at least half of the budget to the text."""
    while path and measure.budget(path) < measure.max_tokens // 2:
        path = path[1:]
    return path


def _covering(document: Document) -> Iterator[Block]:
    """The document's blocks, and paragraphs where none of them covers the text."""
    text = document.text
    done = 0
    for block in (*document.blocks, Block("paragraph", len(text), len(text))):
        start, end = without_blanks(text, done, block.start)
        if start < end:
            yield Block("paragraph", start, end)
        start, end = without_blanks(text, block.start, block.end)
        if start < end:
            yield replace(block, start=start, end=end)
        done = block.end
