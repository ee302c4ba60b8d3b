"""Settings of endpoints: read, completed, refused, shown and changed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ml_calls import Accounts, Caller
from scripted_generator import ScriptedGenerator

UNKNOWN = "Configuration contains settings [{}] unknown to the [{}] service"


def over_model(model_id: str, **settings: Any) -> dict[str, Any]:
    """The body of an endpoint over a deployment that there is."""
    given = {"model_id": model_id, "deployment_id": model_id} | settings
    return {"service": "elasticsearch", "service_settings": given}


@pytest.mark.parametrize(
    ("chunking", "shown"),
    [
        (
            {"strategy": "word", "max_chunk_size": 20, "overlap": 10},
            {"strategy": "word", "max_chunk_size": 20, "overlap": 10},
        ),
        (
            {"strategy": "sentence", "max_chunk_size": 20},
            {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 1},
        ),
        ({"strategy": "none"}, {"strategy": "none"}),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separators": ["#"]},
            {"strategy": "recursive", "max_chunk_size": 10, "separators": ["#"]},
        ),
    ],
)
def test_chunking_settings_are_kept(
    admin: Caller, deployed: str, prefix: str, chunking: dict[str, Any], shown: dict[str, Any]
) -> None:
    """They are completed as the server completes them."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over_model(deployed) | {"chunking_settings": chunking})
    (endpoint,) = admin.ok("GET", path)["endpoints"]
    assert endpoint["chunking_settings"] == shown


@pytest.mark.parametrize(
    ("chunking", "reason"),
    [
        ({"strategy": "nope"}, "Invalid chunkingStrategy nope"),
        (
            {"max_chunk_size": 20},
            "Can't generate Chunker without ChunkingStrategy provided",
        ),
        (
            {"strategy": "word", "max_chunk_size": 5, "overlap": 1},
            "Validation Failed: 1: [chunking_settings] Invalid value [5.0]. [max_chunk_size] must"
            " be greater than or equal to [10.0];",
        ),
        (
            {"strategy": "word", "max_chunk_size": 20},
            "Validation Failed: 1: [chunking_settings] does not contain the required setting"
            " [overlap];",
        ),
        (
            {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 2},
            "Validation Failed: 1: sentence_overlap[2] must be either 0 or 1;",
        ),
        (
            {"strategy": "sentence", "max_chunk_size": 20, "overlap": 1},
            "Validation Failed: 1: Sentence based chunking settings can not have the following"
            " settings: [overlap];",
        ),
    ],
)
def test_wrong_chunking_settings_are_refused(
    admin: Caller, deployed: str, prefix: str, chunking: dict[str, Any], reason: str
) -> None:
    """By x-pack-core's own rules."""
    body = over_model(deployed) | {"chunking_settings": chunking}
    reply = admin("PUT", f"/_inference/text_embedding/{prefix}", body)
    assert reply.error[::2] == (400, reason)


