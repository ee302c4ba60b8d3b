"""Tools, response formats, completions and the routes of clouds, over a toy model in memory."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from esrag.base_models.source import ModelFolder
from esrag.local.tgi.app import make_app
from esrag.local.tgi.generation.scheduler import BatchLimits, Runner, Scheduler
from esrag.local.tgi.grammar.matching import Grammars
from esrag.local.tgi.metrics import Metrics
from esrag.local.tgi.state import Engine, ServerState
from esrag.local.tgi.text import ChatTemplate, TextTokens
from esrag.local.tgi.validation import Limits

END = 256
USER = {"role": "user", "content": "hi"}
UNIT = {"type": "object", "properties": {"unit": {"enum": ["c", "f"]}}, "required": ["unit"]}
Send = Callable[..., httpx.Response]


def tool(name: str) -> dict[str, Any]:
    """A function of one argument."""
    return {"type": "function", "function": {"name": name, "parameters": UNIT}}


@pytest.fixture
def send(runner: Runner, tokens: TextTokens) -> Iterator[Send]:
    """Posts a body to a server that has grammars and room for tools."""
    metrics = Metrics(max_input_tokens=4000, max_total_tokens=5000)
    scheduler = Scheduler(
        runner,
        vocabulary=tokens,
        end_tokens={END},
        limits=BatchLimits(rows=3, tokens=20_000, stretch=512),
        metrics=metrics,
    )
    engine = Engine(
        model=ModelFolder(Path(), model_id="toy/toy"),
        limits=Limits(max_input_tokens=4000, max_total_tokens=5000, max_client_batch_size=2),
        tokens=tokens,
        template=ChatTemplate.from_source(
            "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
        ),
        scheduler=scheduler,
        compute_type="cpu+toy",
        metrics=metrics,
        grammars=Grammars(tokens.source, end_tokens=[END]),
    )
    scheduler.start()
    app = make_app(ServerState(max_body_bytes=100_000, engine=engine))

    def post(path: str, body: Any = None) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
                return await (client.get(path) if body is None else client.post(path, json=body))

        return asyncio.run(go())

    yield post
    scheduler.stop(timeout=5)


def chat(send: Send, **more: Any) -> httpx.Response:
    """A greedy chat."""
    body = {"messages": [USER], "temperature": 0, "max_tokens": 80, **more}
    return send("/v1/chat/completions", body)


def chunks(response: httpx.Response) -> list[dict[str, Any]]:
    """The chunks of a stream, which must end as OpenAI's do."""
    parts = [part.removeprefix("data: ") for part in response.text.split("\n\n")]
    assert parts[-2:] == ["[DONE]", ""]
    return [json.loads(part) for part in parts[:-2]]


