"""The public clients of TGI, unchanged: tools, grammars, log-probabilities and completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import jsonschema_rs
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

pytestmark = pytest.mark.suite("clients of TGI", "openai, huggingface_hub and text-generation")
QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "What is the weather in Paris?"}
]
PLACE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city", "unit"],
}
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather of a city", "parameters": PLACE},
}
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


def check(schema: dict[str, Any], text: str | None) -> None:
    """The text is JSON that fits."""
    jsonschema_rs.validate(schema, json.loads(text or ""))


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
def tgi_client(tgi_url: str) -> Any:
    """The client of TGI's own repository."""
    return import_module("text_generation").Client(tgi_url, timeout=120)


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "get_weather"}}]
)
def test_openai_calls_a_tool(openai_client: openai.OpenAI, choice: Any) -> None:
    """Arguments that fit, and no content."""
    answer = openai_client.chat.completions.create(
        model="tgi", messages=QUESTION, tools=[WEATHER], tool_choice=choice, temperature=0
    )
    message = answer.choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    check(PLACE, call.function.arguments)


def test_openai_calls_a_tool_and_tells_the_result(openai_client: openai.OpenAI) -> None:
    """The message of the call goes back as the SDK gave it."""
    first = openai_client.chat.completions.create(
        model="tgi", messages=QUESTION, tools=[WEATHER], tool_choice="required", temperature=0
    )
    message = first.choices[0].message
    calls = [call.model_dump() for call in message.tool_calls or []]
    history: list[Any] = [
        *QUESTION,
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": calls[0]["id"], "content": "21 degrees"},
    ]
    answer = openai_client.chat.completions.create(
        model="tgi", messages=history, temperature=0, max_tokens=10
    )
    assert answer.choices[0].message.content


def test_openai_streams_a_call(openai_client: openai.OpenAI) -> None:
    """Name first, arguments in pieces, usage last."""
    stream = openai_client.chat.completions.create(
        model="tgi",
        messages=QUESTION,
        tools=[WEATHER],
        tool_choice="required",
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    functions = [
        call.function
        for chunk in chunks
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
        if call.function
    ]
    assert [one.name for one in functions if one.name] == ["get_weather"]
    check(PLACE, "".join(one.arguments or "" for one in functions))
    assert chunks[-1].usage is not None


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_openai_may_be_answered_without_a_call(openai_client: openai.OpenAI, choice: Any) -> None:
    """With ``none`` always; with ``auto`` there is either a call or a content."""
    answer = openai_client.chat.completions.create(
        model="tgi",
        messages=QUESTION,
        tools=[WEATHER],
        tool_choice=choice,
        temperature=0,
        max_tokens=60,
    )
    message = answer.choices[0].message
    assert bool(message.content) != bool(message.tool_calls)
    assert choice == "auto" or message.content


def test_openai_response_format(openai_client: openai.OpenAI) -> None:
    """TGI wants the schema under ``value``."""
    answer = openai_client.chat.completions.create(
        model="tgi",
        messages=[{"role": "user", "content": "Invent a person, as JSON."}],
        temperature=0,
        extra_body={"response_format": {"type": "json_object", "value": PERSON}},
    )
    check(PERSON, answer.choices[0].message.content)
    assert answer.choices[0].finish_reason == "stop"


def test_openai_logprobs(openai_client: openai.OpenAI) -> None:
    """For each token, with the likeliest."""
    answer = openai_client.chat.completions.create(
        model="tgi",
        messages=QUESTION,
        temperature=0,
        max_tokens=5,
        logprobs=True,
        top_logprobs=3,
    )
    found = answer.choices[0].logprobs
    assert found is not None
    assert found.content is not None
    assert len(found.content) == 5
    for token in found.content:
        assert token.logprob == max(one.logprob for one in token.top_logprobs)


def test_openai_completions(openai_client: openai.OpenAI) -> None:
    """Whole, several at once, and streamed."""
    wanted: dict[str, Any] = {"model": "tgi", "temperature": 0, "max_tokens": 2}
    prompts = ["The capital of France is", "One, two, three,"]
    answer = openai_client.completions.create(prompt=prompts, **wanted)
    assert answer.choices[0].text == " Paris."
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4
    stream = openai_client.completions.create(prompt=prompts[0], stream=True, **wanted)
    assert "".join(chunk.choices[0].text for chunk in stream) == " Paris."


def test_openai_sees_what_completions_refuse(openai_client: openai.OpenAI) -> None:
    """A suffix."""
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        openai_client.completions.create(model="tgi", prompt="a", suffix="b")
    assert str(caught.value.body).startswith("Suffix is not supported")


def test_hub_grammar(hub_client: Any) -> None:
    """A schema and an expression."""
    text = hub_client.text_generation(
        "A person as JSON: ",
        max_new_tokens=60,
        grammar={"type": "json", "value": PERSON},
        return_full_text=False,
    )
    check(PERSON, text)
    word = hub_client.text_generation(
        "Is it? ",
        max_new_tokens=5,
        grammar={"type": "regex", "value": "(yes|no)"},
        return_full_text=False,
    )
    assert word in ("yes", "no")


def test_hub_tools_and_response_format(hub_client: Any) -> None:
    """A call, whole and streamed, and constrained content."""
    wanted = {"tools": [WEATHER], "tool_choice": "required", "temperature": 0, "max_tokens": 80}
    answer = hub_client.chat_completion(QUESTION, **wanted)
    check(PLACE, answer.choices[0].message.tool_calls[0].function.arguments)
    pieces = [
        call.function.arguments
        for chunk in hub_client.chat_completion(QUESTION, **wanted, stream=True)
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
    ]
    check(PLACE, "".join(pieces))
    formatted = hub_client.chat_completion(
        QUESTION, temperature=0, response_format={"type": "regex", "value": "(hot|cold)"}
    )
    assert formatted.choices[0].message.content in ("hot", "cold")


def test_hub_logprobs_and_best_of(hub_client: Any) -> None:
    """The records of both."""
    answer = hub_client.chat_completion(
        QUESTION, temperature=0, max_tokens=3, logprobs=True, top_logprobs=2
    )
    assert len(answer.choices[0].logprobs.content[0].top_logprobs) == 2
    whole = hub_client.text_generation(
        "One, two,",
        max_new_tokens=2,
        best_of=2,
        do_sample=True,
        details=True,
        top_n_tokens=2,
        decoder_input_details=True,
        return_full_text=False,
    )
    assert len(whole.details.best_of_sequences) == 1
    assert len(whole.details.top_tokens) == 2
    assert whole.details.prefill


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_text_generation_client_with_a_grammar_and_tools(tgi_client: Any) -> None:
    """It is deprecated, but its grammar and its tools still work."""
    types = import_module("text_generation.types")
    grammar = types.Grammar(type=types.GrammarType.Json, value=PERSON)
    response = tgi_client.generate("A person as JSON: ", max_new_tokens=60, grammar=grammar)
    check(PERSON, response.generated_text)
    events = list(
        tgi_client.generate_stream(
            "Is it? ", max_new_tokens=5, grammar=types.Grammar(type="regex", value="(yes|no)")
        )
    )
    assert events[-1].generated_text in ("yes", "no")
    answer = tgi_client.chat(
        messages=[types.Message(role="user", content="What is the weather in Paris?")],
        tools=[types.Tool(**WEATHER)],
        tool_choice="get_weather",
        max_tokens=80,
        temperature=0,
    )
    (call,) = answer.choices[0].message.tool_calls
    check(PLACE, call["function"]["arguments"])