def test_only_embeddings_are_chunked(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """Elsewhere the settings are unknown."""
    settings = {"url": generator.url, "api_key": "a-secret"}
    body = {"service": "hugging_face", "service_settings": settings}
    chunking = {"strategy": "none"}
    path = f"/_inference/completion/{prefix}"
    reply = admin("PUT", path, body | {"chunking_settings": chunking})
    text = "{chunking_settings={strategy=none}}"
    assert reply.error[::2] == (400, UNKNOWN.format(text, "hugging_face"))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"num_allocations": 1},
            "Validation Failed: 1: [service_settings] does not contain the required setting"
            " [num_threads];",
        ),
        (
            {"num_threads": 1},
            "Validation Failed: 1: [service_settings] does not contain one of the required settings"
            " [num_allocations, adaptive_allocations];",
        ),
        (
            {"num_threads": 0, "num_allocations": "x"},
            "Validation Failed: 1: field [num_allocations] is not of the expected type. The value"
            " [x] cannot be converted to a [Integer];2: [service_settings] Invalid value [0]."
            " [num_threads] must be a positive integer;3: [service_settings] does not contain one"
            " of the required settings [num_allocations, adaptive_allocations];",
        ),
        (
            {"num_threads": 1, "adaptive_allocations": {"enabled": True, "speed": 3}},
            "Validation Failed: 1: [adaptive_allocations] does not allow the setting [speed];",
        ),
        (
            {
                "num_threads": 1,
                "adaptive_allocations": {
                    "enabled": True,
                    "min_number_of_allocations": 3,
                    "max_number_of_allocations": 2,
                },
            },
            "Validation Failed: 1: [min_number_of_allocations] must not be larger than"
            " [max_number_of_allocations];",
        ),
        (
            {"num_threads": 1, "num_allocations": 1, "color": "red"},
            UNKNOWN.format("{color=red}", "elasticsearch"),
        ),
    ],
)
def test_wrong_settings_of_a_model_are_refused(
    admin: Caller, deployed: str, prefix: str, settings: dict[str, Any], reason: str
) -> None:
    """Before a deployment is started."""
    body = over_model(deployed, **settings)
    del body["service_settings"]["deployment_id"]
    reply = admin("PUT", f"/_inference/text_embedding/{prefix}", body)
    assert reply.error[::2] == (400, reason)


@pytest.mark.parametrize(
    ("name", "settings", "status", "reason"),
    [
        ("x", {}, 400, "Error parsing service settings, model_id must be provided"),
        ("x", {"deployment_id": "nobody"}, 404, "Cannot find deployment [nobody]"),
        (
            ".rerank-v1-elasticsearch",
            {},
            400,
            "Validation Failed: 1: Invalid inference_id; '.rerank-v1-elasticsearch' can contain"
            " lowercase alphanumeric (a-z and 0-9), hyphens or underscores; must start and end with"
            " alphanumeric;",
        ),
    ],
)
def test_an_endpoint_needs_a_model(
    admin: Caller, prefix: str, name: str, settings: dict[str, Any], status: int, reason: str
) -> None:
    """One that is there, under an id that is free."""
    inference_id = prefix if name == "x" else name
    body = {"service": "elasticsearch", "service_settings": settings}
    reply = admin("PUT", f"/_inference/text_embedding/{inference_id}", body)
    assert reply.error[::2] == (status, reason)


def test_a_deployment_must_be_of_the_model(admin: Caller, deployed: str, prefix: str) -> None:
    """Where both are named."""
    body = over_model("another", deployment_id=deployed)
    reply = admin("PUT", f"/_inference/text_embedding/{prefix}", body)
    assert reply.error[::2] == (
        400,
        f"Deployment [{deployed}] uses model [{deployed}] which does not match the model [another]"
        " in the request.",
    )


def test_allocations_of_an_own_deployment_change(admin: Caller, deployed: str, prefix: str) -> None:
    """The endpoint shows how many there are; one over another's deployment cannot change them."""
    settings = {"model_id": deployed, "num_allocations": 1, "num_threads": 1}
    path = f"/_inference/text_embedding/{prefix}"
    body = {"service": "elasticsearch", "service_settings": settings}
    admin.ok("PUT", f"{path}?timeout=60s", body)
    more = {"service_settings": {"num_allocations": 2}}
    answer = admin.ok("PUT", f"{path}/_update", more)
    assert answer["service_settings"]["num_allocations"] == 2
    (endpoint,) = admin.ok("GET", path)["endpoints"]
    assert endpoint["service_settings"]["num_allocations"] == 2
    stats = admin.ok("GET", f"/_ml/trained_models/{deployed}/_stats")["trained_model_stats"]
    counts = {
        entry["deployment_stats"]["deployment_id"]: entry["deployment_stats"][
            "number_of_allocations"
        ]
        for entry in stats
    }
    assert counts[prefix] == 2
    both = {"num_allocations": 1, "adaptive_allocations": {"enabled": True}}
    reply = admin("PUT", f"{path}/_update", {"service_settings": both})
    assert reply.error[::2] == (
        400,
        "Validation Failed: 1: [num_allocations] cannot be set if [adaptive_allocations] is set;",
    )
    admin.ok("DELETE", path)


