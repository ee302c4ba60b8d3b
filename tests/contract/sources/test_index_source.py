"""An existing index is read to its end, every document once, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from fault_proxy import FaultProxy

from esrag.cluster import index_reader
from esrag.cluster.client import connect
from esrag.cluster.index_reader import page_body, read_documents, readable_indices
from esrag.corpus.listing import Entry
from esrag.corpus.reading import read
from esrag.corpus.records import Listed, Parsed, Rejected
from esrag.corpus.spool import Spool
from esrag.errors import UsageError
from esrag.index_source import IndexSource


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """For the parts."""
    with Spool(tmp_path / "spool") as opened:
        yield opened


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few documents are several pages."""
    monkeypatch.setattr(index_reader, "FIRST_PAGE", 7)
    monkeypatch.setattr(index_reader, "LARGEST_PAGE", 7)


def filled(es: Elasticsearch, index: str, count: int, **body: Any) -> str:
    """An index with documents ``d0`` and so on, on two shards."""
    es.indices.create(
        index=index, settings={"number_of_shards": 2, "number_of_replicas": 0}, **body
    )
    operations: list[dict[str, Any]] = []
    for number in range(count):
        operations.append({"index": {"_id": f"d{number}"}})
        operations.append({"body": f"text of number {number}", "id": number})
    es.bulk(index=index, operations=operations, refresh=True)
    return index


def lines(entries: Iterator[Entry]) -> list[dict[str, Any]]:
    """All records of all parts."""
    found: list[dict[str, Any]] = []
    for entry in entries:
        assert isinstance(entry, Listed)
        assert entry.spooled
        found += [json.loads(line) for line in entry.path.read_text().splitlines()]
    return found


def test_every_document_of_an_index_becomes_a_record(
    es: Elasticsearch, prefix: str, spool: Spool
) -> None:
    """Its id is the document's, its own field of that name is kept; any parser reads the parts."""
    index = filled(es, f"{prefix}-a", 30)
    source = IndexSource(es, [index], spool=spool, part_bytes=500)
    entries = list(source.entries())
    assert len(entries) > 2
    assert {entry.name for entry in entries} == {index}
    assert [(each.uri, each.complete) for each in source.origins] == [
        (f"elasticsearch://{index}", True)
    ]
    documents: dict[str, Parsed] = {}
    for entry in entries:
        assert isinstance(entry, Listed)
        assert entry.origin == f"elasticsearch://{index}"
        for parsed in read(entry):
            assert isinstance(parsed, Parsed)
            documents[parsed.document.id] = parsed
    assert set(documents) == {f"{index}#d{number}" for number in range(30)}
    one = documents[f"{index}#d7"].document
    assert one.text == "text of number 7"
    assert one.metadata == {"source_id": "7"}


