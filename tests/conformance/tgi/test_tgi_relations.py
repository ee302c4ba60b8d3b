"""What must hold between several answers of one TGI."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jsonschema_rs
import pytest

pytestmark = pytest.mark.suite("tgi", "Requests to TGI as data, from its router and its OpenAPI")

PROMPTS = ["The sky is", "Once upon a time", "One, two, three,", "Dear Sir,\n"]


def post(generator: httpx.Client, path: str, body: Any) -> Any:
    """A JSON answer."""
    answer = generator.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def events(generator: httpx.Client, path: str, body: Any) -> list[Any]:
    """The events of a stream without its end mark."""
    answer = generator.post(path, json=body)
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n")]
    return [json.loads(line) for line in lines if line.startswith("{")]


def schema(number: int) -> dict[str, Any]:
    """One that only its own answer can fit."""
    words = {"enum": [f"a{number}", f"b{number}"]}
    return {
        "type": "object",
        "properties": {
            f"key{number}": words,
            "list": {"type": "array", "items": words, "minItems": 1, "maxItems": 3},
            "size": {"type": "integer", "minimum": number, "maximum": number + 4},
        },
        "required": [f"key{number}", "list", "size"],
        "additionalProperties": False,
    }


def test_eight_grammars_at_once_are_kept_apart(generator: httpx.Client) -> None:
    """Each answer fits its own schema, though all were in one batch; half of them by chance."""

    def ask(number: int) -> str:
        parameters = {
            "max_new_tokens": 160,
            "grammar": {"type": "json", "value": schema(number)},
            **({"temperature": 1.4, "seed": number} if number % 2 else {}),
        }
        body = {"inputs": f"Data number {number}: ", "parameters": parameters}
        return str(post(generator, "/generate", body)["generated_text"])

    with ThreadPoolExecutor(8) as pool:
        for number, text in enumerate(pool.map(ask, range(8))):
            jsonschema_rs.validate(schema(number), json.loads(text))


def test_a_seeded_text_does_not_depend_on_who_else_is_there(generator: httpx.Client) -> None:
    """Alone and beside others that sample too.

    The grammar leaves three clearly different tokens, so that rounding, which does depend on the
    others, decides nothing.
    """
    grammar = {"type": "regex", "value": "(red|green|blue)( (red|green|blue)){5}"}
    parameters = {"max_new_tokens": 40, "temperature": 5.0, "seed": 99, "grammar": grammar}
    body = {"inputs": "Colours: ", "parameters": parameters}
    others = [
        {"inputs": one, "parameters": {"max_new_tokens": 30, "do_sample": True}} for one in PROMPTS
    ]
    alone = post(generator, "/generate", body)
    with ThreadPoolExecutor(5) as pool:
        *_, beside = pool.map(lambda one: post(generator, "/generate", one), [*others, body])
    assert beside == alone


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_pieces_of_a_stream_are_the_answer(generator: httpx.Client, prompt: str) -> None:
    """On all four routes; greedy."""
    native = {"inputs": prompt, "parameters": {"max_new_tokens": 8, "return_full_text": False}}
    text = post(generator, "/generate", native)["generated_text"]
    streamed = events(generator, "/generate_stream", native)
    pieces = [one["token"]["text"] for one in streamed if not one["token"]["special"]]
    assert streamed[-1]["generated_text"] == text == "".join(pieces)
    assert [one["index"] for one in streamed] == list(range(1, len(streamed) + 1))
    assert post(generator, "/", native) == [{"generated_text": text}]
    completion = {"prompt": prompt, "max_tokens": 8, "temperature": 0}
    assert post(generator, "/v1/completions", completion)["choices"][0]["text"] == text


def test_a_chat_is_its_template_continued(generator: httpx.Client) -> None:
    """Token counts agree, and so do the texts of a stream."""
    messages = [{"role": "user", "content": "Name a colour."}]
    shown = post(generator, "/chat_tokenize", {"messages": messages})
    body = {"messages": messages, "max_tokens": 10, "temperature": 0}
    answer = post(generator, "/v1/chat/completions", body)
    assert answer["usage"]["prompt_tokens"] == len(shown["tokenize_response"])
    chunks = events(generator, "/v1/chat/completions", {**body, "stream": True})
    said = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert said == answer["choices"][0]["message"]["content"]


def test_a_streamed_call_is_the_whole_one(generator: httpx.Client) -> None:
    """The pieces of the arguments join to the same JSON."""
    parameters = {
        "type": "object",
        "properties": {"city": {"enum": ["Rome", "Paris"]}, "days": {"enum": [1, 2]}},
        "required": ["city", "days"],
    }
    body = {
        "messages": [{"role": "user", "content": "How hot will it be in Rome?"}],
        "tools": [{"type": "function", "function": {"name": "heat", "parameters": parameters}}],
        "tool_choice": "heat",
        "max_tokens": 80,
        "temperature": 0,
    }
    answer = post(generator, "/v1/chat/completions", body)
    whole = answer["choices"][0]["message"]["tool_calls"][0]["function"]
    chunks = events(generator, "/v1/chat/completions", {**body, "stream": True})
    calls = [
        chunk["choices"][0]["delta"]["tool_calls"][0]["function"]
        for chunk in chunks
        if "tool_calls" in chunk["choices"][0]["delta"]
    ]
    assert [call["name"] for call in calls if call["name"]] == ["heat"]
    joined = "".join(call["arguments"] for call in calls)
    assert json.loads(joined) == json.loads(whole["arguments"])


def test_the_best_of_several_is_the_likeliest(generator: httpx.Client) -> None:
    """By the mean log-probability of its tokens."""
    parameters = {"max_new_tokens": 6, "temperature": 1.5, "best_of": 2, "details": True}
    body = {"inputs": PROMPTS[1], "parameters": parameters}
    details = post(generator, "/generate", body)["details"]

    def mean(one: dict[str, Any]) -> float:
        return float(sum(token["logprob"] for token in one["tokens"]) / len(one["tokens"]))

    assert all(mean(details) >= mean(other) for other in details["best_of_sequences"])


def test_the_first_of_the_likeliest_is_the_greedy_choice(generator: httpx.Client) -> None:
    """At every place, and they come in order."""
    parameters = {"max_new_tokens": 6, "top_n_tokens": 4, "details": True}
    details = post(generator, "/generate", {"inputs": PROMPTS[0], "parameters": parameters})[
        "details"
    ]
    for chosen, likeliest in zip(details["tokens"], details["top_tokens"], strict=True):
        logprobs = [one["logprob"] for one in likeliest]
        assert chosen["logprob"] == logprobs[0]
        assert logprobs == sorted(logprobs, reverse=True)


def test_metrics_count_what_was_asked(generator: httpx.Client) -> None:
    """At least: others may ask at the same time."""

    def counted(name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", generator.get("/metrics").text, re.M)
        return float(found[1]) if found else 0.0

    names = (
        "tgi_request_count",
        "tgi_request_success",
        'tgi_request_failure{err="validation"}',
        "tgi_request_generated_tokens_sum",
        "tgi_request_duration_count",
        "tgi_request_input_length_count",
    )
    before = {name: counted(name) for name in names}
    body = {"inputs": PROMPTS[0], "parameters": {"max_new_tokens": 3}}
    post(generator, "/generate", body)
    assert generator.post("/generate", json={"inputs": ""}).status_code == 422
    grown = {name: counted(name) - before[name] for name in names}
    assert grown["tgi_request_count"] >= 2
    assert grown["tgi_request_generated_tokens_sum"] >= 3
    assert all(number >= 1 for number in grown.values())
