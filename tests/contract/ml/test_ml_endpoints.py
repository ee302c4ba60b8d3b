"""Inference endpoints over a deployment and over a TGI-compatible server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ml_calls import DIMENSIONS, Addresses, Caller, vector_of
from scripted_generator import PIECES, ScriptedGenerator


def over_model(model_id: str) -> dict[str, Any]:
    """The body of an endpoint over a deployment that there is."""
    settings = {"model_id": model_id, "deployment_id": model_id}
    return {"service": "elasticsearch", "service_settings": settings}


def over_generator(url: str, **settings: str) -> dict[str, Any]:
    """The body of an endpoint over a chat server."""
    given = {"url": url, "api_key": "a-secret"} | settings
    return {"service": "hugging_face", "service_settings": given}


def events(text: str) -> list[tuple[str, Any]]:
    """The names and data of server-sent events, each exactly two lines and an empty one."""
    assert text.endswith("\n\n")
    found = []
    for event in text[:-2].split("\n\n"):
        name, data = event.split("\n")
        value = data.removeprefix("data: ")
        found.append(
            (name.removeprefix("event: "), value if value == "[DONE]" else json.loads(value))
        )
    return found


def test_an_endpoint_over_a_deployment_embeds(admin: Caller, deployed: str, prefix: str) -> None:
    """It reports what it learnt of the vectors and adds the prefix of the input's type."""
    path = f"/_inference/text_embedding/{prefix}"
    answer = admin.ok("PUT", path, over_model(deployed))
    assert answer["service_settings"] == {
        "num_allocations": 1,
        "num_threads": 1,
        "model_id": deployed,
        "deployment_id": deployed,
        "dimensions": DIMENSIONS,
        "similarity": "cosine",
        "element_type": "float",
    }
    assert answer["chunking_settings"]["strategy"] == "sentence"
    body = {"input": ["c", "d"], "input_type": "search"}
    first, _ = admin.ok("POST", path, body)["text_embedding"]
    assert first["embedding"] == pytest.approx(vector_of(admin, deployed, "a c"), abs=1e-6)
    assert admin.ok("GET", path)["endpoints"] == [answer]


def test_an_endpoint_starts_and_stops_its_own_deployment(
    admin: Caller, deployed: str, prefix: str
) -> None:
    """Without a deployment of its own it gets one under its id, and takes it along."""
    settings = {"model_id": deployed, "num_allocations": 1, "num_threads": 1}
    body = {"service": "elasticsearch", "service_settings": settings}
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", f"{path}?timeout=60s", body)

    def deployments() -> set[str]:
        stats = admin.ok("GET", f"/_ml/trained_models/{deployed}/_stats")["trained_model_stats"]
        return {entry["deployment_stats"]["deployment_id"] for entry in stats}

    assert deployments() == {deployed, prefix}
    assert admin.ok("DELETE", path)["acknowledged"] is True
    assert deployments() == {deployed}


def test_a_pipeline_and_a_search_may_name_an_endpoint(
    admin: Caller, deployed: str, prefix: str
) -> None:
    """An endpoint stands wherever a model can, and a pipeline protects it."""
    admin.ok("PUT", f"/_inference/text_embedding/{prefix}", over_model(deployed))
    inputs = {"input_field": "text", "output_field": "vector"}
    processor = {"inference": {"model_id": prefix, "input_output": inputs}}
    admin.ok("PUT", f"/_ingest/pipeline/{prefix}", {"processors": [processor]})
    documents = {"docs": [{"_source": {"text": "c"}}]}
    (entry,) = admin.ok("POST", f"/_ingest/pipeline/{prefix}/_simulate", documents)["docs"]
    assert entry["doc"]["_source"]["vector"] == pytest.approx(
        vector_of(admin, deployed, "b c"), abs=1e-6
    )
    reply = admin("DELETE", f"/_inference/{prefix}")
    assert reply.error[::2] == (
        409,
        f"Inference endpoint {prefix} is referenced by pipelines: [{prefix}]. Ensure that no"
        " pipelines are using this inference endpoint, or use force to ignore this warning and"
        " delete the inference endpoint.",
    )
    dry = admin.ok("DELETE", f"/_inference/{prefix}?dry_run=true")
    assert (dry["acknowledged"], dry["pipelines"]) == (False, [prefix])
    assert admin.ok("DELETE", f"/_inference/{prefix}?force=true")["acknowledged"] is True


