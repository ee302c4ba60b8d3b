"""The HTTP routes, over a module that runs in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from esrag.local.mlnode.app import create_app
from esrag.local.mlnode.deployments import Deployments
from esrag.local.mlnode.durable import Staging
from esrag.local.mlnode.store import ModelStore

VOCABULARY = {
    "vocabulary": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##b", "##c"]
}
CONFIG: dict[str, Any] = {"inference_config": {"text_embedding": {"tokenization": {"bert": {}}}}}

Open = Callable[[], TestClient]


@pytest.fixture
def deployments() -> list[Deployments]:
    """Those of each opening of the data folder."""
    return []


@pytest.fixture
def open_node(tmp_path: Path, execution: Any, deployments: list[Deployments]) -> Iterator[Open]:
    """Opens the data folder as a fresh process does, each time it is called."""
    opened = deployments

    def open_again() -> TestClient:
        for earlier in opened:
            earlier.shut_down()
        staging = Staging(tmp_path / "staging")
        store = ModelStore(tmp_path / "models", staging)
        these = Deployments(
            tmp_path / "deployments",
            staging,
            store,
            empty_folder=tmp_path,
            start=lambda _settings: type(execution)() if opened[1:] else execution,
            isolates=lambda: True,
        )
        opened.append(these)
        these.start_again()
        return TestClient(create_app(store, these))

    yield open_again
    for these in opened:
        these.shut_down()


@pytest.fixture
def node(open_node: Open) -> TestClient:
    """A client of a node with a complete model ``m``."""
    client = open_node()
    assert client.put("/models/m", json=CONFIG).status_code == 200
    assert put_part(client, "m", b"abc", 0, 1, 3).json() == {"complete": True}
    assert client.put("/models/m/vocabulary", json=VOCABULARY).status_code == 200
    return client


def put_part(
    client: TestClient, model: str, body: bytes, part: Any, total: Any, length: Any
) -> Any:
    """Send one part."""
    return client.put(
        f"/models/{model}/definition/{part}",
        params={"total_parts": total, "total_definition_length": length},
        content=body,
    )


def deploy(client: TestClient, deployment: str = "m", **fields: Any) -> Any:
    """Start a deployment of ``m``."""
    return client.post(f"/deployments/{deployment}", json={"model_id": "m", **fields})


def infer(client: TestClient, *inputs: Any, **fields: Any) -> Any:
    """Execute."""
    body = {"inputs": list(inputs), "timeout_ms": 5000, **CONFIG, **fields}
    return client.post("/deployments/m/infer", json=body)


def kind(response: Any) -> tuple[int, str]:
    """Status and kind of a refusal, which must have a sentence too."""
    error = response.json()["error"]
    assert error["reason"]
    return response.status_code, error["type"]


def wait_for(client: TestClient, state: str, deployment: str = "m") -> Any:
    """The description of a deployment once it is in a state."""
    deadline = time.monotonic() + 10
    while (d := client.get(f"/deployments/{deployment}").json())["state"] != state:
        assert time.monotonic() < deadline, d
        time.sleep(0.005)
    return d


def test_health_counts_models_and_deployments(node: TestClient) -> None:
    """And says whether children are isolated."""
    deploy(node)
    wait_for(node, "started")
    health = node.get("/health").json()
    assert isinstance(health.pop("pid"), int)
    counted = {"models": 1, "deployments": 1, "starting": 0}
    assert health == {"status": "ok", "isolated": True, **counted}


def test_a_model_is_listed_as_it_was_put(node: TestClient) -> None:
    """The configuration is not touched."""
    [listed] = node.get("/models").json()["models"]
    assert listed == node.get("/models/m").json()
    assert listed["config"] == CONFIG
    assert listed["definition"]["complete"]
    assert listed["has_vocabulary"]


def test_inference_gives_one_result_for_each_input(node: TestClient) -> None:
    """With numbers in JSON and the flag."""
    assert deploy(node).json()["state"] in ("starting", "started")
    answer = infer(node, "a b", "a")
    assert answer.status_code == 200
    assert answer.json()["results"] == [
        {"type": "text_embedding", "values": [4.0, 16.0], "is_truncated": False},
        {"type": "text_embedding", "values": [3.0, 10.0], "is_truncated": False},
    ]


def test_the_prefix_stands_before_each_text_as_given(node: TestClient) -> None:
    """No space is added: "a" and "b" become the one word ab."""
    deploy(node)
    with_prefix = infer(node, "b", prefix="a").json()["results"]
    assert with_prefix == infer(node, "ab").json()["results"]


def test_an_input_too_long_has_its_reason_in_place(node: TestClient) -> None:
    """The answer is 200, the caller decides what one bad input means."""
    deploy(node)
    config = {
        "text_embedding": {"tokenization": {"bert": {"max_sequence_length": 3, "truncate": "none"}}}
    }
    first, second = infer(node, "a", "a b", inference_config=config).json()["results"]
    assert first["values"]
    assert second == {
        "error": "Input too large. The tokenized input length [4] exceeds the maximum sequence "
        "length [3]"
    }


def test_the_models_own_settings_count_when_the_request_has_none(node: TestClient) -> None:
    """As a caller without the plugin would ask."""
    deploy(node)
    assert infer(node, "a", inference_config=None).status_code == 200


def test_a_late_answer_is_a_timeout(node: TestClient, execution: Any) -> None:
    """408, and it is counted."""
    deploy(node)
    execution.gate.clear()
    assert kind(infer(node, "a", timeout_ms=30)) == (408, "timeout")
    execution.gate.set()
    assert wait_for(node, "started")["timeout_count"] == 1


def test_a_full_queue_is_429(node: TestClient) -> None:
    """More inputs than the queue ever holds."""
    deploy(node, queue_capacity=1)
    assert kind(infer(node, "a", "b")) == (429, "queue_full")


def test_deployments_come_back_after_a_restart(node: TestClient, open_node: Open) -> None:
    """With their settings."""
    deploy(node, "d", threads_per_allocation=2, cache_size="10kb")
    again = wait_for(open_node(), "started", "d")
    assert (again["threads_per_allocation"], again["cache_size"]) == (2, "10kb")


def test_a_deployment_whose_model_is_broken_comes_back_as_failed(
    node: TestClient, open_node: Open, tmp_path: Path
) -> None:
    """The process starts all the same, the reason is shown, and it can be deleted."""
    deploy(node)
    (tmp_path / "models/m/parts/00000").unlink()
    client = open_node()
    assert "Could not find trained model definition" in wait_for(client, "failed")["reason"]
    assert kind(infer(client, "a")) == (503, "failed")
    assert client.delete("/deployments/m").status_code == 200


def test_a_stopped_deployment_stays_stopped(node: TestClient, open_node: Open) -> None:
    """Also after a restart."""
    deploy(node)
    assert node.delete("/deployments/m").json() == {}
    assert node.get("/deployments").json() == {"deployments": []}
    assert open_node().get("/deployments").json() == {"deployments": []}


def test_a_deployed_model_is_protected(node: TestClient) -> None:
    """Against new parts and deletion; force stops its deployments and deletes it."""
    deploy(node, "d")
    assert kind(put_part(node, "m", b"abc", 0, 1, 3)) == (409, "deployed")
    assert kind(node.delete("/models/m")) == (409, "deployed")
    assert node.delete("/models/m", params={"force": "true"}).json() == {}
    assert node.get("/deployments").json() == {"deployments": []}
    assert kind(node.get("/models/m")) == (404, "not_found")


def test_only_complete_models_are_deployed(node: TestClient) -> None:
    """Without definition, with half of it, without vocabulary."""
    node.put("/models/half", json=CONFIG)
    body = {"model_id": "half"}
    assert "definition" in node.post("/deployments/half", json=body).json()["error"]["reason"]
    put_part(node, "half", b"a", 0, 2, 2)
    assert "truncated" in node.post("/deployments/half", json=body).json()["error"]["reason"]
    put_part(node, "half", b"b", 1, 2, 2)
    assert "vocabulary" in node.post("/deployments/half", json=body).json()["error"]["reason"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"number_of_allocations": 0}, "[number_of_allocations] must be a positive integer"),
        ({"number_of_allocations": True}, "[number_of_allocations] must be a positive integer"),
        ({"threads_per_allocation": 3}, "must be a power of 2"),
        ({"threads_per_allocation": 64}, "less than or equal to 32"),
        ({"queue_capacity": 0}, "[queue_capacity] must be a positive integer"),
        ({"priority": "high"}, "[priority] cannot be [high]"),
        ({"cache_size": "big"}, "failed to parse [cache_size]"),
        ({"model_id": "../m"}, "Invalid model_id"),
        ({"model_id": None}, "Invalid model_id"),
    ],
)
def test_impossible_deployments_are_refused(
    node: TestClient, fields: dict[str, Any], reason: str
) -> None:
    """Each with its own sentence, and nothing is started."""
    response = deploy(node, **fields)
    assert kind(response) == (400, "bad_request")
    assert reason in response.json()["error"]["reason"]
    assert node.get("/deployments").json() == {"deployments": []}


def test_names_are_taken_once(node: TestClient) -> None:
    """Models and deployments."""
    deploy(node)
    assert kind(deploy(node)) == (409, "already_exists")
    assert kind(node.put("/models/m", json={})) == (409, "already_exists")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/models/unknown"),
        ("DELETE", "/models/unknown"),
        ("PUT", "/models/unknown/vocabulary"),
        ("GET", "/deployments/unknown"),
        ("DELETE", "/deployments/unknown"),
        ("POST", "/deployments/unknown/infer"),
        ("GET", "/nowhere"),
        ("GET", "/models/%2e%2e%2fdeployments"),
        ("PUT", "/models/a%2fb"),
    ],
)
def test_what_does_not_exist_is_not_found(node: TestClient, method: str, path: str) -> None:
    """Also what a traversal would reach."""
    body = {"inputs": ["a"], "vocabulary": ["x"]} if method in ("POST", "PUT") else None
    assert kind(node.request(method, path, json=body)) == (404, "not_found")


def test_a_model_without_deployment_is_not_deployed(node: TestClient) -> None:
    """409, as the server says it."""
    assert kind(infer(node, "a")) == (409, "not_deployed")


@pytest.mark.parametrize("model", ["..", "%2e%2e", "A", "a%00", "x" * 65, "%F0%9F%98%80"])
def test_bad_ids_never_touch_the_disk(node: TestClient, tmp_path: Path, model: str) -> None:
    """They are refused before any file is written."""
    before = sorted(tmp_path.rglob("*"))
    assert node.put(f"/models/{model}", json={}).status_code in (400, 404, 405)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b'{"inputs":"\xff"}', b'{"inputs":["\\ud800"]}']
)
def test_a_body_that_is_no_json_object_is_refused(node: TestClient, body: bytes) -> None:
    """Lone surrogates are no text either."""
    deploy(node)
    assert kind(node.post("/deployments/m/infer", content=body)) == (400, "bad_request")


@pytest.mark.parametrize(
    "fields",
    [
        {"inputs": []},
        {"inputs": "a"},
        {"inputs": [1]},
        {"inputs": None},
        {"inputs": ["a"] * 10_001},
        {"prefix": 3},
        {"timeout_ms": 0},
        {"timeout_ms": "5"},
        {"inference_config": {"ner": {}}},
        {"inference_config": {"text_embedding": {"tokenization": {"mpnet": {}}}}},
        {"inference_config": 7},
    ],
)
def test_impossible_requests_are_refused(node: TestClient, fields: dict[str, Any]) -> None:
    """As bad_request."""
    deploy(node)
    assert kind(infer(node, "a", **fields)) == (400, "bad_request")


@pytest.mark.parametrize(
    ("part", "total", "length"), [("x", 1, 3), (0, "x", 3), (0, 1, ""), (9, 1, 3), (0, None, 3)]
)
def test_impossible_parts_are_refused(node: TestClient, part: Any, total: Any, length: Any) -> None:
    """Numbers that are none, or do not fit."""
    assert kind(put_part(node, "m", b"abc", part, total, length)) == (400, "bad_request")


def test_a_failing_disk_is_said(node: TestClient, tmp_path: Path) -> None:
    """Not a crash, and not a stack trace."""
    (tmp_path / "models/m/parts/00000").unlink()
    (tmp_path / "models/m/parts").rmdir()
    assert kind(put_part(node, "m", b"abc", 0, 1, 3)) == (503, "failed")


def update(client: TestClient, **fields: Any) -> Any:
    """Change the deployment ``m``."""
    return client.post("/deployments/m/_update", json=fields)


def test_the_number_of_allocations_is_changed_and_kept(node: TestClient, open_node: Open) -> None:
    """Also by the next process."""
    deploy(node)
    wait_for(node, "started")
    changed = update(node, number_of_allocations=3)
    assert changed.status_code == 200
    assert changed.json()["number_of_allocations"] == 3
    assert wait_for(open_node(), "started")["number_of_allocations"] == 3


def test_adaptive_allocations_are_shown_and_kept(node: TestClient, open_node: Open) -> None:
    """As they were asked for, and the number is brought within their limits at once."""
    deploy(node)
    wait_for(node, "started")
    limits = {"enabled": True, "min_number_of_allocations": 2, "max_number_of_allocations": 4}
    described = update(node, adaptive_allocations=limits).json()
    assert described["adaptive_allocations"] == limits
    assert described["number_of_allocations"] == 2
    assert wait_for(open_node(), "started")["adaptive_allocations"] == limits


def test_a_deployment_may_be_started_with_adaptive_allocations(node: TestClient) -> None:
    """It begins with the least."""
    limits = {"enabled": True, "min_number_of_allocations": 2}
    deploy(node, adaptive_allocations=limits)
    assert wait_for(node, "started")["number_of_allocations"] == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"number_of_allocations": 0},
        {"number_of_allocations": "2"},
        {"number_of_allocations": 33},
        {"adaptive_allocations": {"enabled": True}, "number_of_allocations": 2},
        {"adaptive_allocations": {"max_number_of_allocations": 0}},
    ],
)
def test_impossible_updates_are_refused(node: TestClient, fields: dict[str, Any]) -> None:
    """And leave the deployment as it was."""
    deploy(node)
    before = wait_for(node, "started")
    assert kind(update(node, **fields)) == (400, "bad_request")
    assert node.get("/deployments/m").json() == before


def test_an_unknown_deployment_is_not_updated(node: TestClient) -> None:
    """Nor has it a cache."""
    assert kind(update(node, number_of_allocations=2)) == (404, "not_found")
    assert kind(node.post("/deployments/m/cache/_clear")) == (404, "not_found")


def test_a_cache_is_cleared_over_the_wire(node: TestClient) -> None:
    """The same text is executed again."""
    deploy(node, cache_size="1mb")
    wait_for(node, "started")
    for expected in (0, 1):
        assert infer(node, "a").status_code == 200
        assert node.get("/deployments/m").json()["inference_cache_hit_count"] == expected
    assert node.post("/deployments/m/cache/_clear").json() == {}
    infer(node, "a")
    assert node.get("/deployments/m").json()["inference_cache_hit_count"] == 1


def test_aliases_are_kept(node: TestClient, open_node: Open) -> None:
    """Given, moved, listed, taken away, and known to the next process."""
    node.put("/models/other", json=CONFIG)
    for model_id in ("m", "other"):
        assert node.put("/aliases/current", json={"model_id": model_id}).json() == {}
    assert node.put("/aliases/first", json={"model_id": "m"}).status_code == 200
    expected = {"aliases": {"current": "other", "first": "m"}}
    assert node.get("/aliases").json() == expected
    again = open_node()
    assert again.get("/aliases").json() == expected
    assert again.delete("/aliases/first").json() == {}
    assert kind(again.delete("/aliases/first")) == (404, "not_found")


def test_an_alias_needs_a_model_and_goes_with_it(node: TestClient) -> None:
    """It never stands for nothing."""
    assert kind(node.put("/aliases/x", json={"model_id": "none"})) == (404, "not_found")
    assert kind(node.put("/aliases/x", json={})) == (400, "bad_request")
    node.put("/aliases/x", json={"model_id": "m"})
    node.delete("/models/m")
    assert node.get("/aliases").json() == {"aliases": {}}


def test_what_the_call_must_bring_is_asked_for(node: TestClient) -> None:
    """The whole request is refused, as no input could be answered."""
    config = {"inference_config": {"text_similarity": {"tokenization": {"bert": {}}}}}
    node.put("/models/pairs", json=config)
    put_part(node, "pairs", b"abc", 0, 1, 3)
    node.put("/models/pairs/vocabulary", json=VOCABULARY)
    node.post("/deployments/pairs", json={"model_id": "pairs"})
    refused = node.post("/deployments/pairs/infer", json={"inputs": ["a"], **config})
    assert kind(refused) == (400, "bad_request")
    assert refused.json()["error"]["reason"] == "[text] must not be null."


def test_a_busy_deployment_gets_more_allocations_and_an_idle_one_fewer(
    open_node: Open, deployments: list[Deployments], node: TestClient
) -> None:
    """Told by the seconds in the model; the limits are kept to."""
    limits = {"enabled": True, "min_number_of_allocations": 1, "max_number_of_allocations": 3}
    deploy(node, adaptive_allocations=limits, cache_size="0b")
    wait_for(node, "started")
    counts = []
    deployments[-1].scale(0.0)
    for moment in range(1, 4):
        infer(node, *["a"] * 500)  # one second in the model, says the module of these tests
        deployments[-1].scale(moment * 0.4)
        counts.append(node.get("/deployments/m").json()["number_of_allocations"])
    for moment in range(2, 12):
        deployments[-1].scale(float(moment))
    counts.append(node.get("/deployments/m").json()["number_of_allocations"])
    assert counts == [3, 3, 3, 1]
