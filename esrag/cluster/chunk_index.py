"""The index as ingest sees it: does it exist, what does it hold of a document, write, refresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esrag.cluster.bulk import Action, Item, send_bulk
from esrag.cluster.client import explained
from esrag.cluster.retry import retrying
from esrag.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True)
class Stored:
    """What the index holds of one document: for each document hash, chunks and embedded chunks."""

    versions: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    last_position: int = -1

    def is_exactly(self, document_hash: str, chunks: int) -> bool:
        """This version, whole, every chunk embedded, and nothing of another version."""
        whole = self.versions == {document_hash: (chunks, chunks)}
        return whole and self.last_position == chunks - 1


class ChunkIndex:
    """One document set's index, through its alias."""

    def __init__(self, client: Elasticsearch, alias: str) -> None:
        self._client = client
        self.alias = alias

    def cluster_id(self) -> str:
        """Identifies the cluster whatever address it has; the first request of a run."""
        with explained("connecting"):
            return str(self._client.info()["cluster_uuid"])

    def require(self) -> None:
        """Raises ConflictError when the alias does not exist: ingest creates no index."""
        with explained(f"looking for {self.alias}"):
            exists = bool(self._client.indices.exists_alias(name=self.alias))
        if not exists:
            raise ConflictError(
                f"there is no index behind {self.alias}", hint="Create it first: esrag setup"
            )

    def send(self, actions: Sequence[Action]) -> list[Item]:
        """One bulk request, sent once."""
        return send_bulk(self._client, self.alias, actions)

    def refresh(self) -> None:
        """Make all writes visible to ``stored`` and to searches."""

        def call() -> None:
            with explained(f"refreshing {self.alias}"):
                self._client.indices.refresh(index=self.alias)

        retrying(call)

    def stored(self, document_ids: Sequence[str]) -> dict[str, Stored]:
        """What a search sees of these documents; those it does not know are left out."""

        def call() -> dict[str, Stored]:
            with explained(f"reading from {self.alias}"):
                answer = self._client.search(
                    index=self.alias,
                    body=stored_body(document_ids),
                    allow_partial_search_results=False,
                )
            return read_stored(answer.body)

        return retrying(call) if document_ids else {}


def stored_body(document_ids: Sequence[str]) -> dict[str, Any]:
    """The search for a number of documents: one bucket each, by hash, without hits."""
    embedded = {"filter": {"exists": {"field": "embedding"}}}
    versions = {
        "terms": {"field": "document_hash", "size": 20},
        "aggs": {"embedded": embedded},
    }
    return {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": [{"terms": {"document_id": list(document_ids)}}]}},
        "aggs": {
            "documents": {
                "terms": {"field": "document_id", "size": len(document_ids)},
                "aggs": {"versions": versions, "last": {"max": {"field": "position"}}},
            }
        },
    }


def read_stored(answer: Mapping[str, Any]) -> dict[str, Stored]:
    """The buckets of an answer; raises UnavailableError when a shard did not take part."""
    shards = answer.get("_shards", {})
    if shards.get("failed") or answer.get("timed_out"):
        raise UnavailableError(f"a shard did not answer: {shards}", hint="Run this again.")
    found: dict[str, Stored] = {}
    for document in answer["aggregations"]["documents"]["buckets"]:
        versions = {
            version["key"]: (version["doc_count"], version["embedded"]["doc_count"])
            for version in document["versions"]["buckets"]
        }
        if sum(count for count, _ in versions.values()) != document["doc_count"]:
            versions[""] = (document["doc_count"], 0)  # chunks without a hash: never "exactly"
        last = document["last"]["value"]
        found[document["key"]] = Stored(versions, -1 if last is None else int(last))
    return found
