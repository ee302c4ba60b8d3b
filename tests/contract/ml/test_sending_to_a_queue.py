"""Chunks on their way through a deployment's queue, and vectors on their way past it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy
import pytest
from elasticsearch import Elasticsearch
from ml_calls import DIMENSIONS, Caller, upload

from esrag.cluster.bulk import Action, Item, Verdict, encoded_vectors, send_bulk
from esrag.cluster.delivery import Delivery
from esrag.cluster.gauge import Gauge
from esrag.cluster.pressure import Window, window_for
from esrag.roles import role

if TYPE_CHECKING:
    from conftest import Stack

QUEUE = 16
COUNT = 200
Send = Callable[[Sequence[Action]], list[Item]]


def actions(count: int) -> list[Action]:
    """Chunks of one word each."""
    return [Action("index", f"id{n}", n, b'{"text":"a %d"}' % n) for n in range(count)]


def rejected(admin: Caller, model_id: str) -> int:
    """How many inputs the deployment had no room for."""
    answer = admin.ok("GET", f"/_ml/trained_models/{model_id}/_stats")
    (entry,) = answer["trained_model_stats"]
    return int(entry["deployment_stats"].get("rejected_execution_count", 0))


@pytest.fixture
def send(es: Elasticsearch, admin: Caller, prefix: str, definition: bytes) -> Send:
    """Bulk requests into an index whose pipeline embeds with a deployment of a short queue."""
    upload(admin, prefix, definition)
    path = f"/_ml/trained_models/{prefix}/deployment/_start?timeout=60s&queue_capacity={QUEUE}"
    admin.ok("POST", path)
    fields = {"input_field": "text", "output_field": "embedding"}
    inference = {"model_id": prefix, "input_output": [fields]}
    es.ingest.put_pipeline(id=prefix, processors=[{"inference": inference}])
    es.indices.create(index=prefix)
    return lambda batch: send_bulk(es, prefix, batch, pipeline=prefix)


def test_a_queue_that_can_be_read_is_never_overrun(
    es: Elasticsearch, admin: Caller, prefix: str, send: Send
) -> None:
    """The first request fits already, whatever the settings say of the queue."""
    window, gauge = window_for(es, prefix, queue_capacity=1024)
    assert window.size * window.at_once <= QUEUE
    items = Delivery(send, window, gauge=gauge).deliver(actions(COUNT))
    assert Counter(item.verdict for item in items) == {Verdict.ACKNOWLEDGED: COUNT}
    assert rejected(admin, prefix) == 0


def test_without_statistics_the_refusals_suffice(admin: Caller, prefix: str, send: Send) -> None:
    """What found no room is sent again, in smaller requests, until all of it is in."""
    window = Window(COUNT)
    items = Delivery(send, window, chance=lambda: 0.0).deliver(actions(COUNT))
    assert Counter(item.verdict for item in items) == {Verdict.ACKNOWLEDGED: COUNT}
    assert len({item.action.id for item in items}) == COUNT
    assert rejected(admin, prefix) > 0
    assert window.size < COUNT


def test_the_tight_role_sees_the_queue_and_no_nodes(
    es: Elasticsearch, stack: Stack, deployed: str, prefix: str
) -> None:
    """A key of the documented role sees the memory of the nodes as well."""
    found = {}
    for documented in (False, True):
        descriptor = role("ingest", prefix, documented=documented).descriptor()
        key = es.security.create_api_key(name=prefix, role_descriptors=descriptor)
        client = Elasticsearch(stack.elasticsearch_url, api_key=key["encoded"])
        found[documented] = Gauge(client, deployed).read()
        client.close()
        es.security.invalidate_api_key(ids=[key["id"]])
    assert found[False].queue_capacity > 0
    assert found[False].allocations == 1
    assert found[False].memory is None
    assert found[True].memory is not None


def test_vectors_in_either_form_are_the_same_vectors(es: Elasticsearch, prefix: str) -> None:
    """Base64 passes an ingest pipeline and the mapping, as numbers do, bit by bit."""
    es.ingest.put_pipeline(id=prefix, processors=[{"set": {"field": "seen", "value": "yes"}}])
    vector = {"type": "dense_vector", "dims": DIMENSIONS, "similarity": "cosine"}
    es.indices.create(index=prefix, mappings={"properties": {"embedding": vector}})
    row = numpy.random.default_rng(3).standard_normal((1, DIMENSIONS)).astype(numpy.float32)
    batch = [
        replace(action, vector=encoded_vectors(row, base64=base64)[0])
        for action, base64 in zip(actions(2), (True, False), strict=True)
    ]
    items = send_bulk(es, prefix, [*batch, Action("delete", "gone", 9)], pipeline=prefix)
    assert [item.verdict for item in items] == [Verdict.ACKNOWLEDGED] * 3
    es.indices.refresh(index=prefix)
    hits = es.search(index=prefix, source_exclude_vectors=False)["hits"]["hits"]
    stored = [hit["_source"] for hit in hits]
    assert [source["seen"] for source in stored] == ["yes", "yes"]
    for source in stored:
        assert numpy.array_equal(numpy.asarray(source["embedding"], numpy.float32), row[0])


def test_each_refusal_of_a_shortened_answer_is_told(es: Elasticsearch, prefix: str) -> None:
    """Left out of an answer is only what nobody reads."""
    es.indices.create(index=prefix, mappings={"properties": {"number": {"type": "integer"}}})
    batch = [
        Action("index", "good", 1, b'{"number":1}'),
        Action("index", "bad", 2, b'{"number":"many"}'),
        Action("delete", "gone", 3),
    ]
    good, bad, gone = send_bulk(es, prefix, batch)
    assert (good.verdict, good.status, good.index) == (Verdict.ACKNOWLEDGED, 201, prefix)
    assert (bad.verdict, bad.status, bad.code) == (
        Verdict.REJECTED,
        400,
        "document_parsing_exception",
    )
    assert "many" in bad.reason
    assert gone.verdict is Verdict.ACKNOWLEDGED