def test_a_completion_endpoint_completes_and_streams(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """The same text comes whole or piece by piece; secrets are sent and never shown."""
    path = f"/_inference/completion/{prefix}"
    answer = admin.ok("PUT", path, over_generator(generator.url))
    assert answer["service_settings"] == {
        "url": generator.url,
        "rate_limit": {"requests_per_minute": 3000},
    }
    assert "a-secret" not in json.dumps(admin.ok("GET", path))
    (result,) = admin.ok("POST", path, {"input": "hello"})["completion"]
    assert result == {"result": "".join(PIECES)}
    assert generator.last == {
        "messages": [{"content": "hello", "role": "user"}],
        "n": 1,
        "stream": False,
        "authorization": "Bearer a-secret",
    }
    reply = admin("POST", f"{path}/_stream", {"input": "hello"})
    expected = [("message", {"completion": [{"delta": piece}]}) for piece in PIECES]
    assert events(reply.text) == [*expected, ("message", "[DONE]")]


def test_a_chat_is_sent_as_the_server_would(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """The model of the request wins over the endpoint's; usage is asked for and handed on."""
    path = f"/_inference/chat_completion/{prefix}"
    admin.ok("PUT", path, over_generator(generator.url, model_id="base"))
    message = {"role": "user", "content": "hello"}
    body = {"messages": [message], "max_completion_tokens": 9, "temperature": 0.5}
    reply = admin("POST", f"{path}/_stream", body)
    assert generator.last == {
        "messages": [message],
        "model": "base",
        "max_tokens": 9,
        "temperature": 0.5,
        "n": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
        "authorization": "Bearer a-secret",
    }
    *chunks, last = [data for _, data in events(reply.text)]
    assert last == "[DONE]"
    assert chunks[0] == {
        "id": "",
        "choices": [{"delta": {"content": PIECES[0], "role": "assistant"}, "index": 0}],
        "model": "tgi",
        "object": "chat.completion.chunk",
    }
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"] == {"completion_tokens": 4, "prompt_tokens": 3, "total_tokens": 7}
    admin("POST", f"{path}/_stream", body | {"model": "tuned"})
    assert generator.last["model"] == "tuned"


def test_the_stacks_generator_chats_through_an_endpoint(
    admin: Caller, stack: Addresses, prefix: str
) -> None:
    """The TGI-compatible server of the stack streams an answer within its limit."""
    path = f"/_inference/chat_completion/{prefix}"
    url = f"{stack.tgi_url}/v1/chat/completions"
    admin.ok("PUT", f"{path}?timeout=120s", over_generator(url))
    message = {"role": "user", "content": "Say yes."}
    body = {"messages": [message], "max_completion_tokens": 6, "temperature": 0.0}
    reply = admin("POST", f"{path}/_stream?timeout=120s", body)
    assert reply.status == 200, reply.text
    *chunks, last = [data for _, data in events(reply.text)]
    assert last == "[DONE]"
    assert "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]
    )
    assert 0 < chunks[-1]["usage"]["completion_tokens"] <= 6


def test_a_refusal_of_the_generator_is_an_error_event(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """Before the first chunk it also decides the status."""
    path = f"/_inference/chat_completion/{prefix}"
    admin.ok("PUT", path, over_generator(generator.url))
    body = {"messages": [{"role": "user", "content": "REFUSE"}]}
    reply = admin("POST", f"{path}/_stream", body)
    assert reply.status == 422
    error = {
        "code": "unprocessable_entity",
        "message": "Received an input validation error response for request from inference entity"
        f" id [{prefix}] status [422]",
        "type": "UnifiedChatCompletionErrorResponse",
    }
    assert events(reply.text) == [("error", {"error": error})]
    plain = admin("POST", path, body)
    assert plain.error[::2] == (
        400,
        "The [chat_completion] task type only supports streaming, please try again with the"
        " _stream API",
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("FAIL MIDWAY", "Error message: [it broke]"),
        ("BREAK OFF", "The answer of the service ended before it was complete"),
    ],
)
@pytest.mark.parametrize("task", ["completion", "chat_completion"])
def test_a_stream_that_does_not_end_well_ends_with_an_error_event(
    admin: Caller, generator: ScriptedGenerator, prefix: str, task: str, message: str, reason: str
) -> None:
    """What came before is handed on; there is no `[DONE]`."""
    path = f"/_inference/{task}/{prefix}"
    admin.ok("PUT", path, over_generator(generator.url))
    chat = {"messages": [{"role": "user", "content": message}]}
    body = chat if task == "chat_completion" else {"input": message}
    reply = admin("POST", f"{path}/_stream", body)
    assert reply.status == 200
    *chunks, (name, data) = events(reply.text)
    assert [event for event, _ in chunks] == ["message", "message"]
    assert name == "error"
    assert reason in json.dumps(data)


def test_an_endpoint_that_cannot_be_reached_is_not_created(admin: Caller, prefix: str) -> None:
    """The first request to it fails, and says to whom it went."""
    url = "http://127.0.0.1:1/v1/chat/completions"
    settings = {"url": url, "api_key": "a-secret"}
    body = {"service": "hugging_face", "service_settings": settings}
    reply = admin("PUT", f"/_inference/completion/{prefix}", body)
    assert reply.error[::2] == (
        400,
        "Could not complete inference endpoint creation as validation call to service threw an"
        " exception.",
    )
    cause = reply.body["error"]["caused_by"]["reason"]
    assert cause == (
        f"Failed to send Hugging Face completion request from inference entity id [{prefix}]."
        f" Cause: Connect to [{url}] failed: Connection refused"
    )
    assert "a-secret" not in reply.text
    assert admin("GET", f"/_inference/{prefix}").error[::2] == (
        404,
        f"Inference endpoint not found [{prefix}]",
    )


@pytest.mark.parametrize(
    ("task", "body", "reason"),
    [
        ("completion", {"service": "nope"}, "Unknown service [nope]"),
        (
            "completion",
            {"service": "elasticsearch", "service_settings": {}},
            "The [elasticsearch] service does not support task type [completion]",
        ),
        (
            "completion",
            {"service": "hugging_face"},
            "Missing required field [service_settings]",
        ),
        (
            "completion",
            {"service": "hugging_face", "service_settings": {}},
            "Validation Failed: 1: [service_settings] does not contain the required setting [url];",
        ),
        (
            "completion",
            {"service": "hugging_face", "service_settings": {"url": "http://127.0.0.1:1"}},
            "Validation Failed: 1: [secret_settings] does not contain the required setting"
            " [api_key];",
        ),
        (
            "completion",
            {"service": "hugging_face", "task_type": "text_embedding"},
            "Cannot resolve conflicting task_type parameter in the request URL [completion] and"
            " the request body [text_embedding]",
        ),
    ],
)
def test_wrong_endpoints_are_refused(
    admin: Caller, prefix: str, task: str, body: dict[str, Any], reason: str
) -> None:
    """Services, tasks and settings are checked before anything is started."""
    reply = admin("PUT", f"/_inference/{task}/{prefix}", body)
    assert reply.error[::2] == (400, reason)


def test_a_task_that_is_not_the_endpoints_is_refused(
    admin: Caller, deployed: str, prefix: str
) -> None:
    """An embedding endpoint completes nothing."""
    admin.ok("PUT", f"/_inference/text_embedding/{prefix}", over_model(deployed))
    reply = admin("POST", f"/_inference/completion/{prefix}", {"input": "c"})
    assert reply.error[::2] == (
        400,
        "Incompatible task_type, the requested type [completion] does not match the model type"
        " [text_embedding]",
    )


def test_services_are_listed_by_task(admin: Caller) -> None:
    """Each service says what it does."""
    services = admin.ok("GET", "/_inference/_services")
    names = ["elasticsearch", "hugging_face", "openai"]
    assert [entry["service"] for entry in services] == names
    chat = admin.ok("GET", "/_inference/_services/chat_completion")
    assert [entry["service"] for entry in chat] == ["hugging_face", "openai"]
    sparse, _ = admin.ok("GET", "/_inference/_services/sparse_embedding")
    assert sparse["task_types"] == ["text_embedding", "sparse_embedding", "rerank"]
