"""Cuts a passage into the units that can be quoted: sentences, list items, table rows.

Offsets are exact: ``text[unit.start:unit.end]`` is what stands in the passage, while
``unit.text`` is how it reads outside it: Markdown marks removed, a table row with its column
names.  Works on Markdown, plain text and the text taken from HTML alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from esrag.types import Hit

_ABBREVIATIONS = frozenset(
    "e.g i.e etc vs cf nos approx fig sec ver inc ltd co mr ms dr st".split()
)
_NUMBER_FOLLOWS = re.compile(r"\s*\d")  # "no. 5", but not "The answer is no."
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s+|$)")
_SEEN = re.compile(r"\S")
_LINE = re.compile(r"[^\n]+")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+")
_FIELD = re.compile(r"^[A-Z][\w /-]{0,30}:\s+\S")
_COLUMNS = re.compile(r"\S {3,}\S")  # a row of a table that is aligned with blanks
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(?P<text>.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_IMAGE_OR_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_LONE_CITATION = re.compile(r"(?:[\[(【][^\]\[()【】]{0,40}\d[^\]\[()【】]{0,20}[\])】]\s*)+")
_EMPHASIS = re.compile(r"(\*\*|__|\*|(?<!\w)_|_(?!\w)|`)")


@dataclass(frozen=True, slots=True)
class Unit:
    """A quotable stretch of a passage; ``cells`` are those of a table row, with their columns."""

    start: int
    end: int
    text: str
    is_heading: bool = False
    cells: tuple[tuple[str, str], ...] = ()


def units(passage: str, *, columns: Sequence[str] = ()) -> tuple[Unit, ...]:
    """All quotable units of a passage in order.

    ``columns`` are the column names of a table that the passage begins in the middle of.
    """
    return tuple(_units(passage, list(columns)))


def units_of(hit: Hit) -> tuple[Unit, ...]:
    """The quotable units of a hit; a table that was cut has its header as the last heading."""
    last = hit.heading_path[-1] if hit.heading_path else ""
    return _units_kept(hit.text, tuple(last.split(" | ")) if " | " in last else ())


@lru_cache(maxsize=2_048)
def _units_kept(passage: str, columns: tuple[str, ...]) -> tuple[Unit, ...]:
    return units(passage, columns=columns)


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of running text, stripped; used for what a generator wrote."""
    return tuple(
        text[start:end].strip()
        for line in _LINE.finditer(text)
        for start, end in _sentence_spans(text, line.start(), line.end())
    )


