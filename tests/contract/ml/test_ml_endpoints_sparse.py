"""Sparse embeddings by an endpoint, and the queries that expand texts by one."""

from __future__ import annotations

from typing import Any

import pytest
from ml_calls import Caller
from scripted_generator import ScriptedGenerator


@pytest.fixture
def endpoint(admin: Caller, expander: str, prefix: str) -> str:
    """An endpoint over the deployed text_expansion model."""
    settings = {"model_id": expander, "deployment_id": expander}
    body = {"service": "elasticsearch", "service_settings": settings}
    answer = admin.ok("PUT", f"/_inference/sparse_embedding/{prefix}", body)
    assert answer["chunking_settings"] == {
        "strategy": "sentence",
        "max_chunk_size": 250,
        "sentence_overlap": 1,
    }
    return prefix


def test_texts_become_weighted_tokens(admin: Caller, endpoint: str) -> None:
    """Each token of a text has its weight, the heaviest first."""
    body = {"input": ["a a b", "c"]}
    assert admin.ok("POST", f"/_inference/sparse_embedding/{endpoint}", body) == {
        "sparse_embedding": [
            {"is_truncated": False, "embedding": {"a": 1.0, "b": 0.5}},
            {"is_truncated": False, "embedding": {"c": 0.5}},
        ]
    }


@pytest.fixture
def tokens(admin: Caller, prefix: str) -> str:
    """An index with weighted tokens for two documents."""
    index = f"{prefix}-tokens"
    mapping = {"properties": {"tokens": {"type": "sparse_vector"}}}
    admin.ok("PUT", f"/{index}", {"mappings": mapping})
    for name, weights in {"one": {"a": 2.0, "b": 1.0}, "two": {"b": 3.0}}.items():
        admin.ok("PUT", f"/{index}/_doc/{name}?refresh=true", {"tokens": weights})
    return index


def hits(admin: Caller, index: str, query: dict[str, Any]) -> list[tuple[str, float]]:
    """Ids and scores of the hits."""
    found = admin.ok("POST", f"/{index}/_search", {"query": query})["hits"]["hits"]
    return [(hit["_id"], hit["_score"]) for hit in found]


def test_a_query_is_expanded_by_an_endpoint_or_a_model(
    admin: Caller, endpoint: str, expander: str, tokens: str
) -> None:
    """`sparse_vector` with an inference id and the older `text_expansion` find the same."""
    expected = [("one", 2.5), ("two", 1.5)]
    for name in (endpoint, expander):
        query = {"field": "tokens", "inference_id": name, "query": "a a b"}
        found = hits(admin, tokens, {"sparse_vector": query})
        assert found == [(document, pytest.approx(score)) for document, score in expected]
        older = {"tokens": {"model_id": name, "model_text": "a a b"}}
        found = hits(admin, tokens, {"text_expansion": older})
        assert found == [(document, pytest.approx(score)) for document, score in expected]


def test_a_query_with_an_unknown_endpoint_is_refused(admin: Caller, tokens: str) -> None:
    """Neither an endpoint nor a model has the name."""
    query = {"field": "tokens", "inference_id": "nobody", "query": "a"}
    reply = admin("POST", f"/{tokens}/_search", {"query": {"sparse_vector": query}})
    assert reply.error[::2] == (
        404,
        "[nobody] is not an inference service model or a deployed ml model",
    )


def test_a_query_needs_tokens(admin: Caller, deployed: str, tokens: str) -> None:
    """A model that embeds does not expand."""
    query = {"field": "tokens", "inference_id": deployed, "query": "a"}
    reply = admin("POST", f"/{tokens}/_search", {"query": {"sparse_vector": query}})
    assert reply.error[::2] == (
        403,
        f"Trained model [{deployed}] is configured for task [text_embedding] but called with task"
        " [text_expansion]",
    )


def test_elser_is_refused_until_somebody_brings_it(admin: Caller, prefix: str) -> None:
    """The old service is taken for what it stands for; its model cannot be downloaded here."""
    settings = {"num_allocations": 1, "num_threads": 1}
    body = {"service": "elser", "service_settings": settings}
    reply = admin("PUT", f"/_inference/sparse_embedding/{prefix}", body)
    assert reply.status == 404
    assert reply.error[2].startswith("Model [.elser_model_2")
    named = {"service": "elasticsearch", "service_settings": settings | {"model_id": "nobody"}}
    reply = admin("PUT", f"/_inference/sparse_embedding/{prefix}", named)
    assert reply.error[::2] == (
        400,
        "Error parsing request config, model id does not match any models available on this"
        " platform. Was [nobody]. You may need to load it into the cluster using eland.",
    )


def test_a_server_may_weigh_the_tokens(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """One behind `hugging_face`; its weights come back as they are."""
    path = f"/_inference/sparse_embedding/{prefix}"
    settings = {"url": generator.at("/sparse"), "api_key": "a-secret"}
    answer = admin.ok("PUT", path, {"service": "hugging_face", "service_settings": settings})
    assert answer["service_settings"] == {
        "url": generator.at("/sparse"),
        "max_input_tokens": 512,
        "rate_limit": {"requests_per_minute": 3000},
    }
    assert admin.ok("POST", path, {"input": ["a b"]}) == {
        "sparse_embedding": [{"is_truncated": False, "embedding": {"a": 0.5, "b": 0.5}}]
    }
    assert generator.calls[-1].body == {"inputs": ["a b"]}
