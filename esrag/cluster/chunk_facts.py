"""Reads what an audit must know of every chunk, in the order of documents and positions.

No text and no vectors travel: a page has ten thousand chunks.  A scan sees the index as it was
when it began; when the server has forgotten that point in time, it goes on at the document where
it was, whose chunks then come once more, from the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster.point_in_time import (
    KEEP_ALIVE,
    Forgotten,
    close_point,
    open_point,
    search_point,
)
from esrag.cluster.profile import FIELD

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PAGE = 5000
_EMBEDDED = "embedded"
_FACTS = ("chunk_count", "document_hash", "run_id", "origin")


@dataclass(frozen=True, slots=True)
class ChunkFacts:
    """One chunk; ``position`` is -1 and ``chunk_count`` 0 when it does not say."""

    id: str
    document_id: str
    position: int
    chunk_count: int
    document_hash: str
    run_id: str
    origin: str
    embedded: bool


def read_facts(
    client: Elasticsearch, alias: str, *, origin: str = "", page: int = PAGE
) -> Iterator[ChunkFacts]:
    """Every chunk of the index, or of one origin; those without a document id come last."""
    from_document = ""
    while True:
        try:
            for facts in _read(client, alias, from_document, origin=origin, page=page):
                from_document = facts.document_id or from_document
                yield facts
        except Forgotten:
            continue
        return


def facts_body(
    pit: str,
    *,
    from_document: str = "",
    origin: str = "",
    after: Sequence[Any] | None = None,
    page: int = PAGE,
) -> dict[str, Any]:
    """The search for one page."""
    clauses: list[dict[str, Any]] = []
    if from_document:
        at_or_behind = {"range": {"document_id": {"gte": from_document}}}
        nameless = {"bool": {"must_not": [{"exists": {"field": "document_id"}}]}}
        clauses.append({"bool": {"should": [at_or_behind, nameless]}})
    if origin:
        clauses.append({"term": {"origin": origin}})
    body: dict[str, Any] = {
        "pit": {"id": pit, "keep_alive": KEEP_ALIVE},
        "size": page,
        "sort": [
            {"document_id": {"order": "asc", "missing": "_last"}},
            {"position": {"order": "asc", "missing": "_first"}},
        ],
        "track_total_hits": False,
        "_source": False,
        "docvalue_fields": [*_FACTS, "document_id", "position"],
        "query": {
            "bool": {
                "filter": [*clauses, {"match_all": {}}],
                "should": [{"exists": {"field": FIELD, "_name": _EMBEDDED}}],
            }
        },
    }
    if after is not None:
        body["search_after"] = list(after)
    return body


def facts_of(hit: Mapping[str, Any]) -> ChunkFacts:
    """The facts in a hit."""
    fields = hit.get("fields", {})

    def first(name: str, otherwise: Any) -> Any:
        return (fields.get(name) or [otherwise])[0]

    return ChunkFacts(
        id=str(hit["_id"]),
        document_id=str(first("document_id", "")),
        position=int(first("position", -1)),
        chunk_count=int(first("chunk_count", 0)),
        document_hash=str(first("document_hash", "")),
        run_id=str(first("run_id", "")),
        origin=str(first("origin", "")),
        embedded=_EMBEDDED in hit.get("matched_queries", ()),
    )


def _read(
    client: Elasticsearch, alias: str, from_document: str, *, origin: str, page: int
) -> Iterator[ChunkFacts]:
    pit = open_point(client, alias)
    after: Sequence[Any] | None = None
    try:
        while True:
            body = facts_body(
                pit, from_document=from_document, origin=origin, after=after, page=page
            )
            answer = search_point(client, body, reading=f"chunks of {alias}")
            pit = str(answer.get("pit_id", pit))
            hits = answer["hits"]["hits"]
            yield from map(facts_of, hits)
            if len(hits) < page:
                return
            after = hits[-1]["sort"]
    finally:
        close_point(client, pit)
