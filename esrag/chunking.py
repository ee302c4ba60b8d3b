"""Cuts a document into chunks along its structure; pure: a document in, chunks out.

    blocks --> sections (a heading opens one) --> spans that fit --> chunks

Rules, in the order in which they decide:

1. ``chunk.text == document.text[chunk.start:chunk.end]``; nothing is rewritten, nothing is lost.
2. A chunk and its context (title and heading path) fit into ``max_tokens`` together.
3. A heading stays with what follows it; a section's blocks are packed until no more fits.
4. A block that fits is not cut.  A table is cut between rows, code between lines, a list between
   items, a paragraph after sentences; between words only where one of these is too long by
   itself.  Neighbours cut out of one paragraph share up to ``overlap_tokens``.
5. What is tiny joins a neighbour, first the one whose heading path is closer.

A table that is cut needs its header in every part, and rule 1 forbids repeating it in the text:
the header row becomes the last entry of the heading path of each later part, so that it is
embedded, searched and shown with it.  The splitters that were looked at know neither the
context's share of the budget nor exact offsets beside repeated headers; hence this one.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from esrag.types import Block, BlockKind, Chunk, Document

RULES_VERSION = 2  # part of the document hash: raise it when the same document gives other chunks

_CHARACTERS_PER_TOKEN = 16  # an endless "word" may be one unknown token: it is cut all the same
_TINY = 8  # a span below max_tokens / _TINY joins a neighbour

_LINE = re.compile(r"\r\n|\n|\r")
_ITEM = re.compile(r"(?:\r\n|\n|\r)(?=[ \t]*(?:[-*+•:]|\d{1,9}[.)])[ \t])")
_SENTENCE = re.compile(r"(?<!\be\.g)(?<!\bi\.e)[.!?…][\"'”’)\]*_]*\s+|[。！？]")
_WORD = re.compile(r"\s+")
_LEVELS: dict[BlockKind, tuple[re.Pattern[str], ...]] = {
    "table": (_LINE, _WORD),
    "code": (_LINE, _WORD),
    "list": (_ITEM, _SENTENCE, _WORD),
    "paragraph": (_SENTENCE, _WORD),
    "quote": (_SENTENCE, _WORD),
    "heading": (_WORD,),
}
_OVERLAPPING: frozenset[BlockKind] = frozenset(("paragraph", "quote"))

_DELIMITER_ROW = re.compile(r"[ \t|:]*-[ \t|:-]*")
_SETEXT = re.compile(r"[\r\n]+[ \t]*(?:=+|-+)[ \t]*$")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")


class Tokenizer(Protocol):
    """What chunking asks of the embedder's tokenizer."""

    def count(self, text: str) -> int:
        """The number of tokens of ``text``."""

    def starts(self, text: str) -> array[int]:
        """The offset of the first character of each token, in order."""


@dataclass(frozen=True, slots=True)
class ChunkRules:
    """How long chunks may be; ``max_tokens`` includes the context."""

    max_tokens: int = 160
    overlap_tokens: int = 30


@dataclass(frozen=True, slots=True)
class _Section:
    """Headings from ``start`` to ``heading_end`` (equal when there are none), and their blocks."""

    path: tuple[str, ...]
    start: int
    heading_end: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """A chunk to be; ``header`` is the header row of the table that it continues."""

    start: int
    end: int
    path: tuple[str, ...]
    header: str = ""


def chunk_id(set_name: str, document_id: str, position: int) -> str:
    """The id under which a chunk is indexed; the same input always gives the same one."""
    key = f"{set_name}\0{document_id}\0{position}".encode("utf-8", "replace")
    return hashlib.sha256(key).hexdigest()[:40]


