"""Valid bodies for inference endpoints, task by task, and calls made of them."""

from __future__ import annotations

import random
from typing import Any

from oracle_calls import Call, State
from oracle_mutations import Tree, mutated, text_of

TASKS = ("text_embedding", "sparse_embedding", "completion", "rerank", "embedding")
_BAD_IDS = ("UPPER", "a b", "a-", "a_", "a.", "a" * 80, "ä", "a$b", "a..b")

INPUT_VALUES: dict[str, list[Tree]] = {
    "input": [[], "", "a", ["a"], ["a", 1], [None], {}, 1, None, [["a"]], [""], {"text": "a"}],
    "input_type": ["search", "ingest", "SEARCH", "nope", "", "unspecified", "internal_search", 1],
    "query": ["", "q", 1, None, ["q"]],
    "task_settings": [{}, {"a": 1}, [], 1, None, {"a": {"b": None}}],
    "return_documents": [True, "false", 1, None],
    "top_n": [-1, 0, 1, "2", 1.5, None, 2**31],
    "timeout": ["1s", 1],
    "inference_timeout": ["1s"],
}


def inferences(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Inferences of every task but chat, at an endpoint that does not exist."""
    calls = []
    for number in range(count):
        task = rng.choice(TASKS)
        valid = _input(rng, task)
        body = text_of(valid) if rng.random() < 0.2 else mutated(rng, valid, INPUT_VALUES)
        calls.append(_inference(rng, prefix, number, task, body, "unknown_endpoint"))
    return calls


def _input(rng: random.Random, task: str) -> dict[str, Any]:
    body: dict[str, Any] = {"input": rng.choice(("a", ["a"], ["a", "漢字"]))}
    if task == "rerank":
        body |= {"query": "q", "input": ["a", "b"]}
        if rng.random() < 0.4:
            body["return_documents"] = rng.choice((True, False))
        if rng.random() < 0.4:
            body["top_n"] = rng.choice((1, 2, 10))
    elif task != "completion" and rng.random() < 0.5:
        body["input_type"] = rng.choice(("search", "ingest", "classification", "clustering"))
    if rng.random() < 0.2:
        body["task_settings"] = {"user": "x"}
    return body


def _inference(
    rng: random.Random, prefix: str, number: int, task: str, body: str, state: str
) -> Call:
    endpoint = f"{prefix}-no{number}" + (rng.choice(_BAD_IDS) if rng.random() < 0.05 else "")
    path = {"task_type": task, "inference_id": endpoint}
    route = "/_inference/{task_type}/{inference_id}"
    form = rng.random()
    if form < 0.04:
        path["task_type"] = rng.choice(("nope", "TEXT_EMBEDDING", "Completion", "any", ""))
    if form > 0.97 or not path["task_type"]:
        del path["task_type"]
        route = "/_inference/{inference_id}"
    if path.get("task_type", "any") == "any" and state.endswith("_in_chat"):
        state = state.removesuffix("_in_chat")
    if task == "chat_completion":
        route += "/_stream" if rng.random() < 0.9 else ""
    elif task == "completion" and rng.random() < 0.3:
        route += "/_stream"
    query = {}
    if rng.random() < 0.06:
        query = {"timeout": rng.choice(("5s", "x", "0", "-1"))}
    elif rng.random() < 0.02:
        query = {"nope": "1"}
    return Call(
        kind="inference",
        method="POST",
        route=route,
        path=path,
        query=query,
        body=body,
        state=State(state, (endpoint,)),
    )


CHAT_VALUES: dict[str, list[Tree]] = {
    "messages": [[], [{}], [1], "a", None, {}, [{"role": "user"}], [{"content": "a"}]],
    "content": ["", "a", None, 1, [], {}, [{"type": "text"}], [{"text": "a"}], ["a"],
                [{"type": "text", "text": "a"}], [{"type": "image_url", "image_url": {}}],
                [{"type": "nope", "text": "a"}]],
    "role": ["user", "assistant", "system", "tool", "nope", "", 1, None],
    "tool_choice": ["auto", "none", "nope", 1, {}, {"type": "function"}, None,
                    {"type": "function", "function": {"name": "f"}}],
    "tools": [[], [{}], [1], {}, [{"type": "function"}], [{"type": "function", "function": {}}]],
    "tool_calls": [[], [{}], [{"id": "1"}], 1],
    "temperature": [-1, 0, 2.5, "1", None],
    "top_p": [-1, 0, 2, "x", None],
    "max_completion_tokens": [-1, 0, 1, 1.5, "3", 2**40, 2**63, None],
    "stop": ["a", [], ["a"], [1], None],
    "model": ["", "m", 1, None],
    "reasoning": [{}, {"effort": "high"}, {"effort": "nope"}, {"enabled": True}, 1, {"nope": 1}],
    "parameters": [{}, 1, None],
    "function": [{}, 1, {"name": 1}],
}  # fmt: skip


def chats(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Chat completions at an endpoint that does not exist."""
    calls = []
    for number in range(count):
        valid = _chat(rng)
        body = text_of(valid) if rng.random() < 0.2 else mutated(rng, valid, CHAT_VALUES)
        state = "unknown_endpoint_in_chat"
        calls.append(_inference(rng, prefix, number, "chat_completion", body, state))
    return calls


def _chat(rng: random.Random) -> dict[str, Any]:
    content = rng.choice(("hello", "漢字", [{"type": "text", "text": "a"}]))
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if rng.random() < 0.3:
        messages.insert(0, {"role": "system", "content": "s"})
    if rng.random() < 0.2:
        call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages += [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "content": "42", "tool_call_id": "1"},
        ]
    body: dict[str, Any] = {"messages": messages}
    options: dict[str, Tree] = {
        "model": "m",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_completion_tokens": 16,
        "stop": ["."],
        "tool_choice": "auto",
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": {"type": "object"}},
            }
        ],
        "reasoning": {"effort": "low"},
    }
    return body | {name: value for name, value in options.items() if rng.random() < 0.25}


