"""x-pack-core's own parsers and validators, asked beside the server about generated requests."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from conformance_record import Tally
from embedding_server import COMPLETION, RANKING, VECTOR, EmbeddingServer
from oracle_calls import Call
from oracle_comparing import Answer, compare
from oracle_inference_bodies import (
    chats,
    chunkings,
    endpoint_updates,
    inferences,
    unreadable_endpoints,
)
from oracle_judging import judge
from oracle_program import Oracle

Calls = Callable[[random.Random, str, int], list[Call]]
pytestmark = pytest.mark.suite("oracle", "x-pack-core's own classes, run beside the server")


@pytest.fixture(scope="module")
def embeddings() -> Iterator[EmbeddingServer]:
    """A server that endpoints can be made for."""
    with EmbeddingServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("generate", "number"),
    [
        pytest.param(inferences, 450, id="inferences"),
        pytest.param(chats, 350, id="chats"),
        pytest.param(unreadable_endpoints, 80, id="new endpoints"),
        pytest.param(endpoint_updates, 120, id="updates"),
    ],
)
def test_calls_about_an_endpoint_that_is_not_there(
    server: httpx.Client,
    oracle: Oracle,
    module_prefix: str,
    tally: Tally,
    seeded: Callable[[str], random.Random],
    counted: Callable[[int], int],
    generate: Calls,
    number: int,
) -> None:
    """What the task cannot read is refused as such, what it can read as a 404."""
    calls = generate(seeded(generate.__name__), module_prefix, counted(number))
    judge(compare(server, oracle, calls), tally)


def test_chunking_settings(
    server: httpx.Client,
    oracle: Oracle,
    module_prefix: str,
    tally: Tally,
    seeded: Callable[[str], random.Random],
    counted: Callable[[int], int],
    embeddings: EmbeddingServer,
) -> None:
    """They are refused, or shown as they were understood."""
    calls = chunkings(seeded("chunking"), module_prefix, counted(160), embeddings.url)
    verdict = compare(server, oracle, calls, success=as_rendered, view=chunking_settings)
    judge(verdict, tally)
    assert 0 < verdict.accepted < verdict.compared


def as_rendered(call: Call, rendering: Any) -> Any:
    """The settings as they were understood."""
    return {"chunking_settings": rendering}


def chunking_settings(call: Call, answer: Answer) -> Answer:
    """The rest of an endpoint is the service's."""
    if answer.status != 200:
        return answer
    return Answer(200, {"chunking_settings": answer.body["chunking_settings"]})


_RANKED = [{"index": one["index"], "score": one["score"]} for one in RANKING]
ANSWERS = [
    ("text_embedding", {"input": "a"}, "dense", [{"values": VECTOR}]),
    ("text_embedding", {"input": ["a", "b"]}, "dense", [{"values": VECTOR}] * 2),
    ("rerank", {"query": "q", "input": ["a", "b"]}, "rerank", _RANKED),
    (
        "rerank",
        {"query": "q", "input": ["a", "b"], "return_documents": True},
        "rerank",
        [one | {"text": "ab"[one["index"]]} for one in _RANKED],
    ),
    ("completion", {"input": "a"}, "completion", [{"result": COMPLETION}]),
]


@pytest.mark.parametrize(("task", "body", "kind", "results"), ANSWERS)
def test_answers_of_inference(
    server: httpx.Client,
    oracle: Oracle,
    module_prefix: str,
    tally: Tally,
    embeddings: EmbeddingServer,
    task: str,
    body: dict[str, Any],
    kind: str,
    results: list[dict[str, Any]],
) -> None:
    """What the endpoint's server said, as x-pack-core writes it."""
    path = f"/_inference/{task}/{module_prefix}-{task.replace('_', '-')}-said"
    service = {"api_key": "k", "url": embeddings.url}
    settings = {"service": "hugging_face", "service_settings": service}
    made = server.put(path, json=settings)
    assert made.status_code == 200, made.text
    answer = server.post(path, json=body)
    server.delete(path)
    line = {"id": "", "kind": "result", "args": {"task": kind, "results": results}}
    (written,) = oracle.ask([line])
    assert answer.text == written["accepted"]
    tally.compared(1, "generated requests")