def document_hash(document: Document, rules: ChunkRules, *, model_id: str) -> str:
    """Changes when the text, a field or the way of cutting changes; then chunks are sent again."""
    fields = asdict(document)
    del fields["origin"]  # the same document, found in another place
    content = [fields, asdict(rules), RULES_VERSION, model_id]
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def cut(
    document: Document, tokenizer: Tokenizer, rules: ChunkRules, *, set_name: str
) -> list[Chunk]:
    """The chunks of ``document`` in order; none when it holds nothing but blanks."""
    cutter = _Cutter(document, tokenizer, rules)
    spans = cutter.spans()
    return [
        Chunk(
            id=chunk_id(set_name, document.id, position),
            document_id=document.id,
            position=position,
            start=span.start,
            end=span.end,
            text=document.text[span.start : span.end],
            title=cutter.title,
            heading_path=cutter.heading_path(span),
            source=document.source,
            url=document.url,
            mime_type=document.mime_type,
            published=document.published,
            metadata=document.metadata,
            content_hash=hashlib.sha256(cutter.embedding_input(span).encode("utf-8")).hexdigest(),
            origin=document.origin,
            author=document.author,
            language=document.language,
            modified=document.modified,
            acl=document.acl,
            page=bisect_right(document.pages, span.start),
            last_page=bisect_right(document.pages, span.end - 1),
            chunk_count=len(spans),
        )
        for position, span in enumerate(spans)
    ]


def heading_text(raw: str) -> str:
    """The words of a heading, without Markdown's marks, underline and link targets."""
    words = _SETEXT.sub("", raw.strip()).strip()
    words = re.sub(r"^#{1,6}(?:[ \t]+|$)", "", words)
    words = re.sub(r"(?:^|[ \t]+)#+$", "", words)
    return _WORD.sub(" ", _LINK.sub(r"\1", words).replace("**", "").replace("`", "")).strip()


