"""The HTTP side over a toy model, in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest

from esrag.local.tgi.state import ServerState
from esrag.local.tgi.text import TextTokens

Expected = Callable[[Sequence[int], int], list[int]]
CHAT = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 4}


def ask(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    """One request."""

    async def send() -> httpx.Response:
        async with client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


def post(client: httpx.AsyncClient, path: str, body: Any, **more: Any) -> httpx.Response:
    """One JSON body."""
    return ask(client, "POST", path, json=body, **more)


def events(response: httpx.Response) -> list[Any]:
    """The events of a stream; its bytes must be exactly those of events."""
    assert response.headers["content-type"] == "text/event-stream"
    parts = response.text.split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") for part in parts)
    texts = [part.removeprefix("data: ") for part in parts]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def answer(tokens: TextTokens, expected: Expected, prompt: str, count: int) -> str:
    """What the toy model writes."""
    ids = expected(tokens.encode(prompt, add_special_tokens=False), count)
    return tokens.decode([number for number in ids if not tokens.is_special(number)])


def test_generate_answers_with_text_and_nothing_else_unless_asked(
    client: httpx.AsyncClient, tokens: TextTokens, expected: Expected
) -> None:
    """Compact JSON, and TGI's headers."""
    response = post(client, "/generate", {"inputs": "ab", "parameters": {"max_new_tokens": 6}})
    assert response.status_code == 200
    assert list(response.json()) == ["generated_text"]
    assert response.json()["generated_text"] == answer(tokens, expected, "ab", 6).rstrip("\ufffd")
    assert response.headers["x-prompt-tokens"] == "2"
    assert response.headers["x-generated-tokens"] == "6"
    assert response.headers["x-compute-type"] == "cpu+toy"
    assert float(response.headers["x-compute-time"]) > 0


def test_details_have_the_keys_of_tgi_in_its_order(client: httpx.AsyncClient) -> None:
    """With the prompt's tokens and the likeliest ones where they are asked for."""
    parameters = {
        "max_new_tokens": 2,
        "details": True,
        "decoder_input_details": True,
        "top_n_tokens": 2,
        "return_full_text": True,
    }
    body = post(client, "/generate", {"inputs": "ab", "parameters": parameters}).json()
    assert body["generated_text"].startswith("ab")
    details = body["details"]
    assert list(details) == [
        "finish_reason",
        "generated_tokens",
        "seed",
        "prefill",
        "tokens",
        "top_tokens",
    ]
    assert details["seed"] is None
    assert [list(token) for token in details["prefill"]] == [["id", "text", "logprob"]] * 2
    assert details["prefill"][0]["logprob"] is None
    assert [list(token) for token in details["tokens"]] == [
        ["id", "text", "logprob", "special"]
    ] * 2
    assert [len(top) for top in details["top_tokens"]] == [2, 2]


def test_the_oldest_route_answers_with_a_list_and_the_full_text(client: httpx.AsyncClient) -> None:
    """``/``: what hub's clients call."""
    body = post(client, "/", {"inputs": "ab", "parameters": {"max_new_tokens": 2}}).json()
    assert len(body) == 1
    assert body[0]["generated_text"].startswith("ab")


def test_a_native_stream_ends_with_the_whole_text(client: httpx.AsyncClient) -> None:
    """No [DONE]; numbered from one; the pieces join to the text."""
    body = {"inputs": "ab", "parameters": {"max_new_tokens": 5, "details": True}}
    stream = events(post(client, "/generate_stream", body))
    assert [event["index"] for event in stream] == [1, 2, 3, 4, 5]
    assert [list(event) for event in stream] == [
        ["index", "token", "generated_text", "details"]
    ] * 5
    assert [event["generated_text"] for event in stream[:-1]] == [None] * 4
    pieces = [event["token"]["text"] for event in stream if not event["token"]["special"]]
    assert stream[-1]["generated_text"] == "".join(pieces)
    assert stream[-1]["details"] == {
        "finish_reason": "length",
        "generated_tokens": 5,
        "seed": None,
        "input_length": 2,
    }


def test_an_invalid_stream_is_200_with_an_error_event(client: httpx.AsyncClient) -> None:
    """In the native shape."""
    stream = events(post(client, "/generate_stream", {"inputs": ""}))
    assert stream == [
        {"error": "Input validation error: `inputs` cannot be empty", "error_type": "validation"}
    ]


def test_an_invalid_chat_stream_has_openais_error_shape(client: httpx.AsyncClient) -> None:
    """Always 422 inside, and a [DONE]."""
    stream = events(post(client, "/v1/chat/completions", {**CHAT, "stream": True, "top_p": 1.0}))
    message = "Input validation error: `top_p` must be > 0.0 and < 1.0"
    assert stream == [{"error": {"message": message, "http_status_code": 422}}, "[DONE]"]


