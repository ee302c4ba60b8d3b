"""Reads the documents of an index that somebody else made, each once, in pages.

Place in the flow: an index of this or another cluster -> **documents** -> JSONL in the spool.
A scan sees the index as it was when it began (point in time), in the order of the last writes.
When the server has forgotten that point, a new one goes on at the sequence number of the last
page: what was on that page may come again, so whoever needs each document once looks at the ids.
Vectors are left out: they belong to another model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elasticsearch import NotFoundError

from esrag.cluster.client import explained
from esrag.cluster.point_in_time import (
    KEEP_ALIVE,
    Forgotten,
    close_point,
    open_point,
    search_point,
)
from esrag.errors import UsageError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

FIRST_PAGE = 100
LARGEST_PAGE = 2_000
_PAGE_BYTES = 8 * 1024 * 1024  # what a page is to hold, as JSON
_VECTORS = frozenset(("dense_vector", "sparse_vector", "rank_vectors"))


@dataclass(frozen=True, slots=True)
class ReadableIndex:
    """An index that can be read: ``index`` is its own name, ``name`` what its documents are below.

    ``vectors`` are the fields that are left out.
    """

    name: str
    index: str
    vectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document as it was indexed.

    ``line`` is a line of JSON: its fields behind an ``id``, which is that of the document; a
    field ``id`` of its own is called ``source_id``.  Empty when the index keeps no source.
    """

    id: str
    line: bytes


def readable_indices(client: Elasticsearch, names: Sequence[str]) -> tuple[ReadableIndex, ...]:
    """The indices behind names, aliases, data streams and patterns, each once.

    Raises UsageError for a name behind which there is none.
    """
    found: dict[str, ReadableIndex] = {}
    missing: list[str] = []
    for name in names:
        mappings = _mappings(client, name)
        if not mappings:
            missing.append(name)
        # an alias outlives the indices behind it, so its name is the better one
        own = "*" not in name and len(mappings) == 1
        for index, mapping in sorted(mappings.items()):
            vectors = tuple(_vectors(mapping.get("properties", {})))
            found.setdefault(index, ReadableIndex(name if own else index, index, vectors))
    if missing:
        raise UsageError(f"no such index: {', '.join(missing)}", hint="Nothing was sent.")
    return tuple(found.values())


def read_documents(client: Elasticsearch, index: ReadableIndex) -> Iterator[list[SourceDocument]]:
    """All documents, page by page; one may come twice after a break.

    Raises what ``explained`` makes of an answer, when trying again does not help.
    """
    place = _Place(0, FIRST_PAGE)
    while True:
        try:
            yield from _pages(client, index, place)
        except Forgotten:
            continue
        return


def page_body(
    pit: str, index: ReadableIndex, *, size: int, from_seq_no: int, after: Sequence[Any] | None
) -> dict[str, Any]:
    """The search for one page."""
    body: dict[str, Any] = {
        "pit": {"id": pit, "keep_alive": KEEP_ALIVE},
        "size": size,
        "sort": [{"_seq_no": {"order": "asc"}}],  # and, by the server, the place in the shard
        "track_total_hits": False,
        "query": {"range": {"_seq_no": {"gte": from_seq_no}}} if from_seq_no else {"match_all": {}},
        "_source": {"excludes": list(index.vectors)} if index.vectors else True,
    }
    if after is not None:
        body["search_after"] = list(after)
    return body


@dataclass(slots=True)
class _Place:
    """How far a scan is: the sequence number that a new point in time goes on with."""

    seq_no: int
    page: int


def _pages(
    client: Elasticsearch, index: ReadableIndex, place: _Place
) -> Iterator[list[SourceDocument]]:
    pit = open_point(client, index.index)
    after: Sequence[Any] | None = None
    start = place.seq_no
    try:
        while True:
            body = page_body(pit, index, size=place.page, from_seq_no=start, after=after)
            answer = search_point(client, body, reading=f"documents of {index.index}")
            pit = answer.get("pit_id", pit)
            hits = answer["hits"]["hits"]
            if not hits:
                return
            after = hits[-1]["sort"]
            documents = [_document(hit) for hit in hits]
            place.page = _next_page(documents)
            yield documents
            place.seq_no = int(hits[-1]["sort"][0])
    finally:
        close_point(client, pit)


def _next_page(documents: Sequence[SourceDocument]) -> int:
    """As many documents as make a page of the right weight, growing by steps."""
    mean = max(1, sum(len(each.line) for each in documents) // len(documents))
    return max(1, min(LARGEST_PAGE, len(documents) * 4, _PAGE_BYTES // mean))


def _document(hit: Mapping[str, Any]) -> SourceDocument:
    own, source = str(hit["_id"]), hit.get("_source")
    if source is None:
        return SourceDocument(own, b"")
    record: dict[str, Any] = {"id": own}
    for name, value in source.items():
        record[_free_name(source) if name.lower() == "id" else name] = value
    import orjson

    try:
        return SourceDocument(own, orjson.dumps(record) + b"\n")
    except TypeError:  # numbers beyond 64 bits and halves of surrogate pairs
        return SourceDocument(own, json.dumps(record).encode() + b"\n")


def _free_name(source: Mapping[str, Any]) -> str:
    name = "source_id"
    while name in source:
        name += "_"
    return name


def _mappings(client: Elasticsearch, name: str) -> dict[str, Mapping[str, Any]]:
    """Asked before anything else: a cluster that is not there is told at once."""
    with explained(f"looking up the index {name}"):
        try:
            answer = client.indices.get_mapping(index=name)
        except NotFoundError:
            return {}
    return {index: body["mappings"] for index, body in answer.items()}


def _vectors(properties: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, field in properties.items():
        path = f"{prefix}{name}"
        if field.get("type") in _VECTORS:
            yield path
        yield from _vectors(field.get("properties", {}), f"{path}.")