class _Cutter:
    """One document being cut; knows where its tokens begin, so that lengths cost a bisection."""

    def __init__(self, document: Document, tokenizer: Tokenizer, rules: ChunkRules) -> None:
        self._text = document.text
        self._blocks = _covering(document)
        self._tokenizer = tokenizer
        self._max_tokens = rules.max_tokens
        self._max_characters = rules.max_tokens * _CHARACTERS_PER_TOKEN
        self._overlap_tokens = rules.overlap_tokens
        self._starts = tokenizer.starts(document.text)
        self._budgets: dict[tuple[str, ...], int] = {}
        self._cuts: dict[tuple[int, re.Pattern[str]], list[int]] = {}
        self.title = self._clipped(document.title, rules.max_tokens // 4)

    def spans(self) -> list[_Span]:
        """Where to cut."""
        sections = list(self._sections())
        spans = [span for section in sections for span in self._packed(section)]
        spans = self._without_tiny(spans)
        if len(spans) > 1 and sections[-1].blocks == () and spans[-1].start == sections[-1].start:
            spans[-1] = self._with_words_before(spans[-1], spans[-2].start)
        return [part for span in spans for part in self._exactly_fitting(span)]

    def heading_path(self, span: _Span) -> tuple[str, ...]:
        """The headings above a span and, where it continues a table, the header row."""
        return (*span.path, span.header) if span.header else span.path

    def embedding_input(self, span: _Span) -> str:
        """What the cluster embeds for this span."""
        return f"{self._context(self.heading_path(span))}\n{self._text[span.start : span.end]}"

    # -- sections -----------------------------------------------------------------------------

    def _sections(self) -> Iterator[_Section]:
        """Headings without anything between them count as one."""
        above: list[tuple[int, str]] = []
        path: tuple[str, ...] = ()
        start = heading_end = -1
        blocks: list[Block] = []
        for block in self._blocks:
            if block.kind == "heading":
                if blocks:
                    yield _Section(path, start, heading_end, tuple(blocks))
                    start, blocks = -1, []
                start = block.start if start < 0 else start
                heading_end = block.end
                above = [(level, label) for level, label in above if level < block.level]
                label = heading_text(self._text[block.start : block.end])
                above.append((block.level, self._clipped(label, self._max_tokens // 8)))
                path = self._affordable(tuple(label for _, label in above if label))
            else:
                if start < 0:
                    start = heading_end = block.start
                blocks.append(block)
        if start >= 0:
            yield _Section(path, start, heading_end, tuple(blocks))

    def _affordable(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """The innermost headings that leave at least half of the budget to the text."""
        while path and self._budget(path) < self._max_tokens // 2:
            path = path[1:]
        return path

    # -- packing ------------------------------------------------------------------------------

    def _packed(self, section: _Section) -> Iterator[_Span]:
        blocks = list(section.blocks)
        budget = self._budget(section.path)
        if not blocks or self._tokens(section.start, section.heading_end) > budget // 2:
            blocks.insert(0, Block("heading", section.start, section.heading_end))
        start, end = section.start, -1  # end < 0: no block yet, at most the heading
        for block in blocks:
            start = block.start if start < 0 else start
            if self._fits(start, block.end, budget):
                end = block.end
                continue
            if end >= 0:
                yield _Span(start, end, section.path)
                start = block.start
            if self._fits(start, block.end, budget):
                end = block.end
                continue
            parts = list(self._parts(block, start, section.path))
            yield from parts[:-1]
            start, end = parts[-1].start, parts[-1].end
            if parts[-1].header:  # what follows a table does not belong under its header
                yield parts[-1]
                start, end = -1, -1
        if end >= 0:
            yield _Span(start, end, section.path)

    def _parts(self, block: Block, start: int, path: tuple[str, ...]) -> Iterator[_Span]:
        """Cut a block that does not fit; the first part begins at ``start``, its heading."""
        header, rows = (
            self._table_header(block, path) if block.kind == "table" else ("", block.start)
        )
        floor = rows
        continued = ""
        while True:
            budget = self._budget((*path, continued) if continued else path)
            if self._fits(start, block.end, budget):
                yield _Span(start, block.end, path, continued)
                return
            end = self._best_cut(block, start, floor, budget)
            yield self._trimmed(_Span(start, end, path, continued))
            start = self._overlap_start(block, start, end, budget)
            floor = end
            continued = header if end >= rows else ""

    def _best_cut(self, block: Block, start: int, floor: int, budget: int) -> int:
        """The last place, of the best kind, after ``floor`` up to which a part fits."""
        limit = self._limit(start, budget)
        for pattern in _LEVELS[block.kind]:
            cuts = self._cuts_of(block, pattern)
            at = bisect_right(cuts, limit) - 1
            if at < 0 or cuts[at] <= max(floor, start):
                continue
            if pattern is _SENTENCE and self._tokens(start, cuts[at]) < budget // 3:
                continue  # a short sentence before a very long one: better to fill the part
            return cuts[at]
        return max(limit, start + 1)

    def _overlap_start(self, block: Block, start: int, end: int, budget: int) -> int:
        """Where the next part begins: some sentences, or words, before ``end``."""
        tokens = min(self._overlap_tokens, budget // 3)
        if block.kind not in _OVERLAPPING or tokens <= 0:
            return end
        first = bisect_left(self._starts, end) - tokens
        earliest = max(self._starts[first] if first >= 0 else 0, start + 1, block.start)
        if end - earliest > self._max_characters // 3:
            return end
        for pattern in _LEVELS[block.kind]:
            cuts = self._cuts_of(block, pattern)
            at = bisect_left(cuts, earliest)
            if at < len(cuts) and cuts[at] < end:
                return cuts[at]
        return end

    def _table_header(self, block: Block, path: tuple[str, ...]) -> tuple[str, int]:
        """The header row as one line, and where the rows below it begin."""
        lines = self._cuts_of(block, _LINE)
        if len(lines) < 2 or not _DELIMITER_ROW.fullmatch(self._text[lines[0] : lines[1]].strip()):
            return "", block.start
        cells = self._text[block.start : lines[0]].strip().strip("|").split("|")
        header = " | ".join(cell.strip() for cell in cells if cell.strip())
        header = self._clipped(header, self._max_tokens // 4)
        affordable = self._budget((*path, header)) >= self._max_tokens // 3
        return (header if affordable else ""), lines[1]

    # -- afterwards ---------------------------------------------------------------------------

    def _without_tiny(self, spans: Sequence[_Span]) -> list[_Span]:
        kept: list[_Span] = []
        for number, span in enumerate(spans):
            before = kept[-1] if kept else None
            after = spans[number + 1] if number + 1 < len(spans) else None
            if before is None or not (self._is_tiny(span) or self._is_tiny(before)):
                kept.append(span)
                continue
            joined = self._joined(before, span)
            waits = (
                after is not None
                and self._is_tiny(span)
                and len(_common(span.path, after.path)) > len(_common(before.path, span.path))
                and self._joined(span, after) is not None
            )
            if joined is None or waits:
                kept.append(span)
            else:
                kept[-1] = joined
        return kept

    def _is_tiny(self, span: _Span) -> bool:
        return self._tokens(span.start, span.end) < self._max_tokens // _TINY

    def _joined(self, first: _Span, second: _Span) -> _Span | None:
        if first.header != second.header:
            return None
        joined = replace(first, end=second.end, path=_common(first.path, second.path))
        fits = self._fits(joined.start, joined.end, self._budget(self.heading_path(joined)))
        return joined if fits else None

    def _with_words_before(self, span: _Span, earliest: int) -> _Span:
        """A heading that ends the document and fits nowhere takes some words before it along."""
        first = bisect_left(self._starts, span.start) - self._overlap_tokens
        start = max(self._starts[max(first, 0)], earliest)
        budget = self._budget(self.heading_path(span))
        if start >= span.start or not self._fits(start, span.end, budget):
            return span
        return self._trimmed(replace(span, start=start))

    def _exactly_fitting(self, span: _Span) -> Iterator[_Span]:
        """Count nearly full spans as the model will see them: a cut can change a word's tokens."""
        if self._has_room(span):
            yield span
            return
        waiting = [span]
        while waiting:
            part = waiting.pop()
            fits = self._tokenizer.count(self.embedding_input(part)) <= self._max_tokens
            if fits or part.end - part.start < 2:
                yield part
                continue
            middle = (part.start + part.end) // 2
            blank = self._text.rfind(" ", part.start + 1, middle)
            at = blank if blank > part.start else middle
            halves = (replace(part, end=at), replace(part, start=at))
            trimmed = [self._trimmed(half) for half in halves]
            waiting.extend(half for half in reversed(trimmed) if half.start < half.end)

    def _has_room(self, span: _Span) -> bool:
        budget = self._budget(self.heading_path(span))
        between_words = all(
            at in (0, len(self._text)) or self._text[at - 1].isspace() or self._text[at].isspace()
            for at in (span.start, span.end)
        )
        return between_words and self._tokens(span.start, span.end) < budget * 0.9

    # -- measuring ----------------------------------------------------------------------------

    def _tokens(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def _fits(self, start: int, end: int, budget: int) -> bool:
        return end - start <= self._max_characters and self._tokens(start, end) <= budget

    def _limit(self, start: int, budget: int) -> int:
        beyond = bisect_left(self._starts, start) + budget
        by_tokens = self._starts[beyond] if beyond < len(self._starts) else len(self._text)
        return min(by_tokens, start + self._max_characters)

    def _budget(self, path: tuple[str, ...]) -> int:
        """Tokens left for the text under this heading path."""
        if path not in self._budgets:
            context = self._tokenizer.count(self._context(path))
            self._budgets[path] = self._max_tokens - context
        return self._budgets[path]

    def _context(self, path: tuple[str, ...]) -> str:
        return " › ".join(dict.fromkeys(part for part in (self.title, *path) if part))

    def _clipped(self, words: str, tokens: int) -> str:
        starts = self._tokenizer.starts(words)
        end = starts[tokens - 1] if len(starts) > tokens else len(words)
        end = min(end, tokens * _CHARACTERS_PER_TOKEN)
        return words if end >= len(words) else words[:end].rstrip() + "…"

    def _cuts_of(self, block: Block, pattern: re.Pattern[str]) -> list[int]:
        key = (block.start, pattern)
        if key not in self._cuts:
            found = pattern.finditer(self._text, block.start, block.end)
            self._cuts[key] = [match.end() for match in found]
        return self._cuts[key]

    def _trimmed(self, span: _Span) -> _Span:
        start, end = _without_blanks(self._text, span.start, span.end)
        return replace(span, start=start, end=end)


def _covering(document: Document) -> list[Block]:
    """The document's blocks, and paragraphs where none of them covers the text."""
    text = document.text
    found: list[Block] = []
    done = 0
    for block in (*document.blocks, Block("paragraph", len(text), len(text))):
        start, end = _without_blanks(text, done, block.start)
        if start < end:
            found.append(Block("paragraph", start, end))
        start, end = _without_blanks(text, block.start, block.end)
        if start < end:
            found.append(replace(block, start=start, end=end))
        done = block.end
    return found


def _without_blanks(text: str, start: int, end: int) -> tuple[int, int]:
    """Without blank lines before and blanks after; the first line keeps its indentation."""
    while end > start and text[end - 1].isspace():
        end -= 1
    first = start
    while first < end and text[first].isspace():
        first += 1
    line = max(text.rfind("\n", start, first), text.rfind("\r", start, first))
    return (line + 1 if line >= 0 else start if first < end else end), end


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]
