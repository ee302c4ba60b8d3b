"""What a searcher sees while documents change, and how documents leave the index."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ingest_desk import Desk

from esrag.cluster.chunk_index import ChunkIndex
from esrag.corpus.origins import file_uri
from esrag.indexing import Selection, find, forget
from esrag.ledger import Ledger
from esrag.names import Names

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

SMALL_BATCHES = {"ESRAG_MODEL_QUEUE_CAPACITY": "16"}


@contextmanager
def searching(desk: Desk) -> Iterator[list[dict[str, Any]]]:
    """Look all the time, refreshing; gives the documents that had two versions at once."""
    mixed: list[dict[str, Any]] = []
    looks = 0
    stop = threading.Event()
    versions = {"hashes": {"terms": {"field": "document_hash"}}}
    documents = {"documents": {"terms": {"field": "document_id", "size": 100}, "aggs": versions}}

    def look() -> None:
        nonlocal looks
        while not stop.is_set():
            desk.es.indices.refresh(index=desk.alias)
            answer = desk.es.search(index=desk.alias, size=0, aggs=documents)
            looks += 1
            mixed.extend(
                bucket
                for bucket in answer["aggregations"]["documents"]["buckets"]
                if len(bucket["hashes"]["buckets"]) > 1
            )

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield mixed
    finally:
        stop.set()
        thread.join()
    assert looks > 5


def make_anew(desk: Desk, *, shards: int = 1) -> None:
    """The index with other settings, and with the URL field that the shipped mapping has."""
    index = f"{desk.alias}-000001"
    mappings = desk.es.indices.get(index=index)[index]["mappings"]
    mappings["properties"]["url"] = {"type": "keyword"}
    desk.es.indices.delete(index=index)
    desk.es.indices.create(
        index=index,
        mappings=mappings,
        settings={"index": {"default_pipeline": desk.pipeline, "number_of_shards": shards}},
        aliases={desk.alias: {"is_write_index": True}},
    )


@pytest.mark.parametrize("shards", [1, 3])
def test_no_search_finds_two_versions_of_a_document(desk: Desk, shards: int) -> None:
    """While documents of several requests each are replaced, longer and shorter ones."""
    make_anew(desk, shards=shards)
    sizes = [1, 3, 12, 30]
    for number, size in enumerate(sizes * 2):
        desk.write(f"{number:02}.md", size, "old")
    assert desk.ingest(**SMALL_BATCHES).code == 0
    for number, size in enumerate(reversed(sizes * 2)):
        desk.write(f"{number:02}.md", size, "new")
    with searching(desk) as mixed:
        outcome = desk.ingest(**SMALL_BATCHES)
    assert outcome.counts == {"listed": 8, "indexed": 8}
    assert mixed == []
    expected = {f"{n:02}.md": list(range(s)) for n, s in enumerate(reversed(sizes * 2))}
    assert desk.chunks() == expected


def test_documents_are_found_and_forgotten(
    desk: Desk, es: Elasticsearch, prefix: str, tmp_path: Path
) -> None:
    """By path, by source, by run, by origin; the index and the book say the same afterwards."""
    make_anew(desk)
    (desk.docs / "guides").mkdir()
    for name, sections in (("a.md", 3), ("b.md", 1), ("guides.md", 1), ("guides/c.md", 2)):
        desk.write(name, sections)
    assert desk.ingest().code == 0
    index = ChunkIndex(es, Names(prefix))
    origin = file_uri(desk.docs)
    assert index.origins() == {origin: 7}
    below = Selection(origin=origin, below="guides")
    assert (find(index, below).documents, find(index, below).chunks) == (1, 2)
    (run,) = {
        hit["_source"]["run_id"] for hit in es.search(index=desk.alias, size=9)["hits"]["hits"]
    }
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert forget(index, ledger, below).first == ["guides/c.md"]
        assert forget(index, ledger, Selection(source="a.*")).chunks == 3
        assert set(desk.chunks()) == {"b.md", "guides.md"}
        assert find(index, Selection(run=run)).by_origin == {origin: 2}
        assert forget(index, ledger, Selection(run=run, origin=origin)).documents == 2
    assert desk.chunks() == {}
    assert desk.ingest().counts == {"listed": 4, "indexed": 4}
