"""Which of some documents an index holds, by their ids: what is not there cannot be found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from esrag.cluster.client import explained
from esrag.cluster.retry import soon_again
from esrag.cluster.stored_documents import require_all_shards

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PAGE = 1000


def named_body(ids: Sequence[str]) -> dict[str, Any]:
    """The search for the documents of one page."""
    return {
        "size": 0,
        "track_total_hits": False,
        "query": {"terms": {"document_id": list(ids)}},
        "aggs": {"documents": {"terms": {"field": "document_id", "size": max(1, len(ids))}}},
    }


def read_named(answer: Mapping[str, Any]) -> set[str]:
    """The ids that an answer has."""
    require_all_shards(answer)
    return {str(each["key"]) for each in answer["aggregations"]["documents"]["buckets"]}


def held_among(client: Elasticsearch, index: str, ids: Iterable[str]) -> set[str]:
    """Those of ``ids`` that ``index`` holds; raises what ``explained`` makes of an answer."""
    left = iter(dict.fromkeys(ids))
    found: set[str] = set()
    while page := list(islice(left, PAGE)):
        body = named_body(page)

        def call(body: dict[str, Any] = body) -> set[str]:
            with explained(f"looking for documents in {index}"):
                return read_named(client.search(index=index, body=body).body)

        found |= soon_again(call)
    return found
