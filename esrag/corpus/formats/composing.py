"""Makes the document out of what a writer has written and what the file says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from esrag.corpus import fields
from esrag.corpus.formats.contents import Content
from esrag.corpus.formats.writing import Writer
from esrag.types import Document


def composed(
    content: Content,
    writer: Writer,
    known: fields.Declared,
    metadata: Mapping[str, str],
    *,
    mime_type: str,
) -> Document:
    """The document; its title is the declared one, else the first heading, else the file's name."""
    title = known.title or next(
        (writer.text[b.start : b.end] for b in writer.blocks if b.kind == "heading"), ""
    )
    return Document(
        id=content.name,
        text=writer.text,
        title=fields.one_line(title) or fields.title_from_name(content.name),
        source=content.name,
        mime_type=mime_type,
        published=known.published,
        metadata=metadata,
        blocks=tuple(writer.blocks),
        author=known.author,
        language=known.language,
        modified=known.modified,
        pages=writer.page_starts,
    )
