"""Plain text: paragraphs are what blank lines separate; a first line that stands alone is the title."""

from __future__ import annotations

import re

from esrag.corpus.fields import one_line, title_from_name
from esrag.types import Block, Document

_PARAGRAPH = re.compile(r"[^\r\n]*\S[^\r\n]*(?:(?:\r\n|\r|\n)[^\r\n]*\S[^\r\n]*)*")
_TITLE_LENGTH = 100


def parse(text: str, *, document_id: str) -> Document:
    """The document; ``text`` is kept as it is."""
    blocks = paragraphs(text)
    return Document(
        id=document_id,
        text=text,
        title=_title(text, blocks) or title_from_name(document_id),
        source=document_id,
        mime_type="text/plain",
        blocks=blocks,
    )


def paragraphs(text: str) -> tuple[Block, ...]:
    """One block for each run of lines that are not blank."""
    return tuple(Block("paragraph", m.start(), m.end()) for m in _PARAGRAPH.finditer(text))


def _title(text: str, blocks: tuple[Block, ...]) -> str:
    if len(blocks) < 2:
        return ""
    first = text[blocks[0].start : blocks[0].end].strip()
    if len(first) > _TITLE_LENGTH or len(first.splitlines()) != 1 or first.endswith((".", ":", ";", ",")):
        return ""
    return one_line(first)
