"""The two generations of a copy, as indices of a real cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster import chunk_scan, indices
from esrag.cluster.bulk import Action, Item, send_bulk
from esrag.cluster.chunk_scan import StoredChunk

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True)
class IndexPair:
    """Reads from ``source``, writes to ``target``.

    With ``vectors`` these are read as well, and chunks come in the order in which they were
    written, so that equal scores keep their order.
    """

    client: Elasticsearch
    source: str
    target: str
    vectors: bool

    def pages(
        self, *, from_document: str = "", above: int | None = None
    ) -> Iterator[tuple[StoredChunk, ...]]:
        """The source's chunks in order, all that was acknowledged before this call included."""
        indices.refresh(self.client, self.source)
        return chunk_scan.scan(
            self.client,
            self.source,
            from_document=from_document,
            above=above,
            vectors=self.vectors,
            as_written=self.vectors,
        )

    def target_ids(self) -> Iterator[tuple[StoredChunk, ...]]:
        """The target's chunks without their content."""
        indices.refresh(self.client, self.target)
        return chunk_scan.scan(self.client, self.target, ids_only=True)

    def in_target(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """What the target holds under these ids."""
        return chunk_scan.read_by_id(self.client, self.target, ids)

    def in_source(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Which of these ids the source holds."""
        return chunk_scan.read_by_id(self.client, self.source, ids, ids_only=True)

    def send(self, actions: Sequence[Action], *, pipeline: str) -> list[Item]:
        """One bulk request to the target, sent once."""
        return send_bulk(self.client, self.target, actions, pipeline=pipeline)

    def counts(self) -> tuple[int, int]:
        """How many chunks a search sees on either side, after a refresh of both."""
        for index in (self.source, self.target):
            indices.refresh(self.client, index)
        return (
            indices.count_documents(self.client, self.source),
            indices.count_documents(self.client, self.target),
        )