def test_anothers_deployment_is_not_changed(admin: Caller, deployed: str, prefix: str) -> None:
    """It was made by the trained models API."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over_model(deployed))
    reply = admin("PUT", f"{path}/_update", {"service_settings": {"num_allocations": 2}})
    assert reply.error[::2] == (
        409,
        f"Cannot update inference endpoint [{prefix}] using model deployment [{deployed}]. The"
        " model deployment must be updated through the trained models API.",
    )


def test_keys_and_limits_of_a_remote_endpoint_change(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """The changed endpoint is proved with the new key."""
    path = f"/_inference/text_embedding/{prefix}"
    settings = {"url": generator.at("/embed"), "api_key": "a-secret"}
    admin.ok("PUT", path, {"service": "hugging_face", "service_settings": settings})
    change = {"api_key": "another", "rate_limit": {"requests_per_minute": 2000}}
    answer = admin.ok("PUT", f"/_inference/{prefix}/_update", {"service_settings": change})
    assert answer["service_settings"] == {
        "url": generator.at("/embed"),
        "rate_limit": {"requests_per_minute": 2000},
        "dimensions": 3,
        "similarity": "cosine",
    }
    assert generator.calls[-1].headers["authorization"] == "Bearer another"
    admin.ok("POST", path, {"input": "a"})
    assert generator.calls[-1].headers["authorization"] == "Bearer another"
    chunking = {"strategy": "none"}
    answer = admin.ok("PUT", f"{path}/_update", {"chunking_settings": chunking})
    assert answer["chunking_settings"] == chunking


def test_requests_keep_the_endpoints_pace(
    admin: Caller, generator: ScriptedGenerator, prefix: str
) -> None:
    """At 240 a minute a request waits for a quarter of a second after the one before."""
    path = f"/_inference/text_embedding/{prefix}"
    limit = {"requests_per_minute": 240}
    settings = {"url": generator.at("/embed"), "api_key": "a-secret", "rate_limit": limit}
    admin.ok("PUT", path, {"service": "hugging_face", "service_settings": settings})
    time.sleep(0.3)
    began = time.monotonic()
    for _ in range(3):
        admin.ok("POST", path, {"input": "a"})
    assert time.monotonic() - began >= 0.5
    admin.ok("PUT", f"{path}/_update", {"service_settings": {"rate_limit": {}}})
    patient = {"service_settings": {"rate_limit": {"requests_per_minute": 1}}}
    admin.ok("PUT", f"{path}/_update", patient)
    reply = admin("POST", f"{path}?timeout=1s", {"input": "a"})
    assert reply.error[::2] == (408, "Request timed out after [1s]")


@pytest.mark.parametrize(
    ("address", "body", "status", "reason"),
    [
        ("{id}", {"service_settings": {"url": "http://127.0.0.1:1"}}, 400, UNKNOWN),
        ("completion/{id}", {"task_settings": {}}, 400, "Task type must match the task type of"),
        ("{id}", {"service": "openai"}, 400, "Request contained fields which cannot be updated"),
        ("nobody", {"task_settings": {}}, 404, "The inference endpoint [nobody] does not exist"),
    ],
)
def test_wrong_updates_are_refused(  # the four of a case, and three to try it
    admin: Caller,
    generator: ScriptedGenerator,
    prefix: str,
    address: str,
    body: dict[str, Any],
    status: int,
    reason: str,
) -> None:
    """What cannot change is named."""
    settings = {"url": generator.at("/embed"), "api_key": "a-secret"}
    made = {"service": "hugging_face", "service_settings": settings}
    admin.ok("PUT", f"/_inference/text_embedding/{prefix}", made)
    reply = admin("PUT", f"/_inference/{address.format(id=prefix)}/_update", body)
    assert reply.status == status
    expected = reason.format("{url=http://127.0.0.1:1}", "hugging_face")
    assert reply.error[2].startswith(expected)


def test_endpoints_are_listed_by_task(admin: Caller, deployed: str, prefix: str) -> None:
    """`_all` and nothing at all mean every endpoint; a wrong task is refused."""
    admin.ok("PUT", f"/_inference/text_embedding/{prefix}", over_model(deployed))

    def ids(path: str) -> set[str]:
        return {entry["inference_id"] for entry in admin.ok("GET", path)["endpoints"]}

    for path in ("/_inference", "/_inference/_all", "/_inference/text_embedding/_all"):
        assert prefix in ids(path)
    assert prefix not in ids("/_inference/rerank/_all")
    reason = (
        "Requested task type [rerank] does not match the inference endpoint's task type"
        " [text_embedding]"
    )
    for method in ("GET", "DELETE"):
        reply = admin(method, f"/_inference/rerank/{prefix}")
        assert reply.error == (400, "status_exception", reason)
    assert admin("GET", f"/_inference/nonsense/{prefix}").error[::2] == (
        400,
        "Unknown task_type [nonsense]",
    )


def test_an_endpoint_is_made_once(admin: Caller, deployed: str, prefix: str) -> None:
    """Its id may not be a model's, nor another endpoint's."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over_model(deployed))
    assert admin("PUT", path, over_model(deployed)).error == (
        400,
        "resource_already_exists_exception",
        f"Inference endpoint [{prefix}] already exists",
    )
    reply = admin("PUT", f"/_inference/text_embedding/{deployed}", over_model(deployed))
    assert reply.error[::2] == (
        400,
        f"Inference endpoint IDs must be unique. Requested inference endpoint ID [{deployed}]"
        " matches existing trained model ID(s) but must not.",
    )


