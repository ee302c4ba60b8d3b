"""Documented requests to Elasticsearch with their answers, successes and errors, as data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
import yaml
from answer_schema import judge, operation_of
from conformance_record import Tally
from servers_under_test import ElasticsearchAddress
from vector_files import Vector, complaints, filled_in, reasons_below, same, vectors
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

    from elasticsearch import Elasticsearch

pytestmark = pytest.mark.suite(
    "requests", "documented requests to Elasticsearch with their answers, kept as data"
)
NUMBERS = count()
EXTRA_FIELDS = yaml.safe_load(Path(__file__).with_name("extra_fields.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def workshop(
    server: httpx.Client,
    tmp_path_factory: pytest.TempPathFactory,
    elasticsearch_address: ElasticsearchAddress,
    request: pytest.FixtureRequest,
    remove_bearers: Callable[[Elasticsearch, str], None],
) -> Iterator[Workshop]:
    """What the vectors share; it is removed at the end of the session."""
    from elasticsearch import Elasticsearch

    tag = f"v{uuid4().hex[:8]}"
    made = Workshop(
        server, elasticsearch_address.client_of, tag, tmp_path_factory.mktemp("modules")
    )
    made.prepare({need for vector in _selected(request.session) for need in vector.needs})
    yield made
    made.close()
    with Elasticsearch(**elasticsearch_address.client_options()) as client:
        remove_bearers(client, tag)


def _selected(session: pytest.Session) -> Iterator[Vector]:
    """The vectors that this run is about."""
    for item in session.items:
        call = getattr(item, "callspec", None)
        if call and isinstance(call.params.get("vector"), Vector):
            yield call.params["vector"]


def parameters() -> Iterator[Any]:
    """Each vector, with the mark of the difference that it is known to meet."""
    for vector in vectors():
        marks = [pytest.mark.known_difference(vector.differs)] if vector.differs else []
        yield pytest.param(vector, id=vector.id, marks=marks)


@pytest.mark.parametrize("vector", list(parameters()))
def test_vector(vector: Vector, workshop: Workshop, tally: Tally) -> None:
    """The stack answers a documented request as it is documented."""
    tally.compared(len(vector.steps))
    names = {"x": f"{workshop.tag}-{next(NUMBERS)}"}
    for need in vector.needs:
        names |= workshop.names(need)
    for step in vector.before:
        answer = send(workshop, filled_in(step, names))
        if not answer.is_success:
            raise RuntimeError(f"before the vector: {step['request']}: {answer.text}")
    for number, step in enumerate(vector.steps, 1):
        expected = filled_in(step, names)
        answer = send(workshop, expected)
        found = faults(expected, answer)
        assert not found, (
            f"step {number}, {expected['request']}:\n"
            + "\n".join(found)
            + f"\n{answer.text[:3000]}"
        )


def send(workshop: Workshop, step: Mapping[str, Any]) -> httpx.Response:
    """The request of a step, as whoever it says."""
    method, path = step["request"].split(" ", 1)
    headers = {"accept": "application/json"} | step.get("headers", {})
    content = None
    if "lines" in step:
        content = "".join(f"{compact(line)}\n" for line in step["lines"])
        headers["content-type"] = "application/x-ndjson"
    elif "text" in step or "body" in step:
        content = step["text"] if "text" in step else compact(step["body"])
        headers.setdefault("content-type", "application/json")
    caller = workshop.caller(step.get("as"))
    return caller.request(method, path, content=content, headers=headers)


def compact(value: Any) -> str:
    """As most clients send it: positions in error texts count on that."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def faults(step: Mapping[str, Any], answer: httpx.Response) -> list[str]:
    """All that is wrong with an answer."""
    found = []
    status = step.get("status", 200)
    if answer.status_code != status:
        found.append(f"status: expected {status}, got {answer.status_code}")
    for name, value in step.get("header", {}).items():
        if not same(value, answer.headers.get(name, "")):
            found.append(f"header {name}: expected {value!r}, got {answer.headers.get(name)!r}")
    refused = answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
    if not refused and answer.headers.get("x-elastic-product") != "Elasticsearch":
        found.append("header x-elastic-product is missing")
    found += [
        f"text: {word!r} is missing" for word in step.get("has", []) if word not in answer.text
    ]
    if "json" in answer.headers.get("content-type", "") and answer.content:
        found += json_faults(step, answer)
    elif {"answer", "error", "reason"} & set(step):
        found.append(f"the answer is not JSON but {answer.headers.get('content-type')}")
    return found


def json_faults(step: Mapping[str, Any], answer: httpx.Response) -> list[str]:
    """What is wrong with the JSON of an answer."""
    body = answer.json()
    found = complaints(step["answer"], body) if "answer" in step else []
    for path in step.get("absent", []):
        value = body
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            found.append(f"{path} should not be there")
    if "error" in step or "reason" in step or "because" in step:
        found += error_faults(step, body.get("error") if isinstance(body, dict) else None)
    if answer.is_success:
        found += schema_faults(step["request"], body)
    return found


def error_faults(step: Mapping[str, Any], error: Any) -> list[str]:
    """Type, reason and causes."""
    shown = error if isinstance(error, dict) else {"type": None, "reason": error}
    found = [
        f"error {key}: expected {step[name]!r}, got {shown.get(key)!r}"
        for name, key in (("error", "type"), ("reason", "reason"))
        if name in step and not same(step[name], shown.get(key))
    ]
    if "because" in step and not any(same(step["because"], one) for one in reasons_below(error)):
        found.append(f"no cause says {step['because']!r}; there are {list(reasons_below(error))}")
    return found


def schema_faults(request: str, body: Any) -> list[str]:
    """What the published specification says about a successful answer."""
    operation = operation_of(*request.split(" ", 1))
    if not operation or "filter_path=" in request:
        return []
    verdict = judge(operation, body)
    found = [
        f"{operation}: the specification says that {one}"
        for one in verdict.wrong
        if not is_explained(operation, one.split(" ")[0])
    ]
    return found + [
        f"{operation}: the specification does not know {one}"
        for one in verdict.unknown
        if not is_explained(operation, one)
    ]


def is_explained(operation: str, field: str) -> bool:
    """Whether a field that the specification knows otherwise is on the list, with a reason."""
    return any(
        fnmatchcase(operation, entry["operation"]) and fnmatchcase(field, entry["field"])
        for entry in EXTRA_FIELDS
    )
