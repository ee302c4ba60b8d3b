"""The index as ingest sees it: does it exist, what does it hold of a document, write, refresh.

Writes name the embed pipeline of the generation behind the alias, which raises what goes wrong
instead of keeping it as a dead letter.  When another generation takes over the alias meanwhile,
the answers tell, and what they speak of is sent again through its pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from elasticsearch import NotFoundError

from esrag.cluster.bulk import Action, Item, Verdict, send_bulk
from esrag.cluster.client import explained
from esrag.cluster.retry import retrying
from esrag.errors import ConflictError, UnavailableError
from esrag.names import Names, generation_of

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


@dataclass(frozen=True, slots=True)
class _Target:
    """The generation that writes go to, and the pipeline that embeds for it."""

    index: str
    pipeline: str | None


def _reached(item: Item, target: _Target) -> bool:
    """Whether the answer is of the generation that was meant; other indices are not generations."""
    return item.index == target.index or generation_of(item.index) is None


class ChunkIndex:
    """One document set's index, through its alias."""

    def __init__(self, client: Elasticsearch, names: Names) -> None:
        self._client = client
        self._names = names
        self._target: _Target | None = None
        self.alias = names.alias

    def cluster_id(self) -> str:
        """Identifies the cluster whatever address it has; the first request of a run."""
        with explained("connecting"):
            return str(self._client.info()["cluster_uuid"])

    def require(self) -> None:
        """Raises ConflictError when the alias does not exist: ingest creates no index."""
        self._target = self._find_target()

    def send(self, actions: Sequence[Action]) -> list[Item]:
        """One bulk request, sent once."""
        target = self._target or self._find_target()
        items = send_bulk(self._client, self.alias, actions, pipeline=target.pipeline)
        if all(_reached(item, target) for item in items):
            return items
        self._target = None
        return [
            item if _reached(item, target) else replace(item, verdict=Verdict.AGAIN, error=None)
            for item in items
        ]

    def _find_target(self) -> _Target:
        with explained(f"looking for {self.alias}"):
            try:
                found = self._client.indices.get_alias(name=self.alias).body
            except NotFoundError:
                found = {}
        if not found:
            raise ConflictError(
                f"there is no index behind {self.alias}", hint="Create it first: esrag setup"
            )
        written = [
            index
            for index, facts in sorted(found.items())
            if facts["aliases"][self.alias].get("is_write_index")
        ]
        index = (written or sorted(found))[-1]
        generation = generation_of(index)
        return _Target(index, self._names.embed_pipeline(generation) if generation else None)

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
