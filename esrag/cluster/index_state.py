"""Whether an index still holds what it held: a text that changes with every write; one search.

Each write gives its document a new sequence number, greater than all before it in its shard, so
count, greatest and sum over the documents there are cannot all stay what they were.  The names of
the indices behind an alias are a part: another generation begins to count anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from esrag.cluster.client import explained
from esrag.cluster.retry import soon_again
from esrag.cluster.stored_documents import require_all_shards
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_MOST_INDICES = 100


def state_body() -> dict[str, Any]:
    """The search that counts, by index."""
    numbers = {"stats": {"field": "_seq_no"}}
    by_index = {"terms": {"field": "_index", "size": _MOST_INDICES, "order": {"_key": "asc"}}}
    return {
        "size": 0,
        "track_total_hits": True,
        "aggs": {"indices": {**by_index, "aggs": {"numbers": numbers}}},
    }


def read_state(answer: Mapping[str, Any]) -> str:
    """The state in an answer, e.g. ``esrag-docs-hr-000001: 812 chunks, newest 811, sum 329266``."""
    require_all_shards(answer)
    try:
        parts = [
            f"{each['key']}: {each['doc_count']} chunks, newest {each['numbers']['max']:.0f}, "
            f"sum {each['numbers']['sum']:.0f}"
            for each in answer["aggregations"]["indices"]["buckets"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UnavailableError(
            f"Elasticsearch sent something that is not a search answer: {error!r}",
            hint="Is there a proxy in between?",
        ) from error
    return "; ".join(parts) or "no chunks"


def state_of(client: Elasticsearch, index: str) -> str:
    """The state of what stands behind ``index``, as the caller may see it."""

    def call() -> str:
        with explained(f"looking at what is in {index}"):
            return read_state(client.search(index=index, body=state_body()).body)

    return soon_again(call)
