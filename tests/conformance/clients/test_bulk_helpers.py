"""elasticsearch-py's helpers for many documents: bulk, scan and reindex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from elasticsearch import helpers
from elasticsearch.helpers import BulkIndexError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

pytestmark = pytest.mark.suite(
    "elasticsearch-py helpers", "bulk, parallel bulk, scan and reindex of the official client"
)


def actions(index: str, number: int) -> list[dict[str, Any]]:
    """So many documents, numbered."""
    return [{"_index": index, "_id": str(n), "n": n, "odd": n % 2 == 1} for n in range(number)]


def test_streaming_bulk_tells_of_each_document(es: Elasticsearch, prefix: str) -> None:
    """In the order sent, in several requests."""
    told = list(helpers.streaming_bulk(es, actions(prefix, 25), chunk_size=10))
    assert all(ok for ok, _ in told)
    assert [item["index"]["_id"] for _, item in told] == [str(n) for n in range(25)]


def test_bulk_mixes_operations(es: Elasticsearch, prefix: str) -> None:
    """Index, create, update and delete in one request."""
    helpers.bulk(es, actions(prefix, 3), refresh=True)
    mixed = [
        {"_op_type": "create", "_index": prefix, "_id": "9", "n": 9},
        {"_op_type": "update", "_index": prefix, "_id": "0", "doc": {"n": 100}},
        {"_op_type": "delete", "_index": prefix, "_id": "1"},
    ]
    assert helpers.bulk(es, mixed, refresh=True) == (3, [])
    found = {hit["_id"]: hit["_source"]["n"] for hit in helpers.scan(es, index=prefix)}
    assert found == {"0": 100, "2": 2, "9": 9}


def test_bulk_raises_what_failed(es: Elasticsearch, prefix: str) -> None:
    """With the server's reason, beside those that went well."""
    es.indices.create(index=prefix, mappings={"properties": {"n": {"type": "integer"}}})
    wrong = [*actions(prefix, 2), {"_index": prefix, "_id": "x", "n": "no number"}]
    with pytest.raises(BulkIndexError) as caught:
        helpers.bulk(es, wrong, refresh=True)
    (error,) = caught.value.errors
    assert (error["index"]["_id"], error["index"]["status"]) == ("x", 400)
    assert error["index"]["error"]["type"] == "document_parsing_exception"
    assert es.count(index=prefix)["count"] == 2


def test_parallel_bulk(es: Elasticsearch, prefix: str) -> None:
    """Over several connections; nothing is lost."""
    told = helpers.parallel_bulk(es, actions(prefix, 60), thread_count=3, chunk_size=7)
    assert sum(ok for ok, _ in told) == 60
    es.indices.refresh(index=prefix)
    assert es.count(index=prefix)["count"] == 60


def test_scan_reads_everything_in_order(es: Elasticsearch, prefix: str) -> None:
    """Page by page, and the scroll is closed behind it."""
    helpers.bulk(es, actions(prefix, 47), refresh=True)
    wanted = {"query": {"term": {"odd": True}}, "sort": ["n"]}
    hits = list(helpers.scan(es, query=wanted, index=prefix, size=5, preserve_order=True))
    assert [hit["_source"]["n"] for hit in hits] == list(range(1, 47, 2))


def test_reindex_copies_by_a_query(es: Elasticsearch, prefix: str) -> None:
    """The client's own copying: it asks for data streams first, then scans and writes."""
    helpers.bulk(es, actions(prefix, 20), refresh=True)
    target = f"{prefix}-copy"
    odd = {"query": {"term": {"odd": True}}}
    assert helpers.reindex(es, prefix, target, query=odd, chunk_size=4) == (10, 0)
    es.indices.refresh(index=target)
    assert es.count(index=target, query={"term": {"odd": True}})["count"] == 10
    assert es.get(index=target, id="7")["_source"] == {"n": 7, "odd": True}


def test_reindex_into_a_data_stream(es: Elasticsearch, prefix: str) -> None:
    """There documents can only be created."""
    es.indices.put_index_template(
        name=prefix, index_patterns=[f"{prefix}-stream"], data_stream={}, priority=500
    )
    timed = [action | {"@timestamp": "2026-01-01"} for action in actions(prefix, 3)]
    helpers.bulk(es, timed, refresh=True)
    es.indices.create_data_stream(name=f"{prefix}-stream")
    copied = helpers.reindex(es, prefix, f"{prefix}-stream", op_type="create")
    es.indices.refresh(index=f"{prefix}-stream")
    assert copied == (3, 0)
    assert es.count(index=f"{prefix}-stream")["count"] == 3
    es.indices.delete_data_stream(name=f"{prefix}-stream")
