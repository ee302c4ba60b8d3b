"""Running deployments that change: allocations, caches, several deployments of a model."""

from __future__ import annotations

from typing import Any

import pytest
from ml_calls import Caller, upload, vector_of

MODELS = "/_ml/trained_models"


def stats_of(admin: Caller, name: str) -> list[dict[str, Any]]:
    """The statistics of the deployments that a name stands for."""
    answer = admin.ok("GET", f"{MODELS}/{name}/_stats")
    return [entry["deployment_stats"] for entry in answer["trained_model_stats"]]


@pytest.fixture
def running(admin: Caller, prefix: str, definition: bytes) -> str:
    """A model with one deployment of another name; the answer is the deployment's."""
    upload(admin, prefix, definition)
    query = f"deployment_id={prefix}-d&timeout=60s&cache_size=10kb"
    started = admin.ok("POST", f"{MODELS}/{prefix}/deployment/_start?{query}")
    assert started["assignment"]["task_parameters"]["cache_size"] == "10kb"
    return f"{prefix}-d"


def test_the_number_of_allocations_changes_while_it_runs(admin: Caller, running: str) -> None:
    """The answer is the new assignment; what is wrong is refused."""
    path = f"{MODELS}/{running}/deployment/_update"
    assignment = admin.ok("POST", path, {"number_of_allocations": 2})["assignment"]
    assert assignment["task_parameters"]["number_of_allocations"] == 2
    assert assignment["assignment_state"] == "started"
    (stats,) = stats_of(admin, running)
    assert stats["number_of_allocations"] == 2
    assert vector_of(admin, running, "a") == vector_of(admin, running, "a")
    assert (
        admin.ok("POST", f"{path}?number_of_allocations=1")["assignment"]["task_parameters"][
            "number_of_allocations"
        ]
        == 1
    )
    for body, reason in (
        ({"number_of_allocations": 0}, "[number_of_allocations] must be a positive integer"),
        ({"nope": 1}, "unknown field [nope]"),
    ):
        reply = admin("POST", path, body)
        assert reply.status == 400
        assert reason in reply.text
    reply = admin("POST", f"{MODELS}/{running}-nope/deployment/_update", {})
    assert reply.error == (
        404,
        "resource_not_found_exception",
        f"No known model deployment with id [{running}-nope]",
    )


def test_adaptive_allocations_are_told_and_taken_back(admin: Caller, running: str) -> None:
    """Enabled, they decide the number, and nobody else may."""
    path = f"{MODELS}/{running}/deployment/_update"
    wish = {"enabled": True, "min_number_of_allocations": 2, "max_number_of_allocations": 3}
    assignment = admin.ok("POST", path, {"adaptive_allocations": wish})["assignment"]
    assert assignment["adaptive_allocations"] == wish
    (stats,) = stats_of(admin, running)
    assert stats["adaptive_allocations"] == wish
    assert stats["number_of_allocations"] == 2
    assert admin("POST", path, {"number_of_allocations": 1}).error == (
        400,
        "validation_exception",
        "Validation Failed: 1: [number_of_allocations] cannot be set if adaptive allocations is"
        " enabled;",
    )
    reply = admin("POST", path, {"adaptive_allocations": {"min_number_of_allocations": 9}})
    assert "[min_number_of_allocations] must not be larger than" in reply.error[2]
    assignment = admin.ok("POST", path, {"adaptive_allocations": None})["assignment"]
    assert assignment["adaptive_allocations"] is None
    admin.ok("POST", path, {"number_of_allocations": 1})


def test_a_cache_answers_until_it_is_emptied(admin: Caller, running: str) -> None:
    """The same text is inferred once; after clearing it is inferred again."""

    def hits() -> int:
        (stats,) = stats_of(admin, running)
        count: int = stats["nodes"][0]["inference_cache_hit_count"]
        return count

    for _ in range(2):
        vector_of(admin, running, "a b c")
    assert hits() == 1
    assert admin.ok("POST", f"{MODELS}/{running}/deployment/cache/_clear") == {"cleared": True}
    vector_of(admin, running, "a b c")
    assert hits() == 1
    assert admin("POST", f"{MODELS}/{running}-nope/deployment/cache/_clear").error == (
        404,
        "resource_not_found_exception",
        f"No known model deployment with id [{running}-nope]",
    )


def test_a_model_may_run_twice(admin: Caller, prefix: str, running: str) -> None:
    """Statistics have an entry for each deployment and count the model once."""
    query = f"deployment_id={prefix}-e&timeout=60s&priority=low&cache_size=0"
    started = admin.ok("POST", f"{MODELS}/{prefix}/deployment/_start?{query}")["assignment"]
    assert started["task_parameters"]["cache_size"] == "0"
    answer = admin.ok("GET", f"{MODELS}/{prefix}/_stats")
    assert answer["count"] == 1
    named = [entry["deployment_stats"]["deployment_id"] for entry in answer["trained_model_stats"]]
    assert named == [f"{prefix}-d", f"{prefix}-e"]
    assert [stats["priority"] for stats in stats_of(admin, prefix)] == ["normal", "low"]
    vector_of(admin, f"{prefix}-e", "a")
    assert [stats.get("inference_count", 0) for stats in stats_of(admin, prefix)] == [0, 1]
    assert admin.ok("POST", f"{MODELS}/{prefix}-e/deployment/_stop") == {"stopped": True}
    vector_of(admin, prefix, "a")
    assert admin("DELETE", f"{MODELS}/{prefix}").status == 409


def test_the_old_path_of_inference_takes_one_document(admin: Caller, deployed: str) -> None:
    """It answers with the bare result and a warning that it is deprecated."""
    path = f"{MODELS}/{deployed}/deployment/_infer"
    document = {"text_field": "a"}
    answer = admin.client.post(path, json={"docs": [document]})
    assert answer.json() == {"predicted_value": vector_of(admin, deployed, "a")}
    assert (
        "is deprecated! Use [POST /_ml/trained_models/{model_id}/_infer]"
        in (answer.headers["warning"])
    )
    assert admin("POST", path, {"docs": [document, document]}).error == (
        400,
        "validation_exception",
        "Validation Failed: 1: multiple documents are not supported;",
    )
    assert admin("POST", f"{MODELS}/{deployed}/_infer").error[::2] == (400, "requires body")


def test_usage_counts_what_there_is(admin: Caller, deployed: str, prefix: str) -> None:
    """`_xpack/usage` counts models by task, deployments, and nothing that is not there."""
    vector_of(admin, deployed, "a")
    settings = {"model_id": deployed, "deployment_id": deployed, "num_threads": 1}
    endpoint = {"service": "elasticsearch", "service_settings": settings}
    admin.ok("PUT", f"/_inference/text_embedding/{prefix}", endpoint)
    usage = admin.ok("GET", "/_xpack/usage")
    ml = usage["ml"]
    assert (ml["available"], ml["enabled"], ml["node_count"]) == (True, True, 1)
    assert ml["jobs"] == {"_all": {"count": 0}}
    models = ml["inference"]["trained_models"]
    assert models["count"]["text_embedding"] >= 1
    assert models["count"]["total"] == models["_all"]["count"]
    assert ml["inference"]["deployments"]["count"] >= 1
    assert ml["inference"]["deployments"]["inference_counts"]["total"] >= 1
    assert usage["watcher"] == {"available": False, "enabled": False}
    counted = {(one["service"], one["task_type"]): one for one in usage["inference"]["models"]}
    assert counted["elasticsearch", "TEXT_EMBEDDING"]["count"] >= 1
