"""The lower tiers: refusals in the server's words, and the ways from one tier to another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from elasticsearch import AuthorizationException

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch

ALL = {"standard": {"query": {"match_all": {}}}}
FUSIONS: dict[str, dict[str, Any]] = {
    "Reciprocal Rank Fusion (RRF)": {"rrf": {"retrievers": [ALL, ALL]}},
    "linear retriever": {"linear": {"retrievers": [{"retriever": ALL}]}},
    "text_similarity_reranker": {
        "text_similarity_reranker": {
            "retriever": ALL,
            "inference_id": "any",
            "inference_text": "a question",
            "field": "text",
        }
    },
}
MODEL = {
    "model_type": "pytorch",
    "inference_config": {"text_embedding": {}},
    "input": {"field_names": ["text_field"]},
}


def refusal(error: AuthorizationException) -> tuple[int, str, str]:
    """Status, type and reason."""
    return error.status_code, error.body["error"]["type"], error.body["error"]["reason"]


def non_compliant(feature: str) -> tuple[int, str, str]:
    """What the server says when the licence does not cover a feature."""
    return 403, "security_exception", f"current license is non-compliant for [{feature}]"


@pytest.mark.parametrize("feature", FUSIONS)
def test_platinum_refuses_fusion_and_reranking(platinum_es: Elasticsearch, feature: str) -> None:
    """They belong to the Enterprise tier."""
    with pytest.raises(AuthorizationException) as caught:
        platinum_es.search(index="_all", retriever=FUSIONS[feature])
    assert refusal(caught.value) == non_compliant(feature)


def test_platinum_refuses_inference_endpoints(platinum_es: Elasticsearch, prefix: str) -> None:
    """Listing them stays allowed."""
    service = {"service": "hugging_face", "service_settings": {"url": "http://x", "api_key": "x"}}
    with pytest.raises(AuthorizationException) as caught:
        platinum_es.inference.put(
            task_type="completion", inference_id=prefix, inference_config=service
        )
    assert refusal(caught.value) == non_compliant("inference")
    assert platinum_es.inference.get()["endpoints"] is not None


def test_platinum_allows_trained_models(platinum_es: Elasticsearch, prefix: str) -> None:
    """Machine learning is of that tier."""
    made = platinum_es.ml.put_trained_model(model_id=prefix, **MODEL)
    assert made["model_id"] == prefix


def test_platinum_is_named_where_features_are_listed(platinum_es: Elasticsearch) -> None:
    """GET _xpack says what the stack behaves like."""
    assert platinum_es.xpack.info(categories=["license"])["license"]["mode"] == "platinum"


def test_fusion_works_again_after_platinum(stack: Stack, es: Elasticsearch, prefix: str) -> None:
    """A test at the lower tier leaves nothing behind."""
    es.indices.create(index=prefix)
    fused = es.search(index=prefix, retriever=FUSIONS["Reciprocal Rank Fusion (RRF)"])
    assert fused["hits"]["total"]["value"] == 0


def test_a_basic_stack_has_a_basic_licence(basic_es: Elasticsearch) -> None:
    """The server's own, which does not end."""
    licence = basic_es.license.get()["license"]
    assert (licence["type"], "expiry_date" in licence) == ("basic", False)


@pytest.mark.parametrize("feature", FUSIONS)
def test_basic_refuses_fusion_and_reranking(basic_es: Elasticsearch, feature: str) -> None:
    """As under Platinum."""
    with pytest.raises(AuthorizationException) as caught:
        basic_es.search(index="_all", retriever=FUSIONS[feature])
    assert refusal(caught.value) == non_compliant(feature)


def test_basic_refuses_trained_models(basic_es: Elasticsearch, basic_prefix: str) -> None:
    """In the words of machine learning."""
    with pytest.raises(AuthorizationException) as caught:
        basic_es.ml.put_trained_model(model_id=basic_prefix, **MODEL)
    assert refusal(caught.value) == non_compliant("ml")


def test_basic_searches_vectors(basic_es: Elasticsearch, basic_prefix: str) -> None:
    """Vectors that a client brings belong to every tier."""
    vector = {"type": "dense_vector", "dims": 2, "similarity": "cosine"}
    basic_es.indices.create(index=basic_prefix, mappings={"properties": {"v": vector}})
    basic_es.index(index=basic_prefix, id="1", document={"v": [1.0, 0.0]}, refresh=True)
    found = basic_es.search(
        index=basic_prefix, knn={"field": "v", "query_vector": [1.0, 0.0], "k": 1}
    )
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]


def test_status_names_the_tier(basic_stack: Stack) -> None:
    """In the table and for programs."""
    told = json.loads(basic_stack.esrag("local", "status", "--json").stdout)
    assert {one["name"]: one["tier"] for one in told}["elasticsearch"] == "basic"
    assert "Tier: basic" in basic_stack.esrag("local", "status").stdout


def test_an_up_without_a_tier_keeps_it(basic_stack: Stack) -> None:
    """And leaves the servers alone."""
    before = json.loads(basic_stack.esrag("local", "status", "--json").stdout)
    up = basic_stack.esrag("local", "up", "--only", "elasticsearch", "--json")
    told = json.loads(up.stdout)
    assert [one["pids"] for one in told] == [one["pids"] for one in before]
    assert told[0]["tier"] == "basic"


@pytest.mark.long
def test_ways_between_tiers(start_stack: Any) -> None:
    """From a trial to Basic and back once, as a cluster may; then the server refuses."""
    members = ("--only", "elasticsearch", "--only", "mlnode")
    with start_stack("--tier", "basic", *members, heap="512m") as stack:

        def up(tier: str) -> tuple[int, str]:
            done = stack.esrag("local", "up", "--fast-start", "--tier", tier, *members)
            told = json.loads(stack.esrag("local", "status", "--json").stdout)
            return done.returncode, told[0]["tier"]

        assert up("platinum") == (0, "platinum")
        assert up("basic") == (0, "basic")
        refused = stack.esrag("local", "up", "--fast-start", "--tier", "enterprise", *members)
        assert refused.returncode == 7
        assert "Trial was already activated" in refused.stderr
        assert up("basic") == (0, "basic")
