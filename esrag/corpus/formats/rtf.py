"""RTF: its words as paragraphs, by striprtf; styles, and with them headings, are not kept."""

from __future__ import annotations

import re

from striprtf.striprtf import rtf_to_text

from esrag.corpus import fields
from esrag.corpus.formats import plain
from esrag.corpus.formats.contents import Content
from esrag.corpus.formats.writing import cleaned
from esrag.corpus.options import ReadingOptions
from esrag.types import Document

_TITLE = re.compile(r"\{\\title ([^{}\\]*)\}")
_AUTHOR = re.compile(r"\{\\author ([^{}\\]*)\}")
_LINE_ENDS = re.compile(r"\n{2,}|\n")


def parse(content: Content, options: ReadingOptions) -> Document:
    """The document."""
    raw = content.whole(options.limits.text_bytes)
    source = raw.decode("latin-1")  # RTF is ASCII; what is not is escaped
    text = cleaned(rtf_to_text(source, errors="replace"))
    # A line end of RTF's text is the end of a paragraph.
    text = _LINE_ENDS.sub("\n\n", text.replace("\r\n", "\n")).strip()
    title, author = (
        fields.one_line(found.group(1)) if found else ""
        for found in (_TITLE.search(source), _AUTHOR.search(source))
    )
    return Document(
        id=content.name,
        text=text,
        title=title or fields.title_from_name(content.name),
        source=content.name,
        mime_type="application/rtf",
        blocks=plain.parse_blocks(text),
        author=author,
    )
