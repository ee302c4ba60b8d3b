"""Deployments: starting, using, measuring and stopping them."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ml_calls import CONFIG, DIMENSIONS, WORDS, Caller, part_body, upload, vector_of


def test_start_answers_with_the_assignment(admin: Caller, prefix: str, definition: bytes) -> None:
    """Parameters may come in the address and in the body, and a deployment may have its own id."""
    upload(admin, prefix, definition)
    path = f"/_ml/trained_models/{prefix}/deployment"
    query = f"timeout=60s&wait_for=fully_allocated&deployment_id={prefix}-d&queue_capacity=7"
    answer = admin.ok("POST", f"{path}/_start?{query}", {"number_of_allocations": 2})
    assignment = answer["assignment"]
    assert assignment["assignment_state"] == "started"
    parameters = assignment["task_parameters"]
    assert parameters["model_id"] == prefix
    assert parameters["deployment_id"] == f"{prefix}-d"
    assert parameters["number_of_allocations"] == 2
    assert parameters["queue_capacity"] == 7
    assert parameters["model_bytes"] == len(definition)
    (route,) = assignment["routing_table"].values()
    assert route == {
        "current_allocations": 2,
        "target_allocations": 2,
        "routing_state": "started",
        "reason": "",
    }
    (stats,) = admin.ok("GET", f"/_ml/trained_models/{prefix}/_stats")["trained_model_stats"]
    deployment = stats["deployment_stats"]
    assert (deployment["number_of_allocations"], deployment["threads_per_allocation"]) == (2, 1)
    (node,) = deployment["nodes"]
    assert (node["number_of_allocations"], node["threads_per_allocation"]) == (2, 1)


def test_what_cannot_be_started_is_refused(admin: Caller, prefix: str, definition: bytes) -> None:
    """Unknown, empty, incomplete and nameless models; a second deployment of the same id."""
    path = f"/_ml/trained_models/{prefix}"
    start = f"{path}/deployment/_start"
    status, kind, reason = admin("POST", start).error
    assert (status, kind) == (404, "resource_not_found_exception")
    assert reason.startswith(f"No known trained model with model_id [{prefix}]")
    admin.ok("PUT", path, CONFIG)
    expected = f"Could not find trained model definition [{prefix}]"
    assert admin("POST", start).error[::2] == (404, expected)
    half = len(definition) // 2 + 1
    admin.ok("PUT", f"{path}/definition/0", part_body(definition[:half], definition))
    expected = (
        f"Model definition truncated. Unable to deserialize trained model definition [{prefix}]"
    )
    assert admin("POST", start).error[::2] == (400, expected)
    admin.ok("PUT", f"{path}/definition/1", part_body(definition[half:], definition))
    status, _, reason = admin("POST", start).error
    assert status == 500
    assert reason.startswith("Could not start trained model deployment, the following nodes failed")
    assert f"Could not find vocabulary document [{prefix}_vocabulary]" in reason
    admin.ok("PUT", f"{path}/vocabulary", {"vocabulary": WORDS})
    admin.ok("POST", f"{start}?timeout=60s")
    expected = (
        "Could not start model deployment because an existing deployment with the same id"
        f" [{prefix}] exist"
    )
    assert admin("POST", start).error[::2] == (400, expected)


def test_a_module_that_cannot_be_loaded_leaves_no_deployment(admin: Caller, prefix: str) -> None:
    """The node's reason is told under its id, and the id is free again."""
    upload(admin, prefix, b"this is no TorchScript archive")
    start = f"/_ml/trained_models/{prefix}/deployment/_start?timeout=60s"
    for _ in range(2):
        status, kind, reason = admin("POST", start).error
        assert (status, kind) == (500, "status_exception")
        told = "Could not start trained model deployment, the following nodes failed with errors [{"
        assert reason.startswith(told)
    (stats,) = admin.ok("GET", f"/_ml/trained_models/{prefix}/_stats")["trained_model_stats"]
    assert "deployment_stats" not in stats


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("number_of_allocations=0", "[number_of_allocations] must be a positive integer"),
        ("threads_per_allocation=3", "[threads_per_allocation] must be a power of 2"),
        ("queue_capacity=0", "[queue_capacity] must be a positive integer"),
        ("priority=low&number_of_allocations=2", "[number_of_allocations] must be 1 when"),
        ("nope=1", "contains unrecognized parameter: [nope]"),
    ],
)
def test_wrong_parameters_of_a_start_are_refused(
    admin: Caller, deployed: str, query: str, reason: str
) -> None:
    """The real request class checks them."""
    reply = admin("POST", f"/_ml/trained_models/{deployed}/deployment/_start?{query}")
    assert reply.status == 400
    assert reason in reply.error[2]