def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where the sentences of running text begin and end, without the space around them."""
    return tuple(
        span
        for line in _LINE.finditer(text)
        for span in _sentence_spans(text, line.start(), line.end())
    )


def generated_sentences(text: str) -> tuple[str, ...]:
    """The sentences that a generator wrote, a citation behind the full stop with its sentence."""
    whole: list[str] = []
    for part in sentences(text):
        lone = _LONE_CITATION.match(part)
        if whole and lone:
            whole[-1] = f"{whole[-1]} {lone.group()}"
            part = part[lone.end() :].strip()
        if part:
            whole.append(part)
    return tuple(whole)


class Writing:
    """Collects what a generator writes and hands out its sentences as they become whole."""

    def __init__(self) -> None:
        self.text = ""
        self._done = 0
        self._ended = False

    def add(self, text: str) -> tuple[str, ...]:
        """The sentences that are whole now, with the citation that may follow, and were not yet.

        A sentence is whole once the next one has begun: until then it may still grow, if its full
        stop was that of an abbreviation, or a citation stands behind it.
        """
        self.text += text
        self._ended = self._ended or any(mark in text for mark in ".!?\n")
        if not self._ended:
            return ()
        parts = generated_sentences(self.text)
        if len(parts) < 2 or parts[-1][0] in "[(【":
            return ()
        self._ended = parts[-1][-1] in ".!?"
        return self._fresh(parts[:-1])

    def rest(self) -> tuple[str, ...]:
        """What is left when nothing more comes."""
        return self._fresh(generated_sentences(self.text))

    def _fresh(self, whole: tuple[str, ...]) -> tuple[str, ...]:
        fresh = whole[self._done :]
        self._done = max(self._done, len(whole))
        return fresh


def plain(markdown: str) -> str:
    """``markdown`` without inline marks, in one line."""
    return " ".join(_EMPHASIS.sub("", _IMAGE_OR_LINK.sub(r"\1", markdown)).split())


def _units(passage: str, header: list[str]) -> Iterator[Unit]:
    fenced = False
    paragraph: list[tuple[int, int]] = []
    for line in _LINE.finditer(passage):
        start, end, content = line.start(), line.end(), line.group()
        if paragraph and passage[paragraph[-1][1] : start].count("\n") > 1:
            yield from _flush(passage, paragraph)
        if _FENCE.match(content):
            yield from _flush(passage, paragraph)
            fenced = not fenced
        elif fenced:
            yield Unit(start, end, content.strip())
        elif heading := _HEADING.match(content):
            yield from _flush(passage, paragraph)
            yield Unit(start, end, plain(heading["text"]), is_heading=True)
        elif content.lstrip().startswith("|") or _RULE.match(content):
            yield from _flush(passage, paragraph)
            below = passage[end + 1 : end + 1 + len(content) * 2].partition("\n")[0]
            if not _RULE.match(content):
                yield _row(start, end, content, header, is_header=bool(_RULE.match(below)))
            continue  # keep the header for the next row
        else:
            aligned = bool(_COLUMNS.search(content))
            if aligned or _BULLET.match(content) or _continues_fields(passage, paragraph, content):
                yield from _flush(passage, paragraph)
            paragraph.append((start, end))
            if aligned:
                yield from _flush(passage, paragraph)
        header.clear()
    yield from _flush(passage, paragraph)


def _row(start: int, end: int, content: str, header: list[str], *, is_header: bool) -> Unit:
    """A table row with its column names; a header row also becomes the new ``header``."""
    cells = [plain(cell) for cell in _CELL_BORDER.split(content.strip().strip("|"))]
    if is_header:
        header[:] = cells
        return Unit(start, end, "; ".join(cell for cell in cells if cell), is_heading=True)
    # a header that was handed over has lost the empty corner above the row names
    columns = [""] * (len(cells) - len(header)) + header
    pairs = tuple(pair for pair in zip(columns, cells, strict=False) if pair[1])
    text = "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs)
    return Unit(start, end, text, cells=pairs)


def _continues_fields(passage: str, lines: Sequence[tuple[int, int]], content: str) -> bool:
    """Whether a line is a further "Name: value" of a block of such lines."""
    return bool(lines and _FIELD.match(content) and _FIELD.match(passage[slice(*lines[0])]))


def _flush(passage: str, lines: list[tuple[int, int]]) -> Iterator[Unit]:
    """Yield the sentences of the collected lines: one paragraph or one list item."""
    if not lines:
        return
    start, end = lines[0][0], lines[-1][1]
    bullet = _BULLET.match(passage[start:end])
    start += bullet.end() if bullet else 0
    lines.clear()
    for first, last in _sentence_spans(passage, start, end):
        text = plain(passage[first:last])
        if text:
            yield Unit(first, last, text)


def _sentence_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _END.finditer(text, start, end):
        if not _ends_sentence(text, begin, match, end):
            continue
        yield from _trimmed(text, begin, match.end())
        begin = match.end()
    yield from _trimmed(text, begin, end)


def _ends_sentence(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    if match.group()[0] != ".":
        return True
    before = text[begin : match.start()].rsplit(None, 1)
    word = before[-1].lower().lstrip("(") if before else ""
    if word in _ABBREVIATIONS or re.fullmatch(r"\d+", text[begin : match.start()].strip()):
        return False
    if word == "no" and _NUMBER_FOLLOWS.match(text, match.end()):
        return False
    after = _SEEN.search(text, match.end(), end)
    return after is None or not after.group().islower()


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
