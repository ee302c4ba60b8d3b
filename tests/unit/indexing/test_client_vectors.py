"""Chunks get their vectors on this machine: which, once, and for one generation only."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from collections.abc import Sequence

import numpy as np
import pytest

from esrag.client_vectors import ClientVectors
from esrag.cluster.bulk import Action, Item, Verdict, bulk_body, chunk_source
from esrag.cluster.chunk_index import ChunkIndex
from esrag.cluster.delivery import Delivery, Sender
from esrag.cluster.pressure import Window
from esrag.embedding.inputs import embedding_input
from esrag.errors import ConflictError
from esrag.names import Names
from esrag.resources import load_body
from esrag.testing_elasticsearch import ElasticsearchFake, Reply, Request
from esrag.types import Chunk


def chunk(number: int, text: str) -> Action:
    """An action that indexes a chunk."""
    source = json.dumps({"context": "C", "text": text}).encode()
    return Action("index", f"id{number}", number, source)


def embed_lengths(texts: Sequence[str]) -> np.ndarray:
    """Two numbers for each text: its length, and a half."""
    return np.array([[len(text), 0.5] for text in texts], dtype=np.float32)


FILL = embedding_input(load_body("pipelines/ingest/embed.json"))


@pytest.mark.parametrize("base64", [True, False])
def test_each_chunk_gets_the_vector_of_its_own_text(base64: bool) -> None:
    """Deletions pass; the text is the pipeline's; all texts of a delivery go together."""
    asked: list[list[str]] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        asked.append(list(texts))
        return embed_lengths(texts)

    actions = [chunk(1, "a"), Action("delete", "gone", 2), chunk(3, "bbb")]
    made = ClientVectors(embed, FILL, base64=base64)(actions)
    assert asked == [["C\na", "C\nbbb"]]
    assert made[1] == actions[1]
    lines = [json.loads(line) for line in bulk_body(made).splitlines()]
    found = [line["embedding"] for line in lines if "embedding" in line]
    if base64:
        found = [list(struct.unpack(">2f", b64decode(vector))) for vector in found]
    assert found == [[3.0, 0.5], [5.0, 0.5]]
    assert [(one.id, one.key) for one in made] == [("id1", 1), ("gone", 2), ("id3", 3)]


def test_the_text_that_came_with_a_chunk_is_not_looked_for_again() -> None:
    """Nobody decodes what was encoded a moment ago."""
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return embed_lengths(texts)

    ClientVectors(embed, FILL, base64=True)([Action("index", "id", 1, b"no JSON", "its text")])
    assert asked == ["its text"]


def test_chunk_and_source_give_the_same_text() -> None:
    """Whether it is made of the chunk, or of what was made of the chunk."""
    whole = Chunk(
        id="i",
        document_id="d",
        position=0,
        start=0,
        end=4,
        text="Text",
        title="Title",
        heading_path=("Part", "Section"),
        source="s",
        url="",
        mime_type="text/plain",
        published="",
        metadata={"team": "blue"},
        content_hash="h",
    )
    pipeline = {"context": "{{{context}}} {{{url}}}{{{metadata.team}}} {{{text}}}"}
    fill = embedding_input(
        {"processors": [{"set": {"tag": "embedding-input", "value": pipeline["context"]}}]}
    )
    source = json.loads(chunk_source(whole, document_hash="x", run_id="r"))
    text = ClientVectors(embed_lengths, fill, base64=True).text_of(whole)
    assert text == fill(source)
    assert text.endswith("blue Text")


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
