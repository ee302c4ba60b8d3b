"""Reranking endpoints over a deployed model and over a text embeddings inference server."""

from __future__ import annotations

from typing import Any

import pytest
from ml_calls import Caller
from scripted_generator import ScriptedGenerator

QUESTION = "a b"
PASSAGES = ["c d", "a b c", "a c"]


def over_model(model_id: str, **task: Any) -> dict[str, Any]:
    """The body of an endpoint over a deployment that there is."""
    settings = {"model_id": model_id, "deployment_id": model_id}
    body: dict[str, Any] = {"service": "elasticsearch", "service_settings": settings}
    return body | ({"task_settings": task} if task else {})


def over_server(url: str, **task: Any) -> dict[str, Any]:
    """The body of an endpoint over a reranking server."""
    settings = {"url": url, "api_key": "a-secret"}
    body: dict[str, Any] = {"service": "hugging_face", "service_settings": settings}
    return body | ({"task_settings": task} if task else {})


def test_a_deployed_model_ranks_passages(admin: Caller, reranker: str, prefix: str) -> None:
    """Best first, by the scores of the model as they are, with the texts unless told not to."""
    path = f"/_inference/rerank/{prefix}"
    answer = admin.ok("PUT", path, over_model(reranker))
    assert answer == {
        "inference_id": prefix,
        "task_type": "rerank",
        "service": "elasticsearch",
        "service_settings": {
            "num_allocations": 1,
            "num_threads": 1,
            "model_id": reranker,
            "deployment_id": reranker,
        },
        "task_settings": {"return_documents": True},
    }
    body = {"query": QUESTION, "input": PASSAGES}
    assert admin.ok("POST", path, body) == {
        "rerank": [
            {"index": 1, "relevance_score": 0.5, "text": "a b c"},
            {"index": 2, "relevance_score": -0.5, "text": "a c"},
            {"index": 0, "relevance_score": -1.5, "text": "c d"},
        ]
    }
    best = admin.ok("POST", path, body | {"top_n": 1, "return_documents": False})
    assert best == {"rerank": [{"index": 1, "relevance_score": 0.5}]}
    assert len(admin.ok("POST", f"/_inference/{prefix}", body | {"top_n": 9})["rerank"]) == 3


def test_an_endpoint_may_leave_the_texts_out(admin: Caller, reranker: str, prefix: str) -> None:
    """Its task settings say so, and a request may say otherwise."""
    path = f"/_inference/rerank/{prefix}"
    answer = admin.ok("PUT", path, over_model(reranker, return_documents=False))
    assert answer["task_settings"] == {"return_documents": False}
    body = {"query": QUESTION, "input": PASSAGES}
    assert "text" not in admin.ok("POST", path, body)["rerank"][0]
    asked = admin.ok("POST", path, body | {"task_settings": {"return_documents": True}})
    assert asked["rerank"][0]["text"] == "a b c"
    answer = admin.ok("PUT", f"{path}/_update", {"task_settings": {"return_documents": True}})
    assert answer["task_settings"] == {"return_documents": True}
    assert "text" in admin.ok("POST", path, body)["rerank"][0]


def test_a_server_ranks_passages(admin: Caller, generator: ScriptedGenerator, prefix: str) -> None:
    """It is asked as the server asks text embeddings inference; its order is not relied on."""
    path = f"/_inference/rerank/{prefix}"
    url = generator.at("/rerank")
    answer = admin.ok("PUT", path, over_server(url, top_n=2))
    assert answer["task_settings"] == {"top_n": 2}
    assert answer["service_settings"] == {
        "url": url,
        "rate_limit": {"requests_per_minute": 3000},
    }
    assert generator.calls[-1].body == {"texts": ["how big"], "query": "test query", "top_n": 2}
    body = {"query": QUESTION, "input": PASSAGES, "return_documents": True}
    assert admin.ok("POST", path, body)["rerank"] == [
        {"index": 1, "relevance_score": 5.0, "text": "a b c"},
        {"index": 0, "relevance_score": 3.0, "text": "c d"},
    ]
    assert generator.calls[-1].body == {
        "texts": PASSAGES,
        "query": QUESTION,
        "return_text": True,
        "top_n": 2,
    }
    reply = admin("POST", path, body | {"query": "REFUSE"})
    assert reply.error == (
        413,
        "status_exception",
        "Received a content too large status code for request from inference entity id"
        f" [{prefix}] status [413]. Error message: [batch size 99 > 32]",
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"input": PASSAGES},
            "Required [query]",
        ),
        (
            {"query": "", "input": PASSAGES},
            "Validation Failed: 1: Field [query] cannot be empty;",
        ),
        (
            {"query": "a", "input": []},
            "Validation Failed: 1: Field [input] cannot be an empty array;",
        ),
        (
            {"query": "a", "input": PASSAGES, "top_n": 0},
            "Validation Failed: 1: Field [top_n] must be greater than or equal to 1;",
        ),
        (
            {"query": "a", "input": PASSAGES, "input_type": "search"},
            "[1:50] [RerankRequest] unknown field [input_type]",
        ),
    ],
)
def test_wrong_requests_are_refused(
    admin: Caller, reranker: str, prefix: str, body: dict[str, Any], reason: str
) -> None:
    """By x-pack-core's own parser and rules."""
    path = f"/_inference/rerank/{prefix}"
    admin.ok("PUT", path, over_model(reranker))
    reply = admin("POST", path, body)
    assert reply.error[::2] == (400, reason)


def test_only_reranking_takes_a_question(admin: Caller, deployed: str, prefix: str) -> None:
    """An embedding has no query, no top_n and no passages to return."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over_model(deployed))
    for field in ("query", "top_n", "return_documents"):
        reply = admin("POST", path, {"input": "a", field: 1})
        assert reply.status == 400, field
        assert f"unknown field [{field}]" in reply.error[2]
    reply = admin("POST", f"/_inference/rerank/{prefix}", {"query": "a", "input": ["b"]})
    assert reply.error[::2] == (
        400,
        "Incompatible task_type, the requested type [rerank] does not match the model type"
        " [text_embedding]",
    )


def test_a_model_of_another_task_cannot_rank(admin: Caller, deployed: str, prefix: str) -> None:
    """The type of the model decides what endpoints it can have."""
    reply = admin("PUT", f"/_inference/rerank/{prefix}", over_model(deployed))
    assert reply.error[::2] == (
        400,
        f"Deployed model [{deployed}] with type [text_embedding] does not match the requested task"
        " type [rerank]",
    )
