"""Documents of an existing index as inputs: JSONL parts in the spool, which the parser reads.

    index --cluster.index_reader--> documents --parts--> Listed (JSONL) --> as any other file

Joins two packages that do not know each other.  One part is on disk at a time as long as the
caller takes entries as it reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from esrag.cluster.index_reader import (
    ReadableIndex,
    SourceDocument,
    read_documents,
    readable_indices,
)
from esrag.corpus.listing import Entry
from esrag.corpus.listing.sorting import Seen
from esrag.corpus.origins import Origin
from esrag.corpus.records import Listed, Rejected
from esrag.corpus.spool import Spool
from esrag.errors import ConflictError, EsragError, PermissionDeniedError, UsageError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PART_BYTES = 1024 * 1024
MEDIA_TYPE = "application/x-ndjson"
_NO_SOURCE = "the index keeps no _source of its documents, so there is no text to read"


class IndexSource:
    """Indices that are read; raises UsageError at once when one of them does not exist.

    ``host`` is given for another cluster and is then part of the origin.  ``into`` is the alias
    that the documents go to: an index behind it would grow by itself with every run.
    """

    def __init__(
        self,
        client: Elasticsearch,
        names: Sequence[str],
        *,
        spool: Spool,
        origin: str = "",
        host: str = "",
        into: str = "",
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._client = client
        self._indices = readable_indices(client, names)
        if into and any(is_generation(each.index, into) for each in self._indices):
            raise UsageError(
                f"the index behind {into} would be read into itself",
                hint="Name another index, or another document set (--set).",
            )
        self._spool = spool
        self._origin = origin
        self._host = host
        self._part_bytes = part_bytes

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the documents come from; an index is always read whole."""
        return tuple(
            Origin(uri, complete=True) for uri in dict.fromkeys(map(self._of, self._indices))
        )

    def entries(self) -> Iterator[Entry]:
        """The parts of all indices, and a rejection for each document that cannot be read."""
        for index in self._indices:
            yield from self._entries(index)

    def _entries(self, index: ReadableIndex) -> Iterator[Entry]:
        origin, uri = self._of(index), self._uri(index)
        part: list[bytes] = []
        size = 0
        for document in _each(self._client, index):
            if isinstance(document, EsragError):
                yield _broken_off(index, document, origin, uri)
            elif not document.line:
                yield _rejected(index, document, origin, uri)
            else:
                part.append(document.line)
                size += len(document.line)
            if size >= self._part_bytes:
                yield self._part(index, part, origin, uri)
                part, size = [], 0
        if part:
            yield self._part(index, part, origin, uri)

    def _part(self, index: ReadableIndex, lines: list[bytes], origin: str, uri: str) -> Listed:
        path = self._spool.write(lines, ending=".jsonl", max_bytes=1 << 40)
        return Listed(path, index.name, origin, uri, media_type=MEDIA_TYPE, spooled=True)

    def _of(self, index: ReadableIndex) -> str:
        return self._origin or self._uri(index)

    def _uri(self, index: ReadableIndex) -> str:
        return (
            f"elasticsearch://{self._host}/{index.name}"
            if self._host
            else f"elasticsearch://{index.name}"
        )


def is_generation(index: str, alias: str) -> bool:
    """Whether an index is one of those behind the alias of a document set."""
    return re.fullmatch(re.escape(alias) + r"-\d{6,}", index) is not None


def host_of(url: str) -> str:
    """What the origin says of another cluster: its host and port."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _each(client: Elasticsearch, index: ReadableIndex) -> Iterator[SourceDocument | EsragError]:
    """Each document once; at last what broke the reading off, if something did."""
    seen = Seen()
    try:
        for page in read_documents(client, index):
            yield from (document for document in page if seen.add(document.id))
    except EsragError as error:
        yield error
    finally:
        seen.close()


def _rejected(index: ReadableIndex, document: SourceDocument, origin: str, uri: str) -> Rejected:
    name = f"{index.name}#{document.id}"
    return Rejected(Path(uri), name, "list", "no_source", _NO_SOURCE, origin=origin, uri=uri)


def _broken_off(index: ReadableIndex, error: EsragError, origin: str, uri: str) -> Rejected:
    codes = {PermissionDeniedError: "forbidden", ConflictError: "not_found"}
    code = codes.get(type(error), "unreachable")
    reason = f"the index was not read to its end: {error.message}"
    return Rejected(Path(uri), index.name, "list", code, reason, origin=origin, uri=uri)
