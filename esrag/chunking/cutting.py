"""A document becomes chunks: the strategy says where to cut, the exact count has the last word."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

from esrag.chunking.measure import Measure, Span
from esrag.chunking.outline import sections_of
from esrag.chunking.rules import ChunkRules, Tokenizer, chunk_id
from esrag.chunking.running import run_through
from esrag.chunking.structure import structured
from esrag.types import Chunk, Document


def cut(
    document: Document, tokenizer: Tokenizer, rules: ChunkRules, *, set_name: str
) -> list[Chunk]:
    """The chunks of ``document`` in order; none when it holds nothing but blanks."""
    measure = Measure(document, tokenizer, rules)
    spans = list(_spans(document, measure, rules))
    return [
        Chunk(
            id=chunk_id(set_name, document.id, position),
            document_id=document.id,
            position=position,
            start=span.start,
            end=span.end,
            text=document.text[span.start : span.end],
            title=measure.title,
            heading_path=span.heading_path,
            source=document.source,
            url=document.url,
            mime_type=document.mime_type,
            published=document.published,
            metadata=document.metadata,
            content_hash=hashlib.sha256(
                measure.embedding_input(span).encode("utf-8", "surrogatepass")
            ).hexdigest(),
            origin=document.origin,
            author=document.author,
            language=document.language,
            modified=document.modified,
            acl=document.acl,
            page=_page(document, span.start),
            last_page=_page(document, span.end - 1),
            chunk_count=len(spans),
            tokens=measure.length(span),
        )
        for position, span in enumerate(spans)
    ]


def _spans(document: Document, measure: Measure, rules: ChunkRules) -> Iterator[Span]:
    sections = list(sections_of(document, measure))
    found = (
        structured(measure, sections)
        if rules.strategy == "structure"
        else run_through(measure, sections, rules.strategy)
    )
    for span in found:
        if span.start < span.end:
            yield from _exactly_fitting(measure, span)


def _exactly_fitting(measure: Measure, span: Span) -> Iterator[Span]:
    """Halve what the model would see as too long, because a cut changed a word's tokens."""
    waiting = [span]
    while waiting:
        part = waiting.pop()
        if part.end - part.start < 2 or measure.is_exactly_short(part):
            yield part
            continue
        middle = (part.start + part.end) // 2
        blank = measure.text.rfind(" ", part.start + 1, middle)
        at = blank if blank > part.start else middle
        halves = (replace(part, end=at), replace(part, start=at))
        trimmed = [measure.trimmed(half) for half in halves]
        waiting.extend(half for half in reversed(trimmed) if half.start < half.end)


def _page(document: Document, at: int) -> int:
    """The page of a place, from 1; what stands before the first page belongs to it."""
    return max(1, bisect_right(document.pages, at)) if document.pages else 0
