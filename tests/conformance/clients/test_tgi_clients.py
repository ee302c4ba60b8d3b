"""The public clients of TGI, unchanged, against the server with a real model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

pytestmark = [
    pytest.mark.suite("clients of TGI", "openai, huggingface_hub and text-generation"),
    pytest.mark.usefixtures("same_words"),
]
QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "What is the capital of France?"}
]
PROMPT = "The capital of France is"


@pytest.fixture(scope="module")
def openai_client(tgi_url: str) -> Iterator[openai.OpenAI]:
    """The SDK of OpenAI."""
    with openai.OpenAI(base_url=f"{tgi_url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def hub_client(tgi_url: str) -> Any:
    """huggingface_hub's client with the address as its model."""
    from huggingface_hub import InferenceClient

    return InferenceClient(tgi_url, timeout=120)


@pytest.fixture
def tgi_client(tgi_url: str) -> Iterator[Any]:
    """The client of TGI's own repository, deprecated but widely installed."""
    with warnings.catch_warnings():
        # its records are written for pydantic 1, and say so at import and at every call
        warnings.simplefilter("ignore", category=DeprecationWarning)
        yield import_module("text_generation").Client(tgi_url, timeout=120)


def test_openai_chat(openai_client: openai.OpenAI) -> None:
    """A greedy answer with its usage."""
    answer = openai_client.chat.completions.create(
        model="tgi",
        messages=QUESTION,
        temperature=0,
        max_tokens=30,
    )
    assert answer.choices[0].message.content == "The capital of France is Paris."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8


def test_openai_chat_streamed_with_usage(openai_client: openai.OpenAI) -> None:
    """The same text in pieces; one chunk without choices for the usage."""
    stream = openai_client.chat.completions.create(
        model="tgi",
        messages=QUESTION,
        temperature=0,
        max_tokens=30,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "The capital of France is Paris."
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [8]


def test_openai_models(openai_client: openai.OpenAI) -> None:
    """One model."""
    assert [model.id for model in openai_client.models.list()] == [
        "HuggingFaceTB/SmolLM2-135M-Instruct"
    ]


def test_openai_sees_a_refusal_as_its_own_error(openai_client: openai.OpenAI) -> None:
    """422 with TGI's flat body."""
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        openai_client.chat.completions.create(model="tgi", messages=QUESTION, top_p=1.0)
    assert caught.value.body == "Input validation error: `top_p` must be > 0.0 and < 1.0"


def test_hub_text_generation(hub_client: Any) -> None:
    """The plain text, and the details; the prompt comes along unless one says no, as from TGI."""
    assert hub_client.text_generation(PROMPT, max_new_tokens=2) == f"{PROMPT} Paris."
    whole = hub_client.text_generation(
        PROMPT, max_new_tokens=2, details=True, return_full_text=False
    )
    assert whole.generated_text == " Paris."
    assert whole.details.generated_tokens == 2
    assert whole.details.finish_reason == "length"


def test_hub_text_generation_streamed(hub_client: Any) -> None:
    """Pieces, and with details the events."""
    pieces = list(hub_client.text_generation(PROMPT, max_new_tokens=2, stream=True))
    assert "".join(pieces) == " Paris."
    events = list(
        hub_client.text_generation(
            PROMPT, max_new_tokens=2, stream=True, details=True, return_full_text=False
        )
    )
    assert [event.token.text for event in events] == [" Paris", "."]
    assert events[-1].generated_text == " Paris."
    assert events[-1].details.finish_reason == "length"


def test_hub_chat(hub_client: Any) -> None:
    """Whole and streamed; the client says ``dummy`` for the model."""
    answer = hub_client.chat_completion(QUESTION, temperature=0, max_tokens=30)
    assert answer.choices[0].message.content == "The capital of France is Paris."
    stream = hub_client.chat_completion(QUESTION, temperature=0, max_tokens=30, stream=True)
    assert "".join(chunk.choices[0].delta.content for chunk in stream) == (
        "The capital of France is Paris."
    )


def test_hub_knows_the_refusals(hub_client: Any) -> None:
    """By their error_type."""
    from huggingface_hub.errors import ValidationError

    with pytest.raises(ValidationError, match="`temperature` must be strictly positive"):
        hub_client.text_generation(PROMPT, temperature=-1.0, do_sample=True)


def test_text_generation_client(tgi_client: Any) -> None:
    """Whole and streamed; it sends every parameter, null or not."""
    response = tgi_client.generate(PROMPT, max_new_tokens=2, decoder_input_details=True)
    assert response.generated_text == " Paris."
    assert [token.text for token in response.details.tokens] == [" Paris", "."]
    assert len(response.details.prefill) == 5
    events = list(tgi_client.generate_stream(PROMPT, max_new_tokens=2))
    assert "".join(event.token.text for event in events) == " Paris."
    assert events[-1].generated_text == " Paris."


def test_text_generation_client_sees_refusals(tgi_client: Any) -> None:
    """As its own exception, by error_type."""
    refused = import_module("text_generation.errors").ValidationError
    with pytest.raises(refused, match="Given: 18001 `inputs` tokens"):
        tgi_client.generate("a b " * 9000, max_new_tokens=1)


def test_text_generation_client_chat(tgi_client: Any) -> None:
    """Whole only: its streaming is not made for TGI 3."""
    answer = tgi_client.chat(messages=QUESTION, max_tokens=8, seed=1, temperature=0.01)
    assert answer.choices[0].message.content.startswith("The capital of France is Paris")
