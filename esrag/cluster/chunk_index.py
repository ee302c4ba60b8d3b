"""The index as ingest sees it: does it exist, what does it hold of a document, write, refresh.

Reads go through the alias.  Writes go to the generation behind it, together with that
generation's own pipeline, so that vectors of one model never reach an index of another.  When the
alias has moved on, or is about to (``esrag reembed``), what was not acknowledged is sent to the
generation that took over.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from esrag.cluster import indices, stored_documents
from esrag.cluster.bulk import BLOCKED, BULK_TIMEOUT, Action, BulkRefused, Item, Verdict, send_bulk
from esrag.cluster.capabilities import require_version
from esrag.cluster.client import explained
from esrag.cluster.profile import Profile, read_profile
from esrag.cluster.retry import retrying
from esrag.cluster.stored_documents import HeldDocument, Selection, require_all_shards
from esrag.errors import ConflictError
from esrag.names import Names, generation_of

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

# a pipeline or index that was pruned after the alias had moved on
_AS_IF_GONE = (400, 404)
_FIRST_WITH_BASE64 = (9, 3)
_MAX_ORIGINS = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """What the index holds of one document: for each document hash, chunks and embedded chunks.

    ``origins`` are the places its chunks say they come from; those of older versions say nothing.
    """

    versions: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    last_position: int = -1
    origins: tuple[str, ...] = ()

    def is_exactly(self, document_hash: str, chunks: int) -> bool:
        """This version, whole, every chunk embedded, and nothing of another version."""
        whole = self.versions == {document_hash: (chunks, chunks)}
        return whole and self.last_position == chunks - 1

    def other_origins(self, origin: str) -> tuple[str, ...]:
        """Where else the document comes from; nothing when this place, or nobody, claims it."""
        return () if not self.origins or origin in self.origins else self.origins


@dataclass(frozen=True, slots=True)
class Target:
    """Where writes go: an index, and its generation's pipeline."""

    index: str
    pipeline: str


