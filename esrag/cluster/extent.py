"""How much an index holds: documents, chunks and characters, counted by one search.

For estimates: distinct documents are counted approximately above some 40,000, and characters are
those of all chunks, so that what overlaps counts twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster.client import explained
from esrag.cluster.retry import soon_again
from esrag.cluster.stored_documents import require_all_shards

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_EXACT = 40_000  # the largest precision_threshold there is


@dataclass(frozen=True, slots=True)
class Extent:
    """What the caller may see of an index; characters of the chunks that say where they end."""

    documents: int
    chunks: int
    characters: int


def extent_body() -> dict[str, Any]:
    """The search that counts."""
    return {
        "size": 0,
        "track_total_hits": True,
        "aggs": {
            "documents": {"cardinality": {"field": "document_id", "precision_threshold": _EXACT}},
            "starts": {"sum": {"field": "start"}},
            "ends": {"sum": {"field": "end"}},
        },
    }


def read_extent(answer: Mapping[str, Any]) -> Extent:
    """The counts of an answer."""
    require_all_shards(answer)
    found = answer["aggregations"]
    return Extent(
        documents=int(found["documents"]["value"]),
        chunks=int(answer["hits"]["total"]["value"]),
        characters=max(0, round(found["ends"]["value"] - found["starts"]["value"])),
    )


def extent_of(client: Elasticsearch, index: str) -> Extent:
    """What stands behind ``index``, with the caller's rights."""

    def call() -> Extent:
        with explained(f"counting what is in {index}"):
            return read_extent(client.search(index=index, body=extent_body()).body)

    return soon_again(call)
