"""Inference endpoints made by setup: they answer, and as the generator itself does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from elasticsearch import Elasticsearch
from ml_calls import Caller, upload

from esrag.bundle import ModelBundle
from esrag.cluster.embedding import embed
from esrag.cluster.endpoints import list_endpoints
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.endpoint_bodies import EndpointChoices
from esrag.state.survey import take_survey

if TYPE_CHECKING:
    from tests.conftest import Stack

QUESTION = "Say one word."


def set_up(client: Elasticsearch, choices: Choices, bundle: ModelBundle) -> list[str]:
    """One run of setup; its warnings."""
    found = take_survey(client, choices, bundle)
    warnings: list[str] = []
    apply_plan(
        client,
        found.desired,
        found.observed,
        found.plan,
        progress=lambda step: warnings.append(step.warning) if step.warning else None,
    )
    return warnings


@pytest.fixture
def with_generator(stack: Stack, choices: Choices) -> Choices:
    """The stack's own generator; no completion, as the server tries one to its very end."""
    wanted = EndpointChoices(generator_url=stack.tgi_url, tasks=("chat_completion",))
    return replace(choices, endpoints=wanted)


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    """Calls of the REST API that the client library has no method for."""
    login = httpx.BasicAuth(stack.username, stack.password)
    with httpx.Client(base_url=stack.elasticsearch_url, auth=login, timeout=120) as client:
        yield client


def deltas(stream: str) -> str:
    """The text of a stream of chunks."""
    events = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    chunks: list[dict[str, Any]] = [json.loads(event) for event in events if event != "[DONE]"]
    chunks = [chunk.get("chat_completion", chunk) for chunk in chunks]
    choices = [choice for chunk in chunks for choice in chunk.get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def test_the_endpoints_of_a_set_answer(
    stack: Stack,
    es: Elasticsearch,
    http: httpx.Client,
    with_generator: Choices,
    bundle: ModelBundle,
) -> None:
    """Vectors are the deployment's, a chat is what the generator says when asked directly."""
    assert set_up(es, with_generator, bundle) == []
    assert take_survey(es, with_generator, bundle).plan.changes == ()
    name = with_generator.set
    answer = es.inference.text_embedding(inference_id=f"esrag-embedding-{name}", input=["a b c"])
    (expected,) = embed(es, with_generator.model_id, ["a b c"])
    assert answer["text_embedding"][0]["embedding"] == pytest.approx(expected)

    messages = [{"role": "user", "content": QUESTION}]
    chat = {"messages": messages, "max_completion_tokens": 6, "temperature": 0}
    streamed = http.post(f"/_inference/chat_completion/esrag-chat-{name}/_stream", json=chat)
    assert streamed.status_code == 200, streamed.text
    body = {"messages": messages, "max_tokens": 6, "temperature": 0}
    direct = httpx.post(f"{stack.tgi_url}/v1/chat/completions", json=body, timeout=120).json()
    assert deltas(streamed.text) == direct["choices"][0]["message"]["content"] != ""


@pytest.fixture
def reranker(http: httpx.Client, prefix: str, tmp_path: Path) -> str:
    """A cross-encoder that somebody brought: it counts words that question and passage share."""
    script = Path(__file__).parents[1] / "ml" / "ranking_modules.py"
    subprocess.run([sys.executable, "-W", "ignore", str(script), str(tmp_path)], check=True)
    definition = (tmp_path / "similarity.pt").read_bytes()
    model_id = f"{prefix}-ranker"
    upload(Caller(http), model_id, definition, inference_config={"text_similarity": {}})
    return model_id


def test_a_reranker_is_deployed_and_ranks(
    es: Elasticsearch, choices: Choices, bundle: ModelBundle, reranker: str
) -> None:
    """The endpoint puts the passage first that shares more words with the question."""
    wanted = replace(choices, endpoints=EndpointChoices(rerank_model=reranker))
    set_up(es, wanted, bundle)
    assert take_survey(es, wanted, bundle).plan.changes == ()
    answer = es.inference.rerank(
        inference_id=f"esrag-rerank-{choices.set}", query="a b", input=["c d", "a b c"]
    )
    assert [hit["index"] for hit in answer["rerank"]] == [1, 0]


def test_an_adapter_has_an_endpoint_of_its_own_until_it_is_taken_out(
    es: Elasticsearch, with_generator: Choices, bundle: ModelBundle
) -> None:
    """The generator is asked for the adapter by its name."""
    name = f"esrag-chat-{with_generator.set}_hr-tuned"
    adapters = replace(with_generator.endpoints, adapters=("hr/tuned",))
    set_up(es, replace(with_generator, endpoints=adapters), bundle)
    (found,) = es.inference.get(inference_id=name)["endpoints"]
    assert found["service_settings"]["model_id"] == "hr/tuned"
    (step,) = take_survey(es, with_generator, bundle).plan.changes
    assert (step.verb, step.name) == ("delete", name)
    set_up(es, with_generator, bundle)
    assert name not in {found.inference_id for found in list_endpoints(es)}


def test_a_generator_that_does_not_answer_is_only_warned_of(
    es: Elasticsearch, choices: Choices, bundle: ModelBundle
) -> None:
    """The server tries a completion when it makes its endpoint; all else is made."""
    nobody = EndpointChoices(generator_url="http://127.0.0.1:9", tasks=("completion",))
    wanted = replace(choices, endpoints=nobody)
    (warning,) = set_up(es, wanted, bundle)
    assert "http://127.0.0.1:9/v1/chat/completions" in warning
    (left,) = take_survey(es, wanted, bundle).plan.changes
    assert (left.verb, left.name) == ("create", f"esrag-completion-{choices.set}")


def test_an_endpoint_that_somebody_changed_is_made_anew(
    stack: Stack, es: Elasticsearch, with_generator: Choices, bundle: ModelBundle
) -> None:
    """Deleted and made for another model behind our back."""
    set_up(es, with_generator, bundle)
    name = f"esrag-chat-{with_generator.set}"
    es.inference.delete(inference_id=name)
    url = f"{stack.tgi_url}/v1/chat/completions"
    settings = {"url": url, "model_id": "another", "api_key": "x"}
    config = {"service": "hugging_face", "service_settings": settings}
    es.inference.put(inference_id=name, task_type="chat_completion", inference_config=config)
    (step,) = take_survey(es, with_generator, bundle).plan.changes
    assert (step.verb, step.name) == ("update", name)
    set_up(es, with_generator, bundle)
    assert take_survey(es, with_generator, bundle).plan.changes == ()