def test_a_chat_is_answered_in_openais_shape(client: httpx.AsyncClient) -> None:
    """An empty id, the fingerprint, the usage."""
    body = post(client, "/v1/chat/completions", {**CHAT, "model": "tgi"}).json()
    assert list(body) == [
        "object",
        "id",
        "created",
        "model",
        "system_fingerprint",
        "choices",
        "usage",
    ]
    assert (body["object"], body["id"], body["model"]) == ("chat.completion", "", "toy/toy")
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["choices"][0]["logprobs"] is None
    usage = body["usage"]
    assert usage["completion_tokens"] == 4
    assert usage["total_tokens"] == usage["prompt_tokens"] + 4


def test_a_model_that_is_not_known_is_served_and_echoed(client: httpx.AsyncClient) -> None:
    """hub's client always says ``dummy``."""
    body = post(client, "/v1/chat/completions", {**CHAT, "model": "dummy"}).json()
    assert body["model"] == "dummy"


def test_log_probabilities_come_in_a_chat_when_asked_for(client: httpx.AsyncClient) -> None:
    """With as many alternatives as were asked for, and without bytes."""
    body = post(client, "/v1/chat/completions", {**CHAT, "logprobs": True, "top_logprobs": 2})
    content = body.json()["choices"][0]["logprobs"]["content"]
    assert len(content) == 4
    assert [list(one) for one in content] == [["token", "logprob", "top_logprobs"]] * 4
    assert [len(one["top_logprobs"]) for one in content] == [2] * 4


def test_a_streamed_chat_ends_with_usage_and_done(client: httpx.AsyncClient) -> None:
    """The role is in every delta; the usage chunk has no choices."""
    options = {"stream": True, "stream_options": {"include_usage": True}}
    stream = events(post(client, "/v1/chat/completions", {**CHAT, **options}))
    assert stream[-1] == "[DONE]"
    assert stream[-2]["choices"] == []
    assert stream[-2]["usage"]["completion_tokens"] == 4
    chunks = stream[:-2]
    assert {chunk["choices"][0]["delta"]["role"] for chunk in chunks} == {"assistant"}
    assert [chunk["usage"] for chunk in chunks] == [None] * 4
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 3 + ["length"]


def test_a_stop_sequence_ends_a_chat_under_its_own_name(
    client: httpx.AsyncClient, tokens: TextTokens, expected: Expected
) -> None:
    """Not OpenAI's ``stop``; the sequence stays in the text, as in TGI."""
    prompt = "<|turn|>user\nhi\n<|turn|>assistant\n"
    text = answer(tokens, expected, prompt, 40)
    letter = next(character for character in text if character.isascii())
    body = {**CHAT, "max_tokens": 40, "stop": [letter]}
    choice = post(client, "/v1/chat/completions", body).json()["choices"][0]
    assert choice["finish_reason"] == "stop_sequence"
    assert choice["message"]["content"].endswith(letter)


def test_text_is_tokenised_with_byte_offsets(client: httpx.AsyncClient) -> None:
    """Two bytes for the umlaut."""
    body = post(client, "/tokenize", {"inputs": "aüb"}).json()
    assert [list(one) for one in body] == [["id", "text", "start", "stop"]] * 4
    assert (body[0]["start"], body[0]["stop"], body[0]["text"]) == (0, 1, "a")
    assert (body[-1]["start"], body[-1]["stop"], body[-1]["text"]) == (3, 4, "b")


def test_a_chat_is_tokenised_as_it_would_be_generated_from(client: httpx.AsyncClient) -> None:
    """The template's markers are single tokens."""
    body = post(client, "/chat_tokenize", {"messages": CHAT["messages"]}).json()
    assert body["templated_text"] == "<|turn|>user\nhi\n<|turn|>assistant\n"
    assert [one["text"] for one in body["tokenize_response"]].count("<|turn|>") == 2


def test_the_server_describes_itself(client: httpx.AsyncClient, server: ServerState) -> None:
    """``/info`` by the name of TGI's router, with a label that says who it is."""
    info = ask(client, "GET", "/info").json()
    assert info["router"] == "text-generation-router"
    assert info["docker_label"] == "esrag"
    assert (info["max_input_tokens"], info["max_total_tokens"]) == (60, 80)
    assert server.engine is not None


def test_the_models_list_has_the_base_model(client: httpx.AsyncClient) -> None:
    """And it alone."""
    assert ask(client, "GET", "/v1/models").json() == {
        "object": "list",
        "data": [{"id": "toy/toy", "object": "model", "created": 0, "owned_by": "toy/toy"}],
    }


