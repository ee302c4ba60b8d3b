"""Inference endpoints made by setup: they answer, and as the generator itself does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from elasticsearch import Elasticsearch

from esrag.bundle import ModelBundle
from esrag.cluster.embedding import embed
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