class ChunkIndex:
    """One document set's index, through its alias.

    ``profile`` is known after ``require``; ``takes_base64``, whether vectors may be sent in that
    form, after ``cluster_id``.
    """

    def __init__(self, client: Elasticsearch, names: Names) -> None:
        self._client = client
        self._writer = client.options(request_timeout=BULK_TIMEOUT)
        self._names = names
        self._target: Target | None = None
        self._lock = threading.Lock()
        self.alias = names.alias
        self.cluster = self.version = ""  # known after ``cluster_id``
        self.profile = Profile()
        self.is_one_shard = False  # not known before the first look
        self.takes_base64 = False

    def cluster_id(self) -> str:
        """Identifies the cluster whatever address it has; the first request of a run."""
        with explained("connecting"):
            info = self._client.info()
        self.cluster, self.version = str(info["cluster_uuid"]), str(info["version"]["number"])
        if info["version"].get("build_flavor") != "serverless":  # it goes by no version
            require_version(self.version, str(info["version"].get("distribution", "")))
        self.takes_base64 = _takes_base64(info["version"])
        return self.cluster

    def require(self) -> Target:
        """Where writes go now; raises ConflictError without an alias: ingest creates no index."""
        index = indices.write_index(self._client, self.alias)
        if index is None:
            raise ConflictError(
                f"there is no index behind {self.alias}", hint="Create it first: esrag setup"
            )
        generation = generation_of(index)
        if generation is None or index != self._names.index(generation):
            raise ConflictError(
                f"{self.alias} leads to {index}, which esrag did not make",
                hint="Let the alias lead to a generation of the set, or choose another set: --set",
            )
        target = Target(index, self._names.embed_pipeline(generation))
        if self._target != target:
            self._take_profile(read_profile(self._client, index))
        with self._lock:
            self._target = target
        return target

    def _take_profile(self, profile: Profile) -> None:
        """Chunks on their way to one generation may carry vectors; they fit its model only."""
        if profile.outdated:
            raise ConflictError(
                f"the index behind {self.alias} lacks fields that this version of esrag writes",
                hint="Add them, without touching a document: esrag setup",
            )
        before = self._target and self.profile
        moved = before and (before.embedding, before.model) != (profile.embedding, profile.model)
        if before and moved and "client" in (before.embedding, profile.embedding):
            raise ConflictError(
                f"{self.alias} moved to a generation whose vectors are made otherwise "
                f"(model {profile.model or 'unknown'}, in the {profile.embedding})",
                hint="Run the same command again; it continues with that model.",
            )
        self.profile = profile

    def send(self, actions: Sequence[Action]) -> list[Item]:
        """One bulk request, sent once; a refusal counts only if the alias still leads there."""
        target = self._target or self.require()
        try:
            items = send_bulk(
                self._writer, target.index, actions, pipeline=target.pipeline, timeout=None
            )
        except BulkRefused as refused:
            if refused.status in _AS_IF_GONE and not self._stays(target):
                raise BulkRefused(
                    Verdict.AGAIN, refused.status, refused.text, refused.error
                ) from refused
            raise
        final = [item for item in items if item.verdict in (Verdict.REJECTED, Verdict.STOP)]
        if not final or (self._stays(target) and not self._is_left(target, final)):
            return items
        return [_again(item) if item in final else item for item in items]

    def _stays(self, target: Target) -> bool:
        """Whether the alias still leads to ``target``; otherwise the next request goes on."""
        return retrying(self.require) == target

    def _is_left(self, target: Target, refused: Sequence[Item]) -> bool:
        """Whether the block that met a chunk is that of a re-embedding, which passes."""
        if all(item.code != BLOCKED for item in refused):
            return False
        mapping = retrying(lambda: indices.read_mapping(self._client, target.index))
        return bool(indices.own_meta(mapping or {}).get(indices.MOVING_TO))

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
            self.is_one_shard = answer.body.get("_shards", {}).get("total") == 1
            return read_stored(answer.body)

        return retrying(call) if document_ids else {}

    def origins(self) -> dict[str, int]:
        """The origins of what a search sees, and how many chunks each has."""

        def call() -> dict[str, int]:
            with explained(f"reading from {self.alias}"):
                answer = self._client.search(
                    index=self.alias,
                    size=0,
                    track_total_hits=False,
                    aggs={"origins": {"terms": {"field": "origin", "size": _MAX_ORIGINS}}},
                    allow_partial_search_results=False,
                )
            return read_origins(answer.body)

        return retrying(call)

    def documents(self, selection: Selection) -> Iterator[HeldDocument]:
        """The documents of a selection that a search sees, in the order of their ids."""
        after: str | None = None
        while True:
            body = stored_documents.documents_body(selection, after=after)
            page, after = stored_documents.read_documents(self._searched(body))
            yield from (each for each in page if selection.holds(each.id))
            if after is None or not page:
                return

    def chunk_ids(self, document_ids: Sequence[str], *, origin: str = "") -> list[str]:
        """The ids of chunks of these documents that a search sees; not more than a page."""
        body = stored_documents.chunks_body(document_ids, origin=origin)
        return stored_documents.read_chunk_ids(self._searched(body)) if document_ids else []

    def _searched(self, body: dict[str, Any]) -> Mapping[str, Any]:
        def call() -> Mapping[str, Any]:
            with explained(f"reading from {self.alias}"):
                answer = self._client.search(
                    index=self.alias, body=body, allow_partial_search_results=False
                )
            found: Mapping[str, Any] = answer.body
            return found

        return retrying(call)


def _takes_base64(version: Mapping[str, Any]) -> bool:
    """Vectors in base64 came with 9.3; without servers of one's own there is no older version."""
    if version.get("build_flavor") == "serverless":
        return True
    major, _, rest = str(version.get("number", "")).partition(".")
    minor = rest.partition(".")[0]
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= _FIRST_WITH_BASE64


def _again(item: Item) -> Item:
    """An item whose refusal was about an index that is being left."""
    return replace(item, verdict=Verdict.AGAIN, error=None)


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
                "aggs": {
                    "versions": versions,
                    "origins": {"terms": {"field": "origin", "size": 3}},
                    "last": {"max": {"field": "position"}},
                },
            }
        },
    }


def read_origins(answer: Mapping[str, Any]) -> dict[str, int]:
    """The buckets of an answer."""
    found = answer.get("aggregations", {}).get("origins", {}).get("buckets", ())
    return {str(bucket["key"]): int(bucket["doc_count"]) for bucket in found}


def read_stored(answer: Mapping[str, Any]) -> dict[str, Stored]:
    """The buckets of an answer; raises UnavailableError when a shard did not take part."""
    require_all_shards(answer)
    found: dict[str, Stored] = {}
    for document in answer["aggregations"]["documents"]["buckets"]:
        versions = {
            version["key"]: (version["doc_count"], version["embedded"]["doc_count"])
            for version in document["versions"]["buckets"]
        }
        if sum(count for count, _ in versions.values()) != document["doc_count"]:
            versions[""] = (document["doc_count"], 0)  # chunks without a hash: never "exactly"
        last = document["last"]["value"]
        origins = tuple(str(each["key"]) for each in document["origins"]["buckets"])
        found[document["key"]] = Stored(versions, -1 if last is None else int(last), origins)
    return found
