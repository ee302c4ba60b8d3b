"""Reads all chunks of one index, in order, page by page; and single chunks by id.

Place in the flow: one generation -> **stored chunks** -> the next generation.  A scan sees the
index as it was when it began (point in time) and goes on behind the last document it gave when
the server has forgotten that point, so that it may take hours.  From Elasticsearch 9.2 on a
search leaves vectors out of ``_source``; they are asked for by name here or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster.client import explained
from esrag.cluster.point_in_time import (
    KEEP_ALIVE,
    Forgotten,
    close_point,
    open_point,
    search_point,
)
from esrag.cluster.retry import retrying
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PAGE = 500
VECTOR = "embedding"
_ORDER = ({"document_id": {"order": "asc", "missing": "_last"}}, {"position": {"order": "asc"}})


_AS_WRITTEN = ({"_seq_no": {"order": "asc"}},)


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A document of the index, whoever wrote it; ``document_id`` is "" when it has none."""

    id: str
    source: Mapping[str, Any]
    document_id: str = ""


def scan(
    client: Elasticsearch,
    index: str,
    *,
    from_document: str = "",
    above: int | None = None,
    vectors: bool = False,
    ids_only: bool = False,
    as_written: bool = False,
    page: int = PAGE,
) -> Iterator[tuple[StoredChunk, ...]]:
    """All chunks by document and position; refresh first to see what was just written.

    ``from_document`` begins there (chunks without a document id are always included), ``above``
    leaves out what was written up to this sequence number.  ``as_written`` gives them in the
    order of their last writes instead, which is the order of equal scores; a scan that has to
    begin anew then begins at the beginning, and no chunk names its document.
    """
    place = _Place(from_document)
    while True:
        try:
            yield from _pages(
                client,
                index,
                place,
                above=above,
                vectors=vectors,
                ids_only=ids_only,
                as_written=as_written,
                page=page,
            )
        except Forgotten:
            continue
        return


def page_body(
    pit: str,
    *,
    from_document: str = "",
    above: int | None = None,
    after: Sequence[Any] | None = None,
    vectors: bool = False,
    ids_only: bool = False,
    as_written: bool = False,
    page: int = PAGE,
) -> dict[str, Any]:
    """The search for one page."""
    clauses: list[dict[str, Any]] = []
    if from_document:
        at_or_behind = {"range": {"document_id": {"gte": from_document}}}
        nameless = {"bool": {"must_not": [{"exists": {"field": "document_id"}}]}}
        clauses.append({"bool": {"should": [at_or_behind, nameless]}})
    if above is not None:
        clauses.append({"range": {"_seq_no": {"gt": above}}})
    body: dict[str, Any] = {
        "pit": {"id": pit, "keep_alive": KEEP_ALIVE},
        "size": page,
        "sort": list(_AS_WRITTEN if as_written else _ORDER),
        "track_total_hits": False,
        "query": {"bool": {"filter": clauses}},
        "_source": False if ids_only else {"exclude_vectors": not vectors},
    }
    if after is not None:
        body["search_after"] = list(after)
    return body


def read_by_id(
    client: Elasticsearch,
    index: str,
    ids: Sequence[str],
    *,
    ids_only: bool = False,
) -> dict[str, Mapping[str, Any]]:
    """The sources of those chunks that exist, refreshed or not, without their vectors."""
    if not ids:
        return {}

    def call() -> dict[str, Mapping[str, Any]]:
        with explained(f"reading chunks of {index}"):
            answer = client.mget(
                index=index,
                ids=list(ids),
                source=False if ids_only else None,
                source_excludes=None if ids_only else [VECTOR],
            )
        failed = [item for item in answer["docs"] if "error" in item]
        if failed:
            raise UnavailableError(f"chunks of {index} cannot be read: {failed[0]['error']}")
        return {item["_id"]: item.get("_source", {}) for item in answer["docs"] if item["found"]}

    return retrying(call)


def checkpoint(client: Elasticsearch, index: str) -> int:
    """A sequence number up to which every write is finished, on all shards; -1 when unknown.

    What is written later has a higher one, so that the next look can leave out all up to here.
    """
    with explained(f"reading the checkpoint of {index}"):
        answer = client.indices.stats(index=index, level="shards")
    found = [
        int(copy["seq_no"]["local_checkpoint"])
        for copies in answer["indices"][index]["shards"].values()
        for copy in copies
        if copy["routing"]["primary"] and "seq_no" in copy
    ]
    return min(found, default=-1)


class _Place:
    """How far a scan is: the document that a new point in time goes on with."""

    def __init__(self, document: str) -> None:
        self.document = document


def _pages(
    client: Elasticsearch,
    index: str,
    place: _Place,
    *,
    above: int | None,
    vectors: bool,
    ids_only: bool,
    as_written: bool,
    page: int,
) -> Iterator[tuple[StoredChunk, ...]]:
    pit = open_point(client, index)
    after: Sequence[Any] | None = None
    from_document = place.document
    try:
        while True:
            body = page_body(
                pit,
                from_document=from_document,
                above=above,
                after=after,
                vectors=vectors,
                ids_only=ids_only,
                as_written=as_written,
                page=page,
            )
            answer = search_point(client, body, reading=f"chunks of {index}")
            pit = answer.get("pit_id", pit)
            hits = answer["hits"]["hits"]
            if hits:
                after = hits[-1]["sort"]
                chunks = tuple(_chunk(hit, named=not as_written) for hit in hits)
                yield chunks
                place.document = chunks[-1].document_id or place.document
            if len(hits) < page:
                return
    finally:
        close_point(client, pit)


def _chunk(hit: Mapping[str, Any], *, named: bool) -> StoredChunk:
    document = hit["sort"][0] if named else None
    return StoredChunk(
        str(hit["_id"]), hit.get("_source", {}), "" if document is None else str(document)
    )
