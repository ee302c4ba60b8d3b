"""Plain text: blank lines separate paragraphs; underlined or lone short lines are headings."""

from __future__ import annotations

import re

from esrag.corpus.fields import one_line, published, title_from_name
from esrag.terms import dates_normalised
from esrag.types import Block, Document

_PARAGRAPH = re.compile(r"[^\r\n]*\S[^\r\n]*(?:(?:\r\n|\r|\n)[^\r\n]*\S[^\r\n]*)*")
_UNDERLINED = re.compile(r"(?P<words>\S[^\r\n]*)(?:\r\n|\r|\n)(?P<line>={3,}|-{3,}|~{3,})[ \t]*")
_LONE_LINE = re.compile(r"[A-Z0-9ÄÖÜ][^\r\n]{0,59}[^\s.:;,!?]")
_UNDERLINES = "=-~"
_HEAD_CHARACTERS = 1_000
_FIELD = re.compile(r"^(?P<name>URL|Date|Published): +(?P<value>\S[^\r\n]*?)[ \t]*$", re.I | re.M)
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")


def parse(text: str, *, document_id: str) -> Document:
    """The document; ``text`` is kept as it is.

    "URL: https://…" and "Date: 8 July 2026" on lines of their own in its head are its address
    and its date.
    """
    blocks = parse_blocks(text)
    head = {m["name"].lower(): m["value"] for m in _FIELD.finditer(text[:_HEAD_CHARACTERS])}
    address = head.get("url", "")
    day = dates_normalised(head.get("date") or head.get("published") or "")
    return Document(
        id=document_id,
        text=text,
        title=_title(text, blocks) or title_from_name(document_id),
        source=document_id,
        mime_type="text/plain",
        url=address if _ADDRESS.fullmatch(address) else "",
        published=published(day),
        blocks=blocks,
    )


def parse_blocks(text: str) -> tuple[Block, ...]:
    """One block for each run of lines that are not blank."""
    found = [(match.start(), match.end()) for match in _PARAGRAPH.finditer(text)]
    blocks: list[Block] = []
    for number, (start, end) in enumerate(found):
        followed = number + 1 < len(found)
        level = _heading_level(text[start:end], first=number == 0) if followed else 0
        blocks.append(Block("heading" if level else "paragraph", start, end, level))
    return tuple(blocks)


def _heading_level(paragraph: str, *, first: bool) -> int:
    """1-3 for underlined lines, 1 or 4 for a lone short line, 0 for what is no heading."""
    underlined = _UNDERLINED.fullmatch(paragraph)
    if underlined:
        return _UNDERLINES.index(underlined["line"][0]) + 1
    if _LONE_LINE.fullmatch(paragraph) and len(paragraph.split()) <= 10:
        return 1 if first else 4
    return 0


def _title(text: str, blocks: tuple[Block, ...]) -> str:
    if not blocks or blocks[0].level != 1:
        return ""
    lines = text[blocks[0].start : blocks[0].end].splitlines()
    return one_line(lines[0]) if lines else ""