CHUNKING_VALUES: dict[str, list[Tree]] = {
    "strategy": ["word", "sentence", "recursive", "none", "nope", "WORD", "", 1, None],
    "max_chunk_size": [-1, 0, 9, 10, 19, 20, 21, 100, 10_000, "20", 20.5, 2**31, None],
    "overlap": [-1, 0, 1, 10, 50, 51, "1", None],
    "sentence_overlap": [-1, 0, 1, 2, "1", None],
    "separators": [[], ["\n"], ["a", 1], [""], "a", None, {}],
    "separator_group": ["plaintext", "markdown", "MARKDOWN", "nope", "", 1, None],
    "nope": [1],
}


def chunkings(rng: random.Random, prefix: str, count: int, url: str) -> list[Call]:
    """New endpoints for embedding by a server at ``url``, with chunking settings of all sorts."""
    calls = []
    for number in range(count):
        body: dict[str, Any] = {
            "service": "hugging_face",
            "service_settings": {"api_key": "k", "url": url},
        }
        if rng.random() < 0.97:
            body["chunking_settings"] = _chunking(rng)
        calls.append(
            Call(
                kind="chunking",
                method="PUT",
                route="/_inference/{task_type}/{inference_id}",
                path={"task_type": "text_embedding", "inference_id": f"{prefix}-{number}"},
                body=text_of(body),
            )
        )
    return calls


def _chunking(rng: random.Random) -> dict[str, Tree]:
    valid = rng.choice(
        (
            {"strategy": "word", "max_chunk_size": 100, "overlap": 10},
            {"strategy": "sentence", "max_chunk_size": 50, "sentence_overlap": 1},
            {"strategy": "sentence", "max_chunk_size": 20},
            {"strategy": "recursive", "max_chunk_size": 100, "separator_group": "markdown"},
            {"strategy": "recursive", "max_chunk_size": 100, "separators": ["\n\n", "\n"]},
            {"strategy": "none"},
        )
    )
    settings: dict[str, Tree] = dict(valid)
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        name = rng.choice(list(CHUNKING_VALUES))
        if rng.random() < 0.2:
            settings.pop(name, None)
        else:
            settings[name] = rng.choice(CHUNKING_VALUES[name])
    return settings


def unreadable_endpoints(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """New endpoints that no service gets to see: bad ids, and bodies that are no JSON objects."""
    valid = {"service": "hugging_face", "service_settings": {"api_key": "k", "url": "http://x"}}
    calls = []
    for number in range(count):
        text = text_of(valid)
        cut = rng.randrange(1, len(text))
        broken = (text[:cut], "{," + text[1:], text.replace(":", " "), "")
        body = rng.choice(broken)
        endpoint = f"{prefix}-{number}"
        if rng.random() < 0.4:
            body, endpoint = text, f"{endpoint}{rng.choice(_BAD_IDS)}Z"
        calls.append(
            Call(
                kind="put_inference",
                method="PUT",
                route="/_inference/{task_type}/{inference_id}",
                path={"task_type": "text_embedding", "inference_id": endpoint},
                query={"timeout": "x"} if rng.random() < 0.05 else {},
                body=body,
            )
        )
    return calls


UPDATE_VALUES: dict[str, list[Tree]] = {
    "service_settings": [{}, {"nope": 1}, {"a": {"b": 1}}, [], 1, "a", None],
    "task_settings": [{}, {"nope": 1}, [], 1, "a", None],
    "chunking_settings": [{}, {"strategy": "nope"}, [], 1, "a", None],
    "num_allocations": [0, 1, "2", None],
}


def endpoint_updates(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Updates of an endpoint that does not exist."""
    calls = []
    for number in range(count):
        valid: dict[str, Any] = {"service_settings": {"num_allocations": 2, "api_key": "k"}}
        if rng.random() < 0.4:
            valid["task_settings"] = {"top_n": 3}
        if rng.random() < 0.4:
            valid["chunking_settings"] = {"strategy": "none"}
        endpoint = f"{prefix}-no{number}" + (rng.choice(_BAD_IDS) if rng.random() < 0.05 else "")
        calls.append(
            Call(
                kind="update_inference",
                method="PUT",
                route="/_inference/{task_type}/{inference_id}/_update",
                path={"task_type": rng.choice((*TASKS, "nope")), "inference_id": endpoint},
                body=text_of(valid) if rng.random() < 0.2 else mutated(rng, valid, UPDATE_VALUES),
                state=State("no_endpoint_to_update", (endpoint,)),
            )
        )
    return calls
