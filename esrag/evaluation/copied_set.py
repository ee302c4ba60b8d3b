"""The documents of a set as they are stored, for a copy of the set; and one of them changed.

    chunks of the set ─► documents, cut as they were ─► the copy, by the same way as any ingest
                                      └─ one, with the new text in the place of the old ─► the copy

Text, cutting, names and metadata stay what they are; ids of chunks belong to the copy.  Knows
neither how a copy is set up nor who writes to it.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.chunking import chunk_id
from esrag.cluster.chunk_scan import StoredChunk, scan
from esrag.corpus.listing import Entry
from esrag.corpus.records import Listed, Parsed
from esrag.errors import UnavailableError, UsageError
from esrag.evaluation.replacing import has, places, replaced
from esrag.parsing.task import Cut, Read
from esrag.types import Chunk, Document

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_TEXTS = (
    "document_id", "text", "title", "url", "source", "mime_type", "published", "content_hash",
    "origin", "author", "language", "modified",
)  # fmt: skip
_NUMBERS = ("position", "start", "end", "page", "last_page", "chunk_count")


class CopiedSet:
    """Reads the set behind ``alias``; what it gives belongs to the set ``copy``.

    ``count`` is how many documents it gave, ``without`` how many chunks belong to none.
    """

    def __init__(self, client: Elasticsearch, alias: str, *, copy: str) -> None:
        self._client = client
        self._alias = alias
        self._copy = copy
        self._waiting: deque[Cut] = deque()
        self.count = 0
        self.without = 0

    def documents(self, *, from_document: str = "") -> Iterator[Cut]:
        """All documents in the order of their ids, or those from one on."""
        pages = scan(self._client, self._alias, from_document=from_document)
        chunks = (chunk for page in pages for chunk in page)
        for name, own in groupby(chunks, key=lambda chunk: chunk.document_id):
            if not name:
                self.without += sum(1 for _ in own)
                continue
            # a scan that had to begin anew gives the document it was at once more
            found = {each.id: each for each in own}
            yield cut_of(name, tuple(found.values()), copy=self._copy)

    def document(self, name: str) -> Cut:
        """The document of an id; raises UsageError when the set has none."""
        found = next(self.documents(from_document=name), None)
        if found is None or found.parsed.document.id != name:
            near = f"; the next is {found.parsed.document.id}" if found else ""
            raise UsageError(
                f"{self._alias} has no document {name}{near}",
                hint="esrag search shows the ids of what it finds.",
            )
        return found

    def entries(self, documents: Iterable[Cut]) -> Iterator[Entry]:
        """The documents as inputs of a run; ``read`` gives them in the same order."""
        for cut in documents:
            document = cut.parsed.document
            self._waiting.append(cut)
            self.count += 1
            uri = f"elasticsearch://{self._alias}/{document.id}"
            yield Listed(cut.parsed.path, document.id, document.origin or self._alias, uri)

    def read(self, files: Iterable[tuple[int, Listed]]) -> Iterator[Read]:
        """What a reader gives: here it was read and cut before."""
        for number, file in files:
            cut = self._waiting.popleft()
            # one place gives a document, and the run has its own word for it
            chunks = tuple(replace(chunk, origin=file.origin) for chunk in cut.chunks)
            document = replace(cut.parsed.document, origin=file.origin)
            yield Read(number, Cut(replace(cut.parsed, document=document), cut.hash, chunks))
            yield Read(number, None)


def cut_of(name: str, stored: Sequence[StoredChunk], *, copy: str) -> Cut:
    """A document as its chunks tell it; raises UnavailableError when one cannot be read."""
    try:
        chunks = sorted((_chunk(each.source, copy) for each in stored), key=_position)
        version = str(stored[0].source["document_hash"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnavailableError(
            f"a chunk of {name} cannot be read: {error!r}", hint="esrag ingest verify looks at it."
        ) from error
    return Cut(_parsed(chunks[0], version), version, tuple(chunks))


def changed(cut: Cut, old: str, new: str) -> Cut:
    """The document with ``new`` wherever it had ``old``, headings and titles included.

    Raises UsageError when no chunk holds ``old`` whole.
    """
    if not holds_text(cut, old):
        raise UsageError(
            f"{cut.parsed.document.id} does not hold {old!r}",
            hint="Give the text letter by letter as the document has it, in whole words.",
        )
    # chunks may overlap, and then have a place in common
    known = {chunk.start + at for chunk in cut.chunks for at in places(chunk.text, old)}
    chunks = []
    for chunk in cut.chunks:
        text = replaced(chunk.text, old, new)
        title = replaced(chunk.title, old, new)
        headings = tuple(replaced(each, old, new) for each in chunk.heading_path)
        start = chunk.start + (len(new) - len(old)) * sum(at < chunk.start for at in known)
        key = "\0".join((title, *headings, text))
        chunks.append(
            replace(
                chunk,
                text=text,
                title=title,
                heading_path=headings,
                start=start,
                end=start + len(text),
                content_hash=hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest(),
            )
        )
    version = hashlib.sha256(f"{cut.hash}\0{old}\0{new}".encode()).hexdigest()
    return Cut(_parsed(chunks[0], version), version, tuple(chunks))


def holds_text(cut: Cut, text: str) -> bool:
    """Whether a chunk of the document has ``text`` in its words, title or headings."""
    return any(has(part, text) for chunk in cut.chunks for part in _words(chunk))


def _words(chunk: Chunk) -> tuple[str, ...]:
    return chunk.text, chunk.title, *chunk.heading_path


def _position(chunk: Chunk) -> int:
    return chunk.position


def _chunk(source: Mapping[str, Any], copy: str) -> Chunk:
    texts: dict[str, Any] = {name: str(source.get(name) or "") for name in _TEXTS}
    numbers: dict[str, Any] = {name: int(source.get(name) or 0) for name in _NUMBERS}
    name = str(source["document_id"])
    return Chunk(
        id=chunk_id(copy, name, numbers["position"]),
        **texts,
        **numbers,
        heading_path=_several(source, "heading_path"),
        metadata={str(key): str(value) for key, value in (source.get("metadata") or {}).items()},
        acl=_several(source, "acl"),
    )


def _several(source: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A field that Elasticsearch gives as one value or as a list of them."""
    found = source.get(name) or ()
    return tuple(map(str, found)) if isinstance(found, (list, tuple)) else (str(found),)


def _parsed(chunk: Chunk, version: str) -> Parsed:
    document = Document(
        chunk.document_id,
        "",
        chunk.title,
        chunk.source,
        chunk.url,
        chunk.mime_type,
        chunk.published,
        chunk.metadata,
        origin=chunk.origin,
        acl=chunk.acl,
    )
    return Parsed(Path(chunk.source or chunk.document_id), document, version)