def test_only_completions_come_piece_by_piece(
    admin: Caller, deployed: str, generator: ScriptedGenerator, prefix: str
) -> None:
    """A service that streams nothing says so otherwise than one that streams other tasks."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over_model(deployed))
    reply = admin("POST", f"{path}/_stream", {"input": "a"})
    assert reply.status == 405
    assert "Streaming is not allowed for service [elasticsearch]." in reply.text
    settings = {"url": generator.at("/embed"), "api_key": "a-secret"}
    remote = f"/_inference/text_embedding/{prefix}-remote"
    admin.ok("PUT", remote, {"service": "hugging_face", "service_settings": settings})
    reply = admin("POST", f"{remote}/_stream", {"input": "a"})
    assert reply.status == 405
    assert (
        "Streaming is not allowed for service [hugging_face] and task [text_embedding]. Supported"
        " tasks: [completion,chat_completion]"
    ) in reply.text


def test_changing_endpoints_takes_more_rights_than_using_them(
    accounts: Accounts, admin: Caller, deployed: str, prefix: str
) -> None:
    """`monitor_inference` uses and sees; `manage_inference` makes, changes and deletes."""
    path = f"/_inference/text_embedding/{prefix}"
    admin.ok("PUT", path, over_model(deployed))
    monitor = accounts.user(cluster=["monitor_inference"])
    monitor.ok("POST", path, {"input": "a"})
    monitor.ok("GET", path)
    monitor.ok("GET", "/_inference/_services")
    change = {"chunking_settings": {"strategy": "none"}}
    for method, address, body in [
        ("PUT", f"{path}/_update", change),
        ("DELETE", path, None),
        ("PUT", path, over_model(deployed)),
    ]:
        assert monitor(method, address, body).status == 403, address
    manager = accounts.user(cluster=["manage_inference"])
    manager.ok("PUT", f"{path}/_update", change)
    manager.ok("DELETE", path)
    assert accounts.user()("POST", path, {"input": "a"}).status == 403
