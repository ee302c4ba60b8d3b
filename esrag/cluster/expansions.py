"""Weighted words of chunks, made by a text_expansion model: their field, and whether there are any.

The search template ``sparse`` ranks by them.  Knows nothing of how they are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esrag.cluster.client import explained
from esrag.errors import ConflictError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

EXPANSION_FIELD = "expansion"
HOW_TO_GET_SPARSE = (
    "Set model.sparse_id to a trained model of type text_expansion that is in the cluster, run "
    "esrag setup, and let all documents pass the model: esrag reembed --force --embed-again, or "
    "esrag ingest into a new document set."
)


def require_expansions(client: Elasticsearch, index: str) -> None:
    """Raise ConflictError when no chunk has weighted words, so that nothing could be found."""
    with explained(f"looking for expanded chunks in {index}"):
        answer = client.search(
            index=index,
            query={"exists": {"field": EXPANSION_FIELD}},
            size=0,
            terminate_after=1,
            track_total_hits=1,
        )
    if not answer["hits"]["total"]["value"]:
        raise ConflictError(
            f"no chunk of {index} has what the search template sparse ranks by (field "
            f"{EXPANSION_FIELD})",
            hint=HOW_TO_GET_SPARSE,
        )
