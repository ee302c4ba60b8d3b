"""The text_similarity_reranker retriever: hits in the order of a reranking endpoint."""

from __future__ import annotations

import math
from typing import Any

import pytest
from ml_calls import Accounts, Caller

TEXTS = {"one": "c d", "two": "a b c", "three": "a c", "four": "a b a"}


@pytest.fixture
def endpoint(admin: Caller, reranker: str, prefix: str) -> str:
    """A reranking endpoint: words in common with the question, less 1.5."""
    settings = {"model_id": reranker, "deployment_id": reranker}
    body = {"service": "elasticsearch", "service_settings": settings}
    admin.ok("PUT", f"/_inference/rerank/{prefix}", body)
    return prefix


@pytest.fixture
def index(admin: Caller, prefix: str) -> str:
    """Four documents with a text and a number."""
    name = f"{prefix}-texts"
    properties = {"text": {"type": "text"}, "number": {"type": "integer"}}
    admin.ok("PUT", f"/{name}", {"mappings": {"properties": properties}})
    lines: list[dict[str, Any]] = []
    for number, (document, text) in enumerate(TEXTS.items()):
        lines += [{"index": {"_id": document}}, {"text": text, "number": number}]
    admin.ok("POST", f"/{name}/_bulk?refresh=true", lines)
    return name


