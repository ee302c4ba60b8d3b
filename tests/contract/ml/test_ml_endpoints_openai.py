"""The service openai: what it is told, what it sends, and what it makes of the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ml_calls import Addresses, Caller
from scripted_generator import PIECES, ScriptedGenerator


def over(url: str | None, task: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """The body of an endpoint over a server with OpenAI's routes."""
    address = {} if url is None else {"url": url}
    given = {"api_key": "a-secret", "model_id": "m"} | address | settings
    body: dict[str, Any] = {"service": "openai", "service_settings": given}
    return body if task is None else body | {"task_settings": task}


def test_texts_are_embedded_as_openai_is_asked(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """The organisation and own headers go along; a request's user wins over the endpoint's."""
    path = f"/_inference/text_embedding/{prefix}"
    url = generator.at("/v1/embeddings")
    task = {"user": "ann", "headers": {"X-Team": "search"}}
    answer = admin.ok("PUT", path, over(url, task, organization_id="org", dimensions=4))
    assert answer["service_settings"] == {
        "model_id": "m",
        "url": url,
        "organization_id": "org",
        "dimensions": 4,
        "rate_limit": {"requests_per_minute": 3000},
        "similarity": "dot_product",
    }
    assert answer["task_settings"] == task
    assert "a-secret" not in json.dumps(admin.ok("GET", path))
    probe = generator.calls[-1]
    assert (probe.path, probe.body) == (
        "/v1/embeddings",
        {"input": ["how big"], "model": "m", "user": "ann", "dimensions": 4},
    )
    body = {"input": ["a", "bb"], "task_settings": {"user": "bob"}}
    vectors = admin.ok("POST", path, body)["text_embedding"]
    assert [vector["embedding"] for vector in vectors] == [[1, 0.5, 0.5, 0.5], [2, 0.5, 0.5, 0.5]]
    call = generator.calls[-1]
    assert call.body == {"input": ["a", "bb"], "model": "m", "user": "bob", "dimensions": 4}
    assert call.headers["authorization"] == "Bearer a-secret"
    assert call.headers["openai-organization"] == "org"
    assert call.headers["x-team"] == "search"
    assert call.headers["content-type"] == "application/json"


def test_vectors_may_come_packed(admin: Caller, generator: ScriptedGenerator, prefix: str) -> None:
    """Some servers answer with base64 of little-endian floats."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over(generator.at("/v1/embeddings"), similarity="l2_norm"))
    (vector,) = admin.ok("POST", path, {"input": "PACKED"})["text_embedding"]
    assert vector["embedding"] == [6, 0.5, 0.5]


def test_other_dimensions_than_asked_for_are_refused(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """A server that does not heed the wish cannot be used with it."""
    body = over(generator.at("/embed"), dimensions=4)
    reply = admin("PUT", f"/_inference/text_embedding/{prefix}", body)
    assert reply.status == 400
    body = over(generator.at("/v1/embeddings?ignore"), dimensions=0)
    reply = admin("PUT", f"/_inference/text_embedding/{prefix}", body)
    assert reply.error[::2] == (
        400,
        "Validation Failed: 1: [service_settings] Invalid value [0]. [dimensions] must be a"
        " positive integer;",
    )


def test_a_completion_is_asked_of_the_chat_route(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """A text becomes a message of the user, whole or streamed; more texts are refused."""
    path = f"/_inference/completion/{prefix}"
    answer = admin.ok("PUT", path, over(generator.url, {"user": "ann"}))
    assert answer["service_settings"] == {
        "model_id": "m",
        "url": generator.url,
        "rate_limit": {"requests_per_minute": 500},
    }
    sent = {"messages": [{"content": "how big", "role": "user"}], "model": "m", "n": 1}
    assert generator.calls[-1].body == sent | {"stream": False, "user": "ann"}
    (result,) = admin.ok("POST", path, {"input": "hello"})["completion"]
    assert result == {"result": "".join(PIECES)}
    reply = admin("POST", f"/_inference/{prefix}/_stream", {"input": "hello"})
    assert reply.text.count('"delta"') == len(PIECES)
    assert generator.calls[-1].body["stream_options"] == {"include_usage": True}
    two = admin("POST", path, {"input": ["a", "b"]})
    assert two.error[::2] == (400, "OpenAI chat completions only accepts 1 input")


def test_a_conversation_is_sent_in_openais_words(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """The limit of tokens has OpenAI's name; tools are passed on."""
    path = f"/_inference/chat_completion/{prefix}"
    admin.ok("PUT", path, over(generator.url))
    assert generator.calls[-1].body["stream"] is True
    message = {"role": "user", "content": "hello"}
    function = {"description": "d", "name": "f", "parameters": {"type": "object"}}
    tools = [{"type": "function", "function": function}]
    body = {"messages": [message], "max_completion_tokens": 9, "tools": tools, "stop": ["x"]}
    reply = admin("POST", f"{path}/_stream", body)
    assert reply.status == 200
    assert generator.calls[-1].body == {
        "messages": [message],
        "model": "m",
        "max_completion_tokens": 9,
        "stop": ["x"],
        "tools": tools,
        "n": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("status", "shown", "sentence"),
    [
        (401, 401, "Received an authentication error status code"),
        (
            429,
            429,
            "Received a rate limit status code. Token limit [unknown], remaining tokens [unknown]."
            " Request limit [7], remaining requests [unknown]",
        ),
        (422, 422, "Received an input validation error response"),
        (503, 400, "Received a server busy error status code"),
        (500, 400, "Received a server error status code"),
        (418, 400, "Received an unsuccessful status code"),
    ],
)
def test_refusals_are_worded_as_by_the_server(
    admin: Caller,
    generator: ScriptedGenerator,
    prefix: str,
    status: int,
    shown: int,
    sentence: str,
) -> None:
    """Each status has its sentence; a failure of the service is no failure of the server."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over(generator.at("/v1/embeddings")))
    reply = admin("POST", path, {"input": f"REFUSE {status}"})
    assert reply.error == (
        shown,
        "status_exception",
        f"{sentence} for request from inference entity id [{prefix}] status [{status}]. Error"
        " message: [no]",
    )


def test_a_refused_conversation_keeps_what_openai_says(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """Type, code and parameter of the error are handed on."""
    path = f"/_inference/chat_completion/{prefix}"
    admin.ok("PUT", path, over(generator.url))
    body = {"messages": [{"role": "user", "content": "REFUSE 400"}]}
    reply = admin("POST", f"{path}/_stream", body)
    assert reply.status == 400
    error = json.loads(reply.text.split("data: ")[1])["error"]
    assert error == {
        "code": "a_code",
        "message": "Received a bad request status code for request from inference entity id"
        f" [{prefix}] status [400]. Error message: [no]",
        "param": "a_param",
        "type": "a_type",
    }


@pytest.mark.parametrize(
    ("settings", "task", "reason"),
    [
        (
            {"model_id": None},
            {},
            "Validation Failed: 1: [service_settings] does not contain the required setting"
            " [model_id];",
        ),
        (
            {"api_key": ""},
            {},
            "Validation Failed: 1: [secret_settings] Invalid value empty string. [api_key] must be"
            " a non-empty string;",
        ),
        (
            {"similarity": "near"},
            {},
            "Validation Failed: 1: [service_settings] Invalid value [near] received. [similarity]"
            " must be one of [cosine, dot_product, l2_norm];",
        ),
        (
            {"rate_limit": {"requests_per_minute": 0}},
            {},
            "Validation Failed: 1: [rate_limit] Invalid value [0]. [requests_per_minute] must be a"
            " positive long;",
        ),
        (
            {"rate_limit": {"a": 1}},
            {},
            "Configuration contains settings [{a=1}] unknown to the [openai] service",
        ),
        (
            {"color": "red"},
            {},
            "Configuration contains settings [{color=red}] unknown to the [openai] service",
        ),
        (
            {},
            {"shape": "round"},
            "Configuration contains settings [{shape=round}] unknown to the [openai] service",
        ),
        (
            {},
            {"user": 3},
            "Validation Failed: 1: field [user] is not of the expected type. The value [3] cannot"
            " be converted to a [String];",
        ),
    ],
)
def test_wrong_settings_are_refused(
    admin: Caller, prefix: str, settings: dict[str, Any], task: dict[str, Any], reason: str
) -> None:
    """In the server's words, before anything is sent."""
    body = over("http://127.0.0.1:1/v1/embeddings", task, **settings)
    reply = admin("PUT", f"/_inference/text_embedding/{prefix}", body)
    assert reply.error[::2] == (400, reason)


def test_an_input_type_is_not_for_openai(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """It has no words for what a text is for."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over(generator.at("/v1/embeddings")))
    reply = admin("POST", path, {"input": "a", "input_type": "search"})
    assert reply.error == (
        400,
        "validation_exception",
        "Validation Failed: 1: Invalid input_type [search]. The input_type option is not supported"
        " by this service;",
    )


def test_the_stacks_generator_chats_by_openais_routes(
    admin: Caller, stack: Addresses, prefix: str
) -> None:
    """The TGI-compatible server is an OpenAI-compatible one, and heeds OpenAI's limit."""
    path = f"/_inference/chat_completion/{prefix}"
    url = f"{stack.tgi_url}/v1/chat/completions"
    admin.ok("PUT", f"{path}?timeout=120s", over(url))
    message = {"role": "user", "content": "Say yes."}
    body = {"messages": [message], "max_completion_tokens": 4, "temperature": 0.0}
    reply = admin("POST", f"{path}/_stream?timeout=120s", body)
    assert reply.status == 200, reply.text
    *_, usage, _ = reply.text.split("data: ")
    assert 0 < json.loads(usage.split("\n")[0])["usage"]["completion_tokens"] <= 4
