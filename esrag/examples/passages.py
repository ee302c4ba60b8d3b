"""The passages that examples are made from, with all that says where they come from.

    stored chunks ──► Passages, in a SQLite file ──► makers

Memory does not grow with the corpus.
Order is by document, position and id, whatever order the index gave them in.  Knows nothing of
Elasticsearch: ``esrag.examples.reading`` fills it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from esrag.types import Hit, joined_context

_TABLE = """
CREATE TABLE passages (
    id TEXT PRIMARY KEY, document TEXT NOT NULL, position INTEGER NOT NULL, record TEXT NOT NULL
) WITHOUT ROWID
"""
_ORDERED = "SELECT record FROM passages ORDER BY document, position, id"
_LISTS = ("heading_path", "acl")
TEXT_HASH = "text-"  # begins what stands in for the hash of a document that has none


@dataclass(frozen=True, slots=True)
class Passage:
    """A stored chunk.  ``document_hash`` is that of the version it was cut from."""

    id: str
    document_id: str
    position: int
    text: str
    title: str = ""
    heading_path: tuple[str, ...] = ()
    source: str = ""
    url: str = ""
    mime_type: str = ""
    published: str = ""
    language: str = ""
    origin: str = ""
    document_hash: str = ""
    run_id: str = ""
    acl: tuple[str, ...] = ()
    start: int = 0
    end: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """Title and heading path in one line: what a reader of the bare text would miss."""
        return joined_context(self.title, self.heading_path)

    def as_hit(self, rank: int = 1) -> Hit:
        """What a prompt is composed of; its score says nothing."""
        return Hit(
            id=self.id,
            document_id=self.document_id,
            rank=rank,
            score=0.0,
            text=self.text,
            title=self.title,
            heading_path=self.heading_path,
            source=self.source,
            url=self.url,
            position=self.position,
            start=self.start,
            end=self.end,
            published=self.published,
            metadata=self.metadata,
            language=self.language,
            origin=self.origin,
        )


class Passages:
    """All passages that examples may be made from, in a table of an open SQLite file."""

    def __init__(self, file: sqlite3.Connection, passages: Iterable[Passage]) -> None:
        self._file = file
        self._file.execute(_TABLE)
        document = version = ""
        for passage in passages:
            # a document that was written while a point in time was renewed comes twice: last wins
            if passage.document_id == document and _is_another(passage.document_hash, version):
                self._file.execute("DELETE FROM passages WHERE document = ?", (document,))
            document, version = passage.document_id, passage.document_hash
            self._file.execute("INSERT OR REPLACE INTO passages VALUES (?, ?, ?, ?)", _row(passage))
        self._file.commit()

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM passages").fetchone()[0])

    def __iter__(self) -> Iterator[Passage]:
        for (record,) in self._file.execute(_ORDERED):
            yield _passage(record)

    def documents(self) -> Iterator[tuple[Passage, ...]]:
        """The passages of each document together, documents by id."""
        together: list[Passage] = []
        for passage in self:
            if together and together[0].document_id != passage.document_id:
                yield tuple(together)
                together = []
            together.append(passage)
        if together:
            yield tuple(together)

    def document_ids(self) -> Iterator[str]:
        """The documents, by id."""
        for (name,) in self._file.execute(
            "SELECT DISTINCT document FROM passages ORDER BY document"
        ):
            yield name

    def get(self, chunk_id: str) -> Passage | None:
        """The passage of a chunk; None when it may not be used, or is not there."""
        found = self._file.execute(
            "SELECT record FROM passages WHERE id = ?", (chunk_id,)
        ).fetchone()
        return None if found is None else _passage(found[0])

    def fingerprint(self) -> str:
        """sha256 over ids, texts and versions: equal for equal content."""
        digest = hashlib.sha256()
        for passage in self:
            for part in (passage.id, passage.document_hash, passage.text):
                digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()


def _is_another(version: str, before: str) -> bool:
    """Whether a document has changed; a hash of a chunk's text alone does not say so."""
    return version != before and not version.startswith(TEXT_HASH)


def _row(passage: Passage) -> tuple[str, str, int, str]:
    record = json.dumps(asdict(passage))  # ASCII, so that halves of surrogate pairs can be kept
    return (passage.id, passage.document_id, passage.position, record)


def _passage(record: str) -> Passage:
    values: dict[str, Any] = json.loads(record)
    values.update({name: tuple(values[name]) for name in _LISTS})
    return Passage(**values)
