"""Reads what an audit must know of every chunk, in the order of documents and positions.

No text and no vectors travel: a page has ten thousand chunks.  A scan sees the index as it was
when it began; when the server has forgotten that point in time, it goes on at the document where
it was, whose chunks then come once more, from the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elasticsearch import NotFoundError

from esrag.cluster.client import explained
from esrag.cluster.profile import FIELD
from esrag.cluster.retry import retrying
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PAGE = 5000
_KEEP_ALIVE = "5m"
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


class _ForgottenError(Exception):
    """The server no longer knows the point in time."""


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
        except _ForgottenError:
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
        "pit": {"id": pit, "keep_alive": _KEEP_ALIVE},
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
    pit = _open(client, alias)
    after: Sequence[Any] | None = None
    try:
        while True:
            body = facts_body(
                pit, from_document=from_document, origin=origin, after=after, page=page
            )
            answer = _search(client, alias, body)
            pit = str(answer.get("pit_id", pit))
            hits = answer["hits"]["hits"]
            yield from map(facts_of, hits)
            if len(hits) < page:
                return
            after = hits[-1]["sort"]
    finally:
        _close(client, pit)


def _search(client: Elasticsearch, alias: str, body: dict[str, Any]) -> Mapping[str, Any]:
    def call() -> Mapping[str, Any]:
        with explained(f"reading chunks of {alias}"):
            try:
                answer = client.search(body=body, allow_partial_search_results=False)
            except NotFoundError as error:
                if "search_context_missing" in str(error.body):
                    raise _ForgottenError from error
                raise
        found: object = answer.body
        if not isinstance(found, Mapping) or "hits" not in found:
            raise UnavailableError(
                f"the answer to a search of {alias} is none of Elasticsearch's",
                hint="Is a proxy in between?",
            )
        return found

    return retrying(call)


def _open(client: Elasticsearch, alias: str) -> str:
    def call() -> str:
        with explained(f"opening a point in time of {alias}"):
            return str(client.open_point_in_time(index=alias, keep_alive=_KEEP_ALIVE)["id"])

    return retrying(call)


def _close(client: Elasticsearch, pit: str) -> None:
    try:
        client.close_point_in_time(id=pit)
    except Exception:  # noqa: BLE001 - the server forgets it by itself; why reading ended matters
        return