def test_infer_gives_one_result_for_each_document(admin: Caller, deployed: str) -> None:
    """Order is kept and other fields are passed over; one bad document fails the request."""
    documents: list[dict[str, Any]] = [{"text_field": "a b", "other": 1}, {"text_field": "c"}]
    path = f"/_ml/trained_models/{deployed}/_infer"
    results = admin.ok("POST", path, {"docs": documents})["inference_results"]
    assert len(results) == 2
    assert len(results[0]["predicted_value"]) == DIMENSIONS
    assert results[1]["predicted_value"] == vector_of(admin, deployed, "c")
    assert admin("POST", path, {"docs": [*documents, {"x": "y"}]}).error == (
        400,
        "status_exception",
        "Input field [text_field] does not exist in the source document",
    )


def test_infer_takes_wishes_on_top_of_the_config(admin: Caller, deployed: str) -> None:
    """The name of the result and the tokenization can be changed for one request."""
    update = {"results_field": "mine", "tokenization": {"bert": {"truncate": "none"}}}
    body: dict[str, Any] = {
        "docs": [{"text_field": "a"}],
        "inference_config": {"text_embedding": update},
    }
    path = f"/_ml/trained_models/{deployed}/_infer"
    (result,) = admin.ok("POST", path, body)["inference_results"]
    assert list(result) == ["mine"]
    body["docs"] = [{"text_field": "a " * 600}]
    reply = admin("POST", path, body)
    assert reply.status == 400
    assert reply.error[2].startswith("Input too large. The tokenized input length [602]")
    body["inference_config"] = {"text_similarity": {"text": "q"}}
    assert admin("POST", path, body).error[::2] == (
        403,
        f"Trained model [{deployed}] is configured for task [text_embedding] but called with task"
        " [text_similarity]",
    )


def test_a_long_text_is_truncated_and_says_so(admin: Caller, deployed: str) -> None:
    """`is_truncated` is there only when it is true."""
    body = {"docs": [{"text_field": "a " * 600}, {"text_field": "a"}]}
    path = f"/_ml/trained_models/{deployed}/_infer"
    long, short = admin.ok("POST", path, body)["inference_results"]
    assert long["is_truncated"] is True
    assert "is_truncated" not in short


def test_infer_without_documents_or_deployment_is_refused(admin: Caller, prefix: str) -> None:
    """Models that do not exist or are not deployed, and bodies that hold nothing."""
    path = f"/_ml/trained_models/{prefix}"
    body = {"docs": [{"text_field": "a"}]}
    expected = f"Could not find trained model [{prefix}]"
    assert admin("POST", f"{path}/_infer", body).error[::2] == (404, expected)
    admin.ok("PUT", path, CONFIG)
    assert admin("POST", f"{path}/_infer", body).error[::2] == (
        409,
        f"Model [{prefix}] must be deployed to use. Please deploy with the start trained model"
        " deployment API.",
    )
    assert admin("POST", f"{path}/_infer", {}).error[::2] == (400, "[docs] must not be null.")
    assert admin("POST", f"{path}/_infer", {"docs": [], "nope": 1}).status == 400