@pytest.mark.parametrize("path", ["/health", "/ping", "/", "/info", "/v1/models"])
def test_a_server_without_its_model_is_unhealthy(
    client: httpx.AsyncClient, server: ServerState, path: str
) -> None:
    """503, so that a supervisor can tell starting from dead."""
    server.engine = None
    response = ask(client, "GET", path)
    assert response.status_code == 503
    assert response.content == b'{"error":"unhealthy","error_type":"healthcheck"}'


def test_a_healthy_server_says_so_with_an_empty_body(client: httpx.AsyncClient) -> None:
    """200 and nothing else."""
    response = ask(client, "GET", "/health")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret"}]
)
def test_a_key_is_demanded_where_the_server_has_one(
    client: httpx.AsyncClient, server: ServerState, header: dict[str, str]
) -> None:
    """401 with an empty body."""
    server.api_key = "secret"
    response = post(client, "/generate", {"inputs": "a"}, headers=header)
    assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/info", None),
        ("GET", "/v1/models", None),
        ("GET", "/health", None),
        ("POST", "/chat_tokenize", {"messages": CHAT["messages"]}),
    ],
)
def test_routes_that_generate_nothing_need_no_key(
    client: httpx.AsyncClient, server: ServerState, method: str, path: str, body: Any
) -> None:
    """As in TGI."""
    server.api_key = "secret"
    assert ask(client, method, path, json=body).status_code == 200


def test_the_right_key_opens(client: httpx.AsyncClient, server: ServerState) -> None:
    """The word Bearer in any case."""
    server.api_key = "secret"
    headers = {"Authorization": "bearer secret"}
    body = {"inputs": "a", "parameters": {"max_new_tokens": 1}}
    assert post(client, "/generate", body, headers=headers).status_code == 200


def test_a_body_that_is_too_large_is_413(client: httpx.AsyncClient) -> None:
    """In plain text."""
    response = post(client, "/generate", {"inputs": "a" * 20_000})
    assert response.status_code == 413
    assert response.text == "Failed to buffer the request body: length limit exceeded"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/generate", 405), ("POST", "/info/", 404)],
)
def test_other_paths_and_methods_have_empty_answers(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    """404 and 405."""
    response = ask(client, method, path)
    assert (response.status_code, response.content) == (status, b"")


def test_grammars_are_refused_as_by_a_server_that_has_them_switched_off(
    client: httpx.AsyncClient,
) -> None:
    """In both of its places."""
    refusal = {
        "error": "Input validation error: grammar is not supported",
        "error_type": "validation",
    }
    grammar = {"type": "regex", "value": "a+"}

    async def send() -> list[httpx.Response]:
        async with client:
            return [
                await client.post(
                    "/generate", json={"inputs": "a", "parameters": {"grammar": grammar}}
                ),
                await client.post(
                    "/v1/chat/completions", json={**CHAT, "response_format": grammar}
                ),
            ]

    for response in asyncio.run(send()):
        assert (response.status_code, response.json()) == (422, refusal)


def together(client: httpx.AsyncClient, *work: Awaitable[Any]) -> list[Any]:
    """Several requests at once."""

    async def send() -> list[Any]:
        async with client:
            return list(await asyncio.gather(*work))

    return asyncio.run(send())


def test_more_requests_than_allowed_are_429(client: httpx.AsyncClient) -> None:
    """Four places are taken; a stream learns of it by an event."""
    body = {"inputs": "a", "parameters": {"max_new_tokens": 60}}
    responses = together(client, *(client.post("/generate", json=body) for _ in range(8)))
    statuses = sorted(response.status_code for response in responses)
    assert statuses == [200] * 4 + [429] * 4
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.json() == {"error": "Model is overloaded", "error_type": "overloaded"}


def test_the_best_of_two_is_the_likelier_one(client: httpx.AsyncClient) -> None:
    """The other is in the details; both take a place."""
    parameters = {"best_of": 2, "temperature": 3.0, "max_new_tokens": 6, "details": True}
    details = post(client, "/generate", {"inputs": "a", "parameters": parameters}).json()["details"]
    (loser,) = details["best_of_sequences"]

    def mean(sequence: dict[str, Any]) -> float:
        return float(sum(token["logprob"] for token in sequence["tokens"])) / 6

    assert mean(details) >= mean(loser)
    assert details["seed"] != loser["seed"]


def test_the_same_seed_gives_the_same_text(client: httpx.AsyncClient) -> None:
    """Over HTTP as well, and it is echoed."""
    parameters = {"seed": 5, "temperature": 2.0, "max_new_tokens": 8, "details": True}
    body = {"inputs": "a", "parameters": parameters}
    first, second = together(client, *(client.post("/generate", json=body) for _ in range(2)))
    assert first.json() == second.json()
    assert first.json()["details"]["seed"] == 5