def rerank(endpoint: str, inner: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The retriever over all documents, the highest numbers first."""
    function = {"field_value_factor": {"field": "number", "modifier": "ln2p"}}
    standard = inner or {"standard": {"query": {"function_score": function}}}
    asked = {"inference_id": endpoint, "inference_text": "a b", "field": "text"}
    return {"text_similarity_reranker": {"retriever": standard} | asked | more}


def search(admin: Caller, index: str, retriever: dict[str, Any], **more: Any) -> Any:
    """The answer to a search by a retriever."""
    return admin.ok("POST", f"/{index}/_search", {"retriever": retriever} | more)


def found(answer: Any) -> dict[str, float]:
    """Scores by id, in the order of the hits."""
    return {hit["_id"]: hit["_score"] for hit in answer["hits"]["hits"]}


def test_hits_take_the_order_of_the_reranker(admin: Caller, index: str, endpoint: str) -> None:
    """Scores are shifted so that none is negative: positive ones beyond 1, others below."""
    answer = search(admin, index, rerank(endpoint))
    scores = found(answer)
    assert list(scores) == ["four", "two", "three", "one"]
    assert list(scores.values()) == pytest.approx(
        [1 + 1.5, 1 + 0.5, math.exp(-0.5), math.exp(-1.5)], rel=1e-5
    )
    assert answer["hits"]["total"]["value"] == 4


def test_only_the_window_is_reranked(admin: Caller, index: str, endpoint: str) -> None:
    """The inner retriever decides which hits are in it, and a filter holds for it."""
    scores = found(search(admin, index, rerank(endpoint, rank_window_size=2), size=2))
    assert list(scores) == ["four", "three"]
    filtered = rerank(endpoint, filter={"terms": {"number": [0, 2]}})
    assert list(found(search(admin, index, filtered))) == ["three", "one"]
    paged = search(admin, index, rerank(endpoint), **{"from": 1, "size": 2})
    assert list(found(paged)) == ["two", "three"]


def test_a_least_score_holds_after_reranking(admin: Caller, index: str, endpoint: str) -> None:
    """It is compared with the reranker's score."""
    assert list(found(search(admin, index, rerank(endpoint, min_score=0.4)))) == ["four", "two"]
    none = search(admin, index, rerank(endpoint, min_score=100))
    assert none["hits"]["total"]["value"] == 0


def test_retrievers_nest_both_ways(admin: Caller, index: str, endpoint: str) -> None:
    """A reranker over rrf, and rrf over a reranker."""
    lexical = {"standard": {"query": {"match": {"text": "d"}}}}
    everything = {"standard": {"query": {"match_all": {}}}}
    fused = {"rrf": {"retrievers": [lexical, everything]}}
    assert list(found(search(admin, index, rerank(endpoint, fused))))[:2] == ["four", "two"]
    outer = {"rrf": {"retrievers": [rerank(endpoint), lexical], "rank_constant": 1}}
    scores = found(search(admin, index, outer))
    assert next(iter(scores)) == "one"
    assert scores["four"] == pytest.approx(1 / 2)
    assert scores["one"] == pytest.approx(1 / 5 + 1 / 2)
    linear = {"linear": {"retrievers": [{"retriever": rerank(endpoint), "weight": 2}]}}
    assert found(search(admin, index, linear))["four"] == pytest.approx(5.0)


def test_an_explanation_names_the_endpoint(admin: Caller, index: str, endpoint: str) -> None:
    """In the words of the server, with the inner query's below."""
    answer = search(admin, index, rerank(endpoint), explain=True)
    explanation = answer["hits"]["hits"][0]["_explanation"]
    text = (
        f"text_similarity_reranker match using inference endpoint: [{endpoint}] on document field:"
        " [text] matching on source query "
    )
    assert (explanation["description"], explanation["value"]) == (text, 2.5)
    assert explanation["details"][0]["description"].startswith("function score")
    chunked = search(admin, index, rerank(endpoint, chunk_rescorer={"size": 2}), explain=True)
    (first, *_) = chunked["hits"]["hits"]
    assert first["_explanation"]["description"] == (
        f"{text}and rescoring considering only top [2] best chunks"
    )


def test_only_the_best_chunks_are_reranked(admin: Caller, index: str, endpoint: str) -> None:
    """A long text is judged by its best stretch, not by its start."""
    text = f"{'c. ' * 60} a b a b. {'d. ' * 60}"
    admin.ok("PUT", f"/{index}/_doc/long?refresh=true", {"text": text, "number": 9})
    chunks = {"size": 1, "chunking_settings": {"max_chunk_size": 20}}
    scores = found(search(admin, index, rerank(endpoint, chunk_rescorer=chunks)))
    assert next(iter(scores)) == "long"
    assert scores["long"] == pytest.approx(1 + 2.5)


def test_an_unknown_endpoint_fails_the_search(admin: Caller, index: str) -> None:
    """With the server's 404, even when there is nothing to rerank."""
    nothing = {"standard": {"query": {"match": {"text": "zzz"}}}}
    for inner in (None, nothing):
        body = {"retriever": rerank("nobody", inner)}
        reply = admin("POST", f"/{index}/_search", body)
        assert reply.status == 404
        assert "Inference endpoint not found [nobody]" in reply.text


def test_a_failure_may_be_allowed(admin: Caller, index: str, deployed: str, prefix: str) -> None:
    """The hits then keep the order of the inner retriever."""
    settings = {"model_id": deployed, "deployment_id": deployed}
    body = {"service": "elasticsearch", "service_settings": settings}
    admin.ok("PUT", f"/_inference/text_embedding/{prefix}", body)
    reply = admin("POST", f"/{index}/_search", {"retriever": rerank(prefix)})
    assert reply.status == 400
    assert (
        "Requested task type [rerank] does not match the inference endpoint's task type"
        " [text_embedding]"
    ) in reply.text
    allowed = search(admin, index, rerank(prefix, allow_rerank_failures=True))
    assert list(found(allowed)) == ["four", "three", "two", "one"]


def test_a_hit_without_a_passage_is_left_out(admin: Caller, index: str, endpoint: str) -> None:
    """There is nothing by which it could be ranked."""
    admin.ok("PUT", f"/{index}/_doc/empty?refresh=true", {"number": 1})
    assert "empty" not in found(search(admin, index, rerank(endpoint)))


@pytest.mark.parametrize(
    ("more", "size", "reason"),
    [
        (
            {"rank_window_size": 2},
            3,
            "[text_similarity_reranker] requires [rank_window_size: 2] be greater than or equal to"
            " [size: 3]",
        ),
        ({"chunk_rescorer": {"size": 0}}, 3, "size must be greater than 0, was: 0"),
        (
            {"chunk_rescorer": {"chunking_settings": {"strategy": "sentence", "a": 1}}},
            3,
            "[chunking_settings] does not contain the required setting [max_chunk_size]",
        ),
        ({"field": None}, 3, "field doesn't support values of type: VALUE_NULL"),
    ],
)
def test_wrong_retrievers_are_refused(
    admin: Caller, index: str, more: dict[str, Any], size: int, reason: str
) -> None:
    """Before anything is searched."""
    body = {"retriever": rerank("nobody", **more), "size": size}
    reply = admin("POST", f"/{index}/_search", body)
    assert reply.status == 400
    assert reason in reply.text


def test_reranking_needs_the_right_to_see_endpoints(
    accounts: Accounts, admin: Caller, index: str, endpoint: str
) -> None:
    """Reading the index does not suffice: the endpoint is looked up as the person who searches."""
    body = {"retriever": rerank(endpoint)}
    reader = accounts.user(read=index)
    reply = reader("POST", f"/{index}/_search", body)
    assert reply.status == 403
    assert "cluster:monitor/xpack/inference/get" in reply.text
    monitor = accounts.user(cluster=["monitor_inference"], read=index)
    assert next(iter(found(monitor.ok("POST", f"/{index}/_search", body)))) == "four"
