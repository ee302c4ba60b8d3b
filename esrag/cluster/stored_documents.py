"""Which documents an index holds, by origin, run or name, and the ids of their chunks.

Place in the flow: what is to be removed is found here, and deleted chunk by chunk through bulk
requests, so that a delete by query (a privilege of its own, and conflicts of its own) is not
needed.  The bodies are pure functions; ``ChunkIndex`` sends them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from esrag.errors import UnavailableError, UsageError

PAGE = 1000  # documents
CHUNK_PAGE = 5000  # below index.max_result_window
_INSIDE = ("/", "#", "!/")  # between the name of a folder, file or archive and what is in it
_MAX_PATTERN = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """Documents that fit all that is said.

    ``origin`` is exact; ``below`` the path of a file or folder under it; ``source`` a pattern
    with ``*`` and ``?`` for the id, the source or the URL; ``run`` the id of the run that wrote
    them.
    """

    origin: str = ""
    below: str = ""
    source: str = ""
    run: str = ""

    def __post_init__(self) -> None:
        if not (self.origin or self.source or self.run):
            raise UsageError("say which documents: by origin, source or run")
        if self.below and not self.origin:
            raise UsageError("a path is below an origin: name that too")
        if len(self.source) > _MAX_PATTERN:
            raise UsageError(f"the pattern is longer than {_MAX_PATTERN} characters")

    def holds(self, document_id: str) -> bool:
        """Whether an id lies at or below ``below``."""
        return is_below(document_id, self.below)


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A document that an index holds, and how many of its chunks were selected."""

    id: str
    chunks: int
    origin: str = ""


def is_below(document_id: str, path: str) -> bool:
    """Whether a document is the file at ``path``, or in the folder or archive there."""
    if not path or document_id == path:
        return True
    return any(document_id.startswith(path + mark) for mark in _INSIDE)


def selection_query(selection: Selection) -> dict[str, Any]:
    """The query for the chunks of a selection; by id prefix only roughly, see ``holds``."""
    clauses: list[dict[str, Any]] = []
    if selection.origin:
        clauses.append({"term": {"origin": selection.origin}})
    if selection.below:
        clauses.append({"prefix": {"document_id": selection.below}})
    if selection.run:
        clauses.append({"term": {"run_id": selection.run}})
    if selection.source:
        pattern = _wildcard(selection.source)
        fields = ("document_id", "source", "url")
        clauses.append(
            {"bool": {"should": [{"wildcard": {name: {"value": pattern}}} for name in fields]}}
        )
    return {"bool": {"filter": clauses}}


def documents_body(
    selection: Selection, *, after: str | None = None, page: int = PAGE
) -> dict[str, Any]:
    """The search for one page of documents, in the order of their ids."""
    composite: dict[str, Any] = {
        "size": page,
        "sources": [{"document": {"terms": {"field": "document_id"}}}],
    }
    if after is not None:
        composite["after"] = {"document": after}
    return {
        "size": 0,
        "track_total_hits": False,
        "query": selection_query(selection),
        "aggs": {
            "documents": {
                "composite": composite,
                "aggs": {"origins": {"terms": {"field": "origin", "size": 1}}},
            }
        },
    }


def read_documents(answer: Mapping[str, Any]) -> tuple[list[HeldDocument], str | None]:
    """The documents of a page, and behind which one the next page begins; None at the end."""
    require_all_shards(answer)
    found = answer["aggregations"]["documents"]
    documents = []
    for bucket in found["buckets"]:
        origins = bucket["origins"]["buckets"]
        origin = str(origins[0]["key"]) if origins else ""
        documents.append(HeldDocument(str(bucket["key"]["document"]), bucket["doc_count"], origin))
    after = found.get("after_key")
    return documents, None if after is None else str(after["document"])


def chunks_body(document_ids: Sequence[str], *, origin: str = "") -> dict[str, Any]:
    """The search for the ids of chunks of these documents."""
    clauses: list[dict[str, Any]] = [{"terms": {"document_id": list(document_ids)}}]
    if origin:
        clauses.append({"term": {"origin": origin}})
    return {
        "size": CHUNK_PAGE,
        "track_total_hits": False,
        "_source": False,
        "sort": ["_doc"],
        "query": {"bool": {"filter": clauses}},
    }


def read_chunk_ids(answer: Mapping[str, Any]) -> list[str]:
    """The ids of an answer."""
    require_all_shards(answer)
    return [str(hit["_id"]) for hit in answer["hits"]["hits"]]


def require_all_shards(answer: Mapping[str, Any]) -> None:
    """Raises UnavailableError when a shard did not take part: what it holds would seem gone."""
    shards = answer.get("_shards", {})
    if shards.get("failed") or answer.get("timed_out"):
        raise UnavailableError(f"a shard did not answer: {shards}", hint="Run this again.")


def _wildcard(pattern: str) -> str:
    """``*`` and ``?`` as they are; a backslash is a letter like others."""
    return re.sub(r"\\", r"\\\\", pattern)
