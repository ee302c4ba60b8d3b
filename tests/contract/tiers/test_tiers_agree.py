"""The client's way gives what the cluster's way gives: inputs, vectors, rankings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from elasticsearch import Elasticsearch
from tier_questions import sameness, sample_questions

from esrag.cluster.embedding import embed
from esrag.cluster.profile import Place, read_profile
from esrag.embedding.inputs import embedding_input
from esrag.resources import load_body
from esrag.retrieval import Retriever
from esrag.types import Query

if TYPE_CHECKING:
    from conftest import EmbeddedSet, Stack

    from esrag.embedding.process import Embedder

MODEL = "sentence-transformers__all-minilm-l6-v2"
TEXTS = (
    "",
    "a",
    "When did Siltbase 4.2.1 come out?",
    "Ünïcödé – naïve façade, STRASSE straße ǅ İstanbul",
    "東京都 は 日本 の 首都 です。 中文 分词 测试",
    "Привет, мир! Съешь ещё этих мягких французских булок",
    "مرحبا بالعالم שלום עולם नमस्ते दुनिया สวัสดีชาวโลก",
    "🚀🚀 👩‍👩‍👧 emoji ​ zero width ﬁ ligature",
    "[CLS] not special [SEP] here [PAD] [UNK]; guess the [MASK] now",
    "tabs\tand\nnewlines\r\n\x07 control",
    "https://docs.norrvane.example/a?b=c&d=e#f 192.168.0.1 v4.2.1-rc.1 QX-1042",
    "word " * 255,
    "one two three four five six seven eight nine ten " * 60,
    "x" * 5_000,
)
SOURCES: tuple[dict[str, Any], ...] = (
    {"context": "A › B", "text": "plain"},
    {"text": "no context"},
    {"context": "only context"},
    {"context": 'quotes " and \\ back', "text": "{{braces}} {{{three}}} <b>&amp;</b>\n\nlines"},
    {"context": "東京 🚀", "text": "  spaces  "},
)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of the angle between two vectors."""
    return (
        sum(x * y for x, y in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)
    )


def test_vectors_agree_in_all_scripts_and_lengths(
    embedded: EmbeddedSet, embedder: Embedder
) -> None:
    """Those that are cut off included, and those with special tokens in their words."""
    here = embedder.embed(TEXTS)
    there = embed(embedded.client, MODEL, TEXTS)
    agreements = {text[:30]: cosine(a, b) for text, a, b in zip(TEXTS, here, there, strict=True)}
    assert min(agreements.values()) >= 0.9999, agreements


def test_the_text_that_is_embedded_is_the_pipelines_own(embedded: EmbeddedSet) -> None:
    """The server fills in its mustache; ours must come out the same."""
    body = load_body("pipelines/ingest/embed.json")
    first = [step for step in body["processors"] if "set" in step][:1]
    docs = [{"_source": source} for source in SOURCES]
    answer = embedded.client.ingest.simulate(pipeline={"processors": first}, docs=docs)
    fill = embedding_input(body)
    for source, doc in zip(SOURCES, answer["docs"], strict=True):
        assert doc["doc"]["_source"]["embedding_input"] == fill(source)


def test_chunks_get_the_vectors_that_the_cluster_gave_them(
    embedded: EmbeddedSet, embedder: Embedder
) -> None:
    """From the sources in the index to vectors, all on this machine."""
    found = embedded.client.search(
        index=embedded.names.alias, size=200, source={"exclude_vectors": False}
    )
    sources = [hit["_source"] for hit in found["hits"]["hits"]]
    fill = embedding_input(load_body("pipelines/ingest/embed.json"))
    vectors = embedder.embed([fill(source) for source in sources], "ingest")
    assert len(sources) > 50
    lowest = min(
        cosine(vector, source["embedding"]) for vector, source in zip(vectors, sources, strict=True)
    )
    assert lowest >= 0.9999


def retriever(embedded: EmbeddedSet, embedder: Embedder, *places: Place) -> Retriever:
    """Searches the set in the way of another tier: (who embeds, who fuses)."""
    profile = read_profile(embedded.client, embedded.names.alias)
    if places:
        profile = replace(profile, embedding=places[0], fusion=places[1])
    return Retriever(
        embedded.client,
        embedded.names,
        model_id=MODEL,
        local=lambda _: embedder,
        profile=profile,
    )


@pytest.mark.parametrize("places", [("client", "client"), ("cluster", "client")])
def test_rankings_are_the_clusters_own_to_the_last_tie(
    embedded: EmbeddedSet, embedder: Embedder, places: tuple[Place, Place]
) -> None:
    """The same index asked in both ways: the same ten, in the same order, with the same scores."""
    there = retriever(embedded, embedder)
    here = retriever(embedded, embedder, *places)
    for question in sample_questions(180)[::12]:
        wanted, found = (each.retrieve(Query(question, 10)).hits for each in (there, here))
        assert sameness(wanted, found) == "exact", question
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in wanted])
        assert [hit.text for hit in found] == [hit.text for hit in wanted]


def test_a_licence_that_lost_rrf_changes_no_ranking(
    embedded: EmbeddedSet, embedder: Embedder, platinum_es: Elasticsearch
) -> None:
    """The set was made on a higher tier and says so; the refusal moves the fusion here."""
    asking = retriever(replace(embedded, client=platinum_es), embedder)
    found = asking.retrieve(Query("When did Siltbase 4.2.1 come out?", 10)).hits
    assert asking.profile.fusion == "client"
    assert asking.profile.embedding == "cluster"
    assert "9 April 2026" in found[0].text


def test_who_may_only_read_can_search_in_every_way(
    embedded: EmbeddedSet, embedder: Embedder, stack: Stack
) -> None:
    """The privilege ``read`` on the set's indices covers all calls of the client's way."""
    names = [embedded.names.alias, embedded.names.index_pattern]
    key = embedded.client.security.create_api_key(
        name=f"{embedded.names.set}-key",
        role_descriptors={"r": {"indices": [{"names": names, "privileges": ["read"]}]}},
    )
    with Elasticsearch(stack.elasticsearch_url, api_key=key["encoded"]) as client:
        asking = retriever(replace(embedded, client=client), embedder, "client", "client")
        assert read_profile(client, embedded.names.alias).model
        assert len(asking.retrieve(Query("When did Siltbase 4.2.1 come out?", 3)).hits) == 3
