"""Chunks get their vectors on this machine: which, once, and for one generation only."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.client_vectors import ClientVectors, with_vector
from esrag.cluster.bulk import Action, Item, Verdict
from esrag.cluster.chunk_index import ChunkIndex
from esrag.cluster.delivery import Delivery, Sender
from esrag.cluster.pressure import Window
from esrag.embedding.inputs import embedding_input
from esrag.errors import ConflictError
from esrag.names import Names
from esrag.resources import load_body
from esrag.testing_elasticsearch import ElasticsearchFake, Reply, Request


def chunk(number: int, text: str) -> Action:
    """An action that indexes a chunk."""
    source = json.dumps({"context": "C", "text": text}).encode()
    return Action("index", f"id{number}", number, source)


def test_each_chunk_gets_the_vector_of_its_own_text() -> None:
    """Deletions pass; the text is the pipeline's; all texts of a request go together."""
    asked: list[list[str]] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        asked.append(list(texts))
        return [[float(len(text)), 0.5] for text in texts]

    fill = embedding_input(load_body("pipelines/ingest/embed.json"))
    actions = [chunk(1, "a"), Action("delete", "gone", 2), chunk(3, "bbb")]
    one, gone, three = ClientVectors(embed, fill)(actions)
    assert asked == [["C\na", "C\nbbb"]]
    assert gone == actions[1]
    assert json.loads(one.source) == {"context": "C", "text": "a", "embedding": [3.0, 0.5]}
    assert json.loads(three.source)["embedding"] == [5.0, 0.5]
    assert (one.id, one.key, three.key) == ("id1", 1, 3)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_numbers_come_back_as_they_were(value: float) -> None:
    """Every float32 survives its text."""
    found = json.loads(with_vector(b'{"a":1}', [value]))["embedding"][0]
    assert struct.unpack("<f", struct.pack("<f", found))[0] == value


def test_vectors_are_made_once_though_chunks_are_sent_again() -> None:
    """A busy server does not cost another embedding."""
    made = 0
    answers = iter([Verdict.BUSY, Verdict.ACKNOWLEDGED])

    def prepare(actions: Sequence[Action]) -> Sequence[Action]:
        nonlocal made
        made += 1
        return actions

    def send(actions: Sequence[Action]) -> list[Item]:
        verdict = next(answers)
        return [Item(action, verdict) for action in actions]

    clock = iter(range(100))
    delivery = Delivery(send, Window(8), chance=lambda: -9.0, clock=lambda: float(next(clock)))
    sender = Sender(delivery, prepare=prepare)
    sender.submit([chunk(1, "a")])
    assert [item.verdict for item in sender.collect(timeout=10)] == [Verdict.ACKNOWLEDGED]
    assert made == 1


def test_vectors_of_one_model_never_follow_the_alias_to_another() -> None:
    """The alias moved while chunks were on their way: the run ends and can be continued."""
    index, model = "esrag-docs-hr-000001", "a" * 16

    def handler(request: Request) -> Reply:
        if request.path.endswith("_field_caps"):
            meta = {"model": [model], "embedding": ["client"], "fusion": ["client"]}
            field = {"dense_vector": {"type": "dense_vector", "meta": meta}}
            fields = {"embedding": field, "chunk_count": {"integer": {}}}
            return Reply(200, {"indices": [index], "fields": fields})
        aliases = {"aliases": {"esrag-docs-hr": {"is_write_index": True}}}
        return Reply(200, {index: aliases})

    chunks = ChunkIndex(ElasticsearchFake(handler).client(), Names("hr"))
    assert chunks.require().index == index
    assert (chunks.profile.embedding, chunks.profile.model) == ("client", model)
    index = "esrag-docs-hr-000002"
    assert chunks.require().index == index
    index, model = "esrag-docs-hr-000003", "b" * 16
    with pytest.raises(ConflictError, match="whose vectors are made otherwise"):
        chunks.require()