def test_a_required_tool_is_called(send: Send) -> None:
    """No content, arguments as a string of JSON, the end of the model's own accord."""
    choice = chat(send, tools=[tool("heat")], tool_choice="required").json()["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert list(choice["message"]) == ["role", "tool_calls"]
    (call,) = choice["message"]["tool_calls"]
    assert (call["id"], call["type"]) == ("0", "function")
    assert call["function"]["name"] == "heat"
    assert call["function"]["description"] is None
    assert json.loads(call["function"]["arguments"])["unit"] in ("c", "f")


def test_a_streamed_call_joins_to_the_same_arguments(send: Send) -> None:
    """The name comes once; the usage at the end.

    With one byte to a token the comma after the name is a token of its own, and TGI sends it.
    """
    wanted = {"tools": [tool("heat")], "tool_choice": "heat"}
    whole = chat(send, **wanted).json()["choices"][0]["message"]["tool_calls"][0]["function"]
    answer = chat(send, **wanted, stream=True, stream_options={"include_usage": True})
    *pieces, last = chunks(answer)
    functions = [piece["choices"][0]["delta"]["tool_calls"][0]["function"] for piece in pieces]
    assert [one["name"] for one in functions if one["name"]] == ["heat"]
    joined = "".join(one["arguments"] for one in functions)
    assert json.loads(joined.replace("{,", "{")) == json.loads(whole["arguments"])
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 10


def test_a_call_is_numbered_after_those_of_the_conversation(send: Send) -> None:
    """In a stream; the whole answer always says 0."""
    earlier = {
        "role": "assistant",
        "tool_calls": [
            {"id": "3", "type": "function", "function": {"name": "heat", "arguments": {}}}
        ],
    }
    messages = [USER, earlier, {"role": "tool", "content": "21"}]
    wanted = {"tools": [tool("heat")], "tool_choice": "heat", "messages": messages}
    pieces = chunks(chat(send, **wanted, stream=True))
    assert {p["choices"][0]["delta"]["tool_calls"][0]["id"] for p in pieces} == {"4"}


def test_a_model_that_wants_no_tool_answers_freely(send: Send) -> None:
    """The toy prefers the first letter of the alphabet, so ``no_tool`` comes before ``zoo``."""
    free = chat(send, max_tokens=9).json()
    chosen = chat(send, tools=[tool("zoo")]).json()
    unlimited = chat(send).json()["choices"][0]["message"]["content"]
    assert chosen["choices"][0]["message"] == {"role": "assistant", "content": unlimited}
    assert chosen["usage"]["prompt_tokens"] == free["usage"]["prompt_tokens"]
    streamed = chunks(chat(send, tools=[tool("zoo")], stream=True))
    deltas = [piece["choices"][0]["delta"]["content"] for piece in streamed]
    assert "".join(deltas) == unlimited.rstrip("\ufffd")


def test_a_call_that_does_not_fit_into_the_answer_is_a_tool_error(send: Send) -> None:
    """422, after all the work."""
    answer = chat(send, tools=[tool("heat")], tool_choice="required", max_tokens=12)
    assert answer.status_code == 422
    assert answer.json()["error_type"] == "tool_error"
    assert "Failed to parse generated text: EOF while parsing a" in answer.json()["error"]


def test_a_response_format_holds_for_each_of_several_chats_at_once(send: Send) -> None:
    """Every one has a matcher of its own."""
    body = {"inputs": "a", "parameters": {"grammar": {"type": "regex", "value": "(ab){3}"}}}
    other = {"inputs": "b", "parameters": {"grammar": {"type": "regex", "value": "(xyz){5}"}}}
    assert send("/generate", body).json() == {"generated_text": "ababab"}
    assert send("/generate", other).json() == {"generated_text": "xyz" * 5}
    answer = chat(send, response_format={"type": "json_object", "value": UNIT}).json()
    assert json.loads(answer["choices"][0]["message"]["content"])["unit"] in ("c", "f")


def test_completions_answer_each_prompt_in_its_place(send: Send) -> None:
    """Texts as from ``/generate``; the tokens of all are added."""
    body = {"prompt": ["one", "three"], "max_tokens": 4, "temperature": 0}
    answer = send("/v1/completions", body)
    assert list(answer.json()) == [
        "object", "id", "created", "model", "system_fingerprint", "choices", "usage",
    ]  # fmt: skip
    alone = [
        send("/generate", {"inputs": one, "parameters": {"max_new_tokens": 4}}).json()
        for one in ("one", "three")
    ]
    choices = answer.json()["choices"]
    assert [one["text"] for one in choices] == [one["generated_text"] for one in alone]
    assert [one["index"] for one in choices] == [0, 1]
    assert answer.json()["usage"]["prompt_tokens"] == 8
    assert answer.headers["x-prompt-tokens"] == "8"
    assert answer.headers["x-generated-tokens"] == "8"


def test_streamed_completions_come_side_by_side(send: Send) -> None:
    """Each with its index; the last chunk of each has its usage and TGI's own reason."""
    body = {"prompt": ["one", "three"], "max_tokens": 4, "temperature": 0, "stream": True}
    pieces = chunks(send("/v1/completions", body))
    for place, prompt in enumerate((3, 5)):
        mine = [piece for piece in pieces if piece["choices"][0]["index"] == place]
        assert [piece["choices"][0]["finish_reason"] for piece in mine] == ["", "", "", "length"]
        assert [piece["usage"]["prompt_tokens"] for piece in mine if "usage" in piece] == [prompt]


@pytest.mark.parametrize(
    ("more", "error", "kind"),
    [
        (
            {"suffix": "x"},
            "Suffix is not supported and can be achieved by preprocessing the prompt.",
            "suffix not supported",
        ),
        (
            {"prompt": ["a", "b", "c"]},
            "Number of prompts exceeds the maximum allowed batch size of 2",
            "batch size exceeded",
        ),
        (
            {"prompt": ["a", ""]},
            "Input validation error: `inputs` cannot be empty",
            "validation",
        ),
    ],
)
def test_completions_refuse_in_words_of_their_own(
    send: Send, more: dict[str, Any], error: str, kind: str
) -> None:
    """422 with a type that no other route has."""
    answer = send("/v1/completions", {"prompt": "a", **more})
    assert (answer.status_code, answer.json()) == (422, {"error": error, "error_type": kind})


@pytest.mark.parametrize("prompt", [[], [1], {"a": 1}, None])
def test_a_prompt_is_a_string_or_strings(send: Send, prompt: Any) -> None:
    """Plain text, as from any body that cannot be read."""
    answer = send("/v1/completions", {"prompt": prompt})
    assert answer.status_code == 422
    assert answer.text.startswith(
        "Failed to deserialize the JSON body into the target type: prompt"
    )


def test_invocations_take_the_body_of_three_routes(send: Send) -> None:
    """Told apart by their fields."""
    short = {"max_tokens": 2, "temperature": 0}
    parameters = {"max_new_tokens": 2}
    generated = send("/invocations", {"inputs": "a", "parameters": parameters}).json()
    assert generated[0]["generated_text"].startswith("a")
    assert send("/invocations", {"messages": [USER], **short}).json()["object"] == "chat.completion"
    assert send("/invocations", {"prompt": "a", **short}).json()["object"] == "text_completion"
    refused = send("/invocations", {"text": "a"})
    assert refused.status_code == 422
    assert "did not match any variant of untagged enum SagemakerRequest" in refused.text


def test_vertex_answers_with_texts_only(send: Send) -> None:
    """Prompts and chats may be mixed; nothing at all is refused, and any failure is a 500."""
    instances = [
        {"inputs": "a", "parameters": {"max_new_tokens": 2, "seed": 1}},
        {"messages": [USER], "max_tokens": 2},
    ]
    assert len(send("/vertex", {"instances": instances}).json()["predictions"]) == 2
    empty = send("/vertex", {"instances": []})
    assert (empty.status_code, empty.json()["error_type"]) == (422, "Input validation error")
    failed = send("/vertex", {"instances": [{"inputs": ""}]})
    assert (failed.status_code, failed.json()["error"]) == (500, "Incomplete generation")
    assert send("/vertex", {"instances": [{"x": 1}]}).status_code == 422


def test_best_of_several_is_refused_as_one_error(send: Send) -> None:
    """Not as a group of them."""
    refused = send("/generate", {"inputs": "a", "parameters": {"best_of": 2}})
    assert refused.status_code == 422
    assert refused.json()["error"].endswith("you must use sampling when `best_of` is > 1")


def test_metrics_tell_what_was_done(send: Send) -> None:
    """Requests, failures by reason, tokens and passes."""
    send("/generate", {"inputs": "abc", "parameters": {"max_new_tokens": 5}})
    send("/generate", {"inputs": ""})
    passes = 'tgi_batch_inference_success{method="decode"} 4'
    page = send("/metrics")
    deadline = time.monotonic() + 10
    # the last pass is counted when it is over, moments after its token went out
    while passes not in page.text and time.monotonic() < deadline:
        page = send("/metrics")
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    lines = page.text.splitlines()
    assert "tgi_request_count 2" in lines
    assert "tgi_request_success 1" in lines
    assert 'tgi_request_failure{err="validation"} 1' in lines
    assert "tgi_request_input_length_sum 3" in lines
    assert "tgi_request_generated_tokens_sum 5" in lines
    assert passes in lines
    assert "tgi_queue_size 0" in lines


def test_a_grammar_that_becomes_too_large_fails_only_its_own_request(send: Send) -> None:
    """424 in the words of the matcher; the server goes on."""
    many = {"properties": {f"k{number}": {"type": "string"} for number in range(2000)}}
    grammar = {"type": "json", "value": many}
    failed = send("/generate", {"inputs": "a", "parameters": {"grammar": grammar}})
    assert (failed.status_code, failed.json()["error_type"]) == (424, "generation")
    assert "\n" not in failed.json()["error"]
    assert send("/health").status_code == 200
    body = {"inputs": "a", "parameters": {"grammar": {"type": "regex", "value": "(ab){3}"}}}
    assert send("/generate", body).json() == {"generated_text": "ababab"}