def test_a_timeout_is_a_408(admin: Caller, deployed: str) -> None:
    """A text that takes longer than allowed is given up."""
    body = {"docs": [{"text_field": "slow " * 10}]}
    reply = admin("POST", f"/_ml/trained_models/{deployed}/_infer?timeout=50ms", body)
    assert reply.error == (
        408,
        "status_exception",
        "timeout [50ms] waiting for inference result",
    )


def test_a_full_queue_is_a_429(admin: Caller, prefix: str, definition: bytes) -> None:
    """A deployment with room for few turns the others away, and counts them."""
    upload(admin, prefix, definition)
    path = f"/_ml/trained_models/{prefix}"
    admin.ok("POST", f"{path}/deployment/_start?timeout=60s&queue_capacity=1")
    body = {"docs": [{"text_field": "slow " * 5}]}
    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(lambda _: admin("POST", f"{path}/_infer", body), range(6)))
    refused = [reply for reply in replies if reply.status != 200]
    assert refused
    for reply in refused:
        assert reply.error == (
            429,
            "es_rejected_execution_exception",
            "inference process queue is full. Unable to execute command",
        )
    stats = admin.ok("GET", f"{path}/_stats")["trained_model_stats"][0]["deployment_stats"]
    assert stats["rejected_execution_count"] == len(refused)


def test_statistics_tell_state_and_work(admin: Caller, prefix: str, definition: bytes) -> None:
    """What pollers look at: allocation status, state, counts, and pipelines."""
    upload(admin, prefix, definition)
    path = f"/_ml/trained_models/{prefix}"
    (idle,) = admin.ok("GET", f"{path}/_stats")["trained_model_stats"]
    assert idle["model_size_stats"]["model_size_bytes"] == len(definition)
    assert "deployment_stats" not in idle
    admin.ok("POST", f"{path}/deployment/_start?timeout=60s")
    vector_of(admin, prefix, "a")
    answer = admin.ok("GET", f"{path}/_stats")
    assert answer["count"] == 1
    deployment = answer["trained_model_stats"][0]["deployment_stats"]
    assert deployment["state"] == "started"
    assert deployment["allocation_status"] == {
        "allocation_count": 1,
        "target_allocation_count": 1,
        "state": "fully_allocated",
    }
    assert deployment["inference_count"] == 1
    (node,) = deployment["nodes"]
    assert node["routing_state"] == {"routing_state": "started"}
    assert node["average_inference_time_ms"] > 0
    assert math.isfinite(node["last_access"])


def test_stop_is_refused_for_a_deployment_in_a_pipeline(
    admin: Caller, prefix: str, definition: bytes
) -> None:
    """A pipeline protects the deployment it names; force overrides."""
    upload(admin, prefix, definition)
    path = f"/_ml/trained_models/{prefix}/deployment"
    admin.ok("POST", f"{path}/_start?timeout=60s")
    inputs = {"input_field": "text", "output_field": "vector"}
    processor = {"inference": {"model_id": prefix, "input_output": inputs}}
    admin.ok("PUT", f"/_ingest/pipeline/{prefix}", {"processors": [processor]})
    assert admin("POST", f"{path}/_stop").error[::2] == (
        409,
        f"Cannot stop deployment [{prefix}] as it is referenced by ingest processors; use force to"
        " stop the deployment",
    )
    assert admin.ok("POST", f"{path}/_stop?force=true") == {"stopped": True}


def test_stopping_what_does_not_run_is_no_error_unless_asked_for(
    admin: Caller, prefix: str
) -> None:
    """`allow_no_match` decides."""
    path = f"/_ml/trained_models/{prefix}-nope/deployment/_stop"
    assert admin.ok("POST", path) == {"stopped": True}
    assert admin("POST", f"{path}?allow_no_match=false").error[::2] == (
        404,
        f"No known model deployment with id [{prefix}-nope]",
    )
