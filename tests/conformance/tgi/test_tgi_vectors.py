"""Requests to TGI's router with what it answers, as data: any TGI 3.3.6 must pass.

Each file of ``vectors`` is a list of::

    {"name": …, "request": {"method"?, "path", "body" or "raw", "headers"?},
     "status": …, "answer" or "text" or "events": what is said of it,
     "headers"?, "twice"?, "differs"?}

``answer`` is of the JSON, ``text`` of a body that is none, ``events`` of the list of events of a
stream.  ``twice`` sends the request again and wants the same text.  Every answer is also held
against the fields of its route.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from conformance_record import Tally
from tgi_matching import filled, misfit
from tgi_shapes import check_event, check_whole

pytestmark = pytest.mark.suite("tgi", "Requests to TGI as data, from its router and its OpenAPI")

HERE = Path(__file__).parent
Vector = dict[str, Any]


def _vectors() -> list[Any]:
    found = []
    for file in sorted((HERE / "vectors").glob("*.json")):
        for vector in json.loads(file.read_text(encoding="utf-8")):
            differs = vector.get("differs")
            marks = [pytest.mark.known_difference(differs)] if differs else []
            name = f"{file.stem}: {vector['name']}"
            found.append(pytest.param(vector, id=name, marks=marks))
    return found


VECTORS = _vectors()


@pytest.fixture(scope="module")
def known(generator: httpx.Client) -> dict[str, Any]:
    """What ``/info`` says, and prompts that follow from it."""
    info: dict[str, Any] = generator.get("/info").json()
    return {**info, "long": "a b " * info["max_total_tokens"]}


def send(generator: httpx.Client, request: dict[str, Any]) -> httpx.Response:
    """One request as the vector has it."""
    body = request.get("body")
    content = request.get("raw", json.dumps(body) if "body" in request else None)
    method = request.get("method", "GET" if content is None else "POST")
    headers = {"content-type": "application/json"} if content is not None else {}
    return generator.request(
        method,
        request["path"],
        content=content,
        headers=headers | request.get("headers", {}),
    )


def read_events(answer: httpx.Response) -> list[Any]:
    """The events of a stream; comments keep connections alive."""
    assert answer.headers["content-type"] == "text/event-stream"
    blocks = [block for block in answer.text.split("\n\n") if not block.startswith(":")]
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") for block in blocks)
    texts = [block.removeprefix("data: ") for block in blocks]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def read(vector: Vector, answer: httpx.Response) -> Any:
    """The answer as the vector looks at it, its fields checked."""
    path = vector["request"]["path"]
    if "events" in vector:
        events = read_events(answer)
        for event in events:
            if event != "[DONE]":
                check_event(path, event)
        return events
    if "text" in vector:
        return answer.text
    body = answer.json()
    check_whole(path, answer.status_code, body)
    return body


def without_time(value: Any) -> Any:
    """The same without what changes from one answer to the next."""
    if isinstance(value, list):
        return [without_time(inner) for inner in value]
    if isinstance(value, dict):
        return {key: without_time(inner) for key, inner in value.items() if key != "created"}
    return value


@pytest.mark.parametrize("vector", VECTORS)
def test_vector(
    generator: httpx.Client, known: dict[str, Any], vector: Vector, tally: Tally
) -> None:
    """Status, fields, headers and what the vector says of the answer."""
    vector = filled(vector, known)
    answer = send(generator, vector["request"])
    assert answer.status_code == vector["status"], answer.text[:500]
    said = read(vector, answer)
    expected = next(vector[kind] for kind in ("answer", "text", "events") if kind in vector)
    assert misfit(expected, said) is None
    assert misfit(vector.get("headers", {}), dict(answer.headers), where="headers") is None
    if vector.get("twice"):
        again = read(vector, send(generator, vector["request"]))
        assert without_time(again) == without_time(said)
    tally.compared(1)


def test_there_are_enough_vectors_and_each_has_a_name_of_its_own() -> None:
    """A file that is not read would be missed otherwise."""
    names = [param.id for param in VECTORS]
    assert len(set(names)) == len(names) >= 120
