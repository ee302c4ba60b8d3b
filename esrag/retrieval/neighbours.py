"""Reads a hit together with the chunks beside it, where they belong to the same section.

    hit ──context template──► chunks around it ──widen──► hit whose text begins earlier, ends later

Offsets stay true: ``document[hit.start:hit.end]`` is still what the text stands for, and white
space stands where the chunks left some out.  A neighbour that is a hit of its own stays one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from esrag.types import Hit

MOST_GAP = 200  # characters between two chunks that are still one text


def widen(hit: Hit, around: Sequence[Hit], *, own: Collection[str]) -> Hit:
    """The hit with those of ``around`` that go before and after it without a break.

    ``own`` are the ids of the hits, which are not taken into another one.
    """
    by_position = {
        each.position: each
        for each in around
        if each.document_id == hit.document_id
        and each.heading_path == hit.heading_path
        and each.id not in own
    }
    wide = hit
    position = hit.position - 1
    while (before := by_position.get(position)) and _touch(before, wide):
        wide = _joined(before, wide, core=hit)
        position -= 1
    position = hit.position + 1
    while (after := by_position.get(position)) and _touch(wide, after):
        wide = _joined(wide, after, core=hit)
        position += 1
    return wide


def _touch(first: Hit, second: Hit) -> bool:
    """Whether the one goes over into the other; a chunk inside another one does not."""
    return first.start < second.start <= first.end + MOST_GAP and first.end < second.end


def _joined(first: Hit, second: Hit, *, core: Hit) -> Hit:
    """Both texts as one; everything else is of the hit that is widened."""
    overlap = max(0, first.end - second.start)
    gap = _space(max(0, second.start - first.end))
    text = first.text + gap + second.text[overlap:]
    shift = core.start - first.start
    pages = [page for page in (first.page, second.page) if page]
    return replace(
        core,
        text=text,
        start=first.start,
        end=second.end,
        page=min(pages, default=0),
        last_page=max(first.last_page, second.last_page),
        highlights=tuple((start + shift, end + shift) for start, end in core.highlights),
    )


def _space(length: int) -> str:
    """White space in place of that which stood between two chunks."""
    return " " if length == 1 else ("\n" * min(length, 2)).ljust(length)