def test_a_point_in_time_that_is_forgotten_is_replaced(
    es: Elasticsearch, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out, and only the page at the break comes again."""
    index = filled(es, f"{prefix}-a", 40)
    opened: list[str] = []
    real = index_reader.open_point

    def remembered(client: Elasticsearch, name: str) -> str:
        opened.append(real(client, name))
        return opened[-1]

    monkeypatch.setattr(index_reader, "open_point", remembered)
    (readable,) = readable_indices(es, [index])
    found: list[str] = []
    for number, page in enumerate(read_documents(es, readable)):
        found += [document.id for document in page]
        if number in (1, 3):
            es.close_point_in_time(id=opened[-1])
    assert len(opened) == 3
    assert set(found) == {f"d{number}" for number in range(40)}
    assert len(found) <= 40 + 2 * 7


def test_an_index_is_read_once_whatever_breaks_and_changes(
    es: Elasticsearch, prefix: str, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents that change behind the reader are not read again after a break."""
    index = filled(es, f"{prefix}-a", 40)
    opened: list[str] = []
    real = index_reader.open_point
    monkeypatch.setattr(
        index_reader,
        "open_point",
        lambda client, name: opened.append(real(client, name)) or opened[-1],
    )
    entries = IndexSource(es, [index], spool=spool, part_bytes=300).entries()
    records = lines(iter([next(entries)]))
    es.index(index=index, id=records[0]["id"], document={"body": "changed"}, refresh=True)
    es.close_point_in_time(id=opened[-1])
    records += lines(entries)
    assert len(opened) == 2
    ids = [record["id"] for record in records]
    assert sorted(ids) == sorted(f"d{number}" for number in range(40))


@pytest.mark.parametrize("fault", ["lose", "cut", "503", "html"])
def test_lost_and_spoilt_answers_are_asked_for_again(
    fault: str, es: Elasticsearch, prefix: str, spool: Spool, stack: Any, monkeypatch: Any
) -> None:
    """Each third search is spoilt on its way."""
    index = filled(es, f"{prefix}-a", 40)
    monkeypatch.setattr("esrag.cluster.retry.LONGEST_WAIT", 0.01)
    proxy = FaultProxy(stack.elasticsearch_url)
    searches = 0

    def spoil(request: str) -> str:
        nonlocal searches
        searches += "/_search" in request
        return fault if "/_search" in request and searches % 3 == 2 else ""

    proxy.fault_at = spoil
    with proxy.running():
        client = connect(proxy.url, username=stack.username, password=stack.password)
        with client:
            records = lines(IndexSource(client, [index], spool=spool).entries())
    assert searches > 6
    assert sorted(each["id"] for each in records) == sorted(f"d{n}" for n in range(40))


def test_an_index_that_goes_away_is_a_rejection(
    es: Elasticsearch, prefix: str, spool: Spool
) -> None:
    """What was read before counts; nothing of the rest is taken for gone."""
    index = filled(es, f"{prefix}-a", 40)
    entries = IndexSource(es, [index], spool=spool, part_bytes=300).entries()
    first = next(entries)
    assert isinstance(first, Listed)
    es.indices.delete(index=index)
    (broken_off,) = (entry for entry in entries if isinstance(entry, Rejected))
    assert (broken_off.stage, broken_off.code) == ("list", "not_found")


def test_documents_without_a_source_are_rejected(
    es: Elasticsearch, prefix: str, spool: Spool
) -> None:
    """One by one, with the reason."""
    index = filled(es, f"{prefix}-a", 3, mappings={"_source": {"enabled": False}})
    entries = list(IndexSource(es, [index], spool=spool).entries())
    assert {entry.name for entry in entries} == {f"{index}#d{number}" for number in range(3)}
    assert {entry.code for entry in entries if isinstance(entry, Rejected)} == {"no_source"}


def test_vectors_are_left_behind(es: Elasticsearch, prefix: str, spool: Spool) -> None:
    """They are of another model, and no metadata."""
    vector = {"type": "dense_vector", "dims": 2}
    index = f"{prefix}-v"
    properties = {"v": vector, "deep": {"properties": {"w": vector}}}
    es.indices.create(index=index, mappings={"properties": properties})
    document = {"text": "words", "v": [1, 2], "deep": {"w": [1, 2], "kept": "yes"}}
    es.index(index=index, id="1", document=document, refresh=True)
    (record,) = lines(IndexSource(es, [index], spool=spool).entries())
    assert record == {"id": "1", "text": "words", "deep": {"kept": "yes"}}


def test_names_patterns_and_aliases_are_resolved(
    es: Elasticsearch, prefix: str, spool: Spool
) -> None:
    """An alias of one index lends its name; a missing one is told before anything is read."""
    first, second = filled(es, f"{prefix}-a", 1), filled(es, f"{prefix}-b", 2)
    es.indices.put_alias(index=first, name=f"{prefix}-now")
    assert [each.name for each in readable_indices(es, [f"{prefix}-now"])] == [f"{prefix}-now"]
    assert [each.name for each in readable_indices(es, [f"{prefix}-*", second])] == [first, second]
    with pytest.raises(UsageError, match=f"{prefix}-none"):
        IndexSource(es, [first, f"{prefix}-none", f"{prefix}-x*"], spool=spool)


def test_another_cluster_is_part_of_the_origin(
    es: Elasticsearch, prefix: str, spool: Spool
) -> None:
    """Two clusters may have an index of one name."""
    index = filled(es, f"{prefix}-a", 1)
    source = IndexSource(es, [index], spool=spool, host="other:9200")
    assert [each.uri for each in source.origins] == [f"elasticsearch://other:9200/{index}"]


def test_a_page_goes_on_where_the_last_one_ended() -> None:
    """Within a point in time by all sort values, in a new one by the sequence number."""
    index = index_reader.ReadableIndex("a", "a", ("v",))
    assert page_body("p", index, size=3, from_seq_no=9, after=[11, 4]) == {
        "pit": {"id": "p", "keep_alive": "5m"},
        "size": 3,
        "sort": [{"_seq_no": {"order": "asc"}}],
        "track_total_hits": False,
        "query": {"range": {"_seq_no": {"gte": 9}}},
        "_source": {"excludes": ["v"]},
        "search_after": [11, 4],
    }
