"""Trained models: storing, listing, deleting, and the server's words for what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from ml_calls import CONFIG, PARTS, WORDS, Caller, part_body, upload


def test_a_stored_model_has_the_servers_defaults(admin: Caller, prefix: str) -> None:
    """Putting a config answers with it, completed as the real server completes it."""
    answer = admin.ok("PUT", f"/_ml/trained_models/{prefix}", CONFIG | {"tags": ["t"]})
    assert answer["model_id"] == prefix
    assert answer["created_by"] == "api_user"
    assert answer["license_level"] == "platinum"
    assert answer["tags"] == ["t"]
    task = answer["inference_config"]["text_embedding"]
    assert task["tokenization"]["bert"] == {
        "do_lower_case": False,
        "with_special_tokens": True,
        "max_sequence_length": 512,
        "truncate": "first",
        "span": -1,
    }


@pytest.mark.parametrize(
    ("model_id", "change", "reason"),
    [
        ("Bad", {}, "Validation Failed: 1: Invalid model_id; 'Bad' can contain"),
        ("", {"frobnicate": 1}, "[trained_model_config] unknown field [frobnicate]"),
        (
            "",
            {"inference_config": {"text_embedding": {"embedding_size": 0}}},
            "[1:81] [inference_config] failed to parse field [text_embedding]",
        ),
    ],
)
def test_a_wrong_config_is_refused_by_the_servers_own_parser(
    admin: Caller, prefix: str, model_id: str, change: dict[str, Any], reason: str
) -> None:
    """Bad ids and fields get the texts of the real request class."""
    reply = admin("PUT", f"/_ml/trained_models/{model_id or prefix}", CONFIG | change)
    assert reply.status == 400
    assert reason.split("] ", 1)[-1] in reply.text


def test_a_second_model_of_the_same_id_is_refused(admin: Caller, prefix: str) -> None:
    """An id is given once."""
    admin.ok("PUT", f"/_ml/trained_models/{prefix}", CONFIG)
    assert admin("PUT", f"/_ml/trained_models/{prefix}", CONFIG).error == (
        400,
        "resource_already_exists_exception",
        f"Trained machine learning model [{prefix}] already exists",
    )


def test_definition_status_tells_when_all_parts_are_there(
    admin: Caller, prefix: str, definition: bytes
) -> None:
    """`fully_defined` turns true with the last part; a part is given once."""
    path = f"/_ml/trained_models/{prefix}"
    admin.ok("PUT", path, CONFIG)
    half = len(definition) // PARTS + 1

    def fully_defined() -> bool:
        answer = admin.ok("GET", f"{path}?include=definition_status")
        return bool(answer["trained_model_configs"][0]["fully_defined"])

    admin.ok("PUT", f"{path}/definition/0", part_body(definition[:half], definition))
    assert not fully_defined()
    again = admin("PUT", f"{path}/definition/0", part_body(definition[:half], definition))
    assert again.error == (
        400,
        "resource_already_exists_exception",
        f"Trained machine learning model chunked doc [{prefix}][0] already exists",
    )
    admin.ok("PUT", f"{path}/definition/1", part_body(definition[half:], definition))
    assert fully_defined()


def test_parts_and_vocabulary_of_an_unknown_model_are_refused(admin: Caller, prefix: str) -> None:
    """Nothing is kept for a model that does not exist."""
    path = f"/_ml/trained_models/{prefix}-nope"
    expected = (
        404,
        "resource_not_found_exception",
        f"Could not find trained model [{prefix}-nope]",
    )
    assert admin("PUT", f"{path}/definition/0", part_body(b"xy", b"xyz")).error == expected
    assert admin("PUT", f"{path}/vocabulary", {"vocabulary": WORDS}).error == expected


def test_a_part_beyond_the_last_is_refused(admin: Caller, prefix: str) -> None:
    """The real request class checks the number of the part."""
    admin.ok("PUT", f"/_ml/trained_models/{prefix}", CONFIG)
    reply = admin("PUT", f"/_ml/trained_models/{prefix}/definition/2", part_body(b"xy", b"xyz"))
    assert reply.status == 400
    assert "[part] must be less than total_parts" in reply.error[2]


def test_another_vocabulary_is_refused(admin: Caller, prefix: str) -> None:
    """A vocabulary is given once."""
    path = f"/_ml/trained_models/{prefix}"
    admin.ok("PUT", path, CONFIG)
    admin.ok("PUT", f"{path}/vocabulary", {"vocabulary": WORDS})
    reply = admin("PUT", f"{path}/vocabulary", {"vocabulary": [*WORDS, "more"]})
    assert reply.error == (
        400,
        "resource_already_exists_exception",
        f"Trained machine learning model [{prefix}] vocabulary already exists",
    )


def test_models_are_found_by_ids_wildcards_tags_and_pages(admin: Caller, prefix: str) -> None:
    """Lists are in the order of ids; count is that of all that match."""
    for name, tag in (("a", "red"), ("b", "blue"), ("c", "red")):
        admin.ok("PUT", f"/_ml/trained_models/{prefix}-{name}", CONFIG | {"tags": [tag]})

    def ids(query: str) -> tuple[int, list[str]]:
        answer = admin.ok("GET", f"/_ml/trained_models/{query}")
        found = [model["model_id"] for model in answer["trained_model_configs"]]
        return answer["count"], [name.removeprefix(f"{prefix}-") for name in found]

    assert ids(f"{prefix}-*") == (3, ["a", "b", "c"])
    assert ids(f"{prefix}-c,{prefix}-a") == (2, ["a", "c"])
    assert ids(f"{prefix}-*?tags=red") == (2, ["a", "c"])
    assert ids(f"{prefix}-*?from=1&size=1") == (3, ["b"])
    assert ids(f"{prefix}-nope*") == (0, [])


def test_an_unknown_id_is_a_404(admin: Caller, prefix: str) -> None:
    """A concrete id must exist; a wildcard must when that is asked for."""
    reply = admin("GET", f"/_ml/trained_models/{prefix}-nope")
    assert reply.error[:2] == (404, "resource_not_found_exception")
    assert reply.error[2].startswith(f"No known trained model with model_id [{prefix}-nope]")
    query = f"/_ml/trained_models/{prefix}-nope*?allow_no_match=false"
    assert admin("GET", query).status == 404


def test_a_deployed_model_is_deleted_by_force_only(
    admin: Caller, prefix: str, definition: bytes
) -> None:
    """Deleting a model with a deployment needs force, which stops it."""
    upload(admin, prefix, definition)
    path = f"/_ml/trained_models/{prefix}"
    admin.ok("POST", f"{path}/deployment/_start?timeout=60s")
    assert admin("DELETE", path).error == (
        409,
        "status_exception",
        f"Cannot delete model [{prefix}] as it is currently deployed; use force to delete the"
        " model",
    )
    assert admin.ok("DELETE", f"{path}?force=true") == {"acknowledged": True}
    assert admin("GET", path).status == 404


def test_a_model_in_a_pipeline_is_deleted_by_force_only(admin: Caller, prefix: str) -> None:
    """A pipeline that names a model protects it."""
    admin.ok("PUT", f"/_ml/trained_models/{prefix}", CONFIG)
    inputs = {"input_field": "text", "output_field": "vector"}
    processor = {"inference": {"model_id": prefix, "input_output": inputs}}
    admin.ok("PUT", f"/_ingest/pipeline/{prefix}", {"processors": [processor]})
    reply = admin("DELETE", f"/_ml/trained_models/{prefix}")
    assert reply.error == (
        409,
        "status_exception",
        f"Cannot delete model [{prefix}] as it is still referenced by ingest processors; use force"
        " to delete the model",
    )
    admin.ok("DELETE", f"/_ml/trained_models/{prefix}?force=true")


def test_cat_lists_models_in_columns(admin: Caller, prefix: str) -> None:
    """The cat API shows a line for each model."""
    admin.ok("PUT", f"/_ml/trained_models/{prefix}", CONFIG)
    rows = admin.ok("GET", f"/_cat/ml/trained_models/{prefix}?format=json")
    assert [row["id"] for row in rows] == [prefix]
    assert list(rows[0]) == [
        "id",
        "heap_size",
        "operations",
        "create_time",
        "type",
        "ingest.pipelines",
        "data_frame.id",
    ]


def test_info_and_xpack_tell_that_there_is_machine_learning(admin: Caller) -> None:
    """Clients that ask what there is are told the truth."""
    info = admin.ok("GET", "/_ml/info")
    assert info["upgrade_mode"] is False
    assert info["limits"]["total_ml_memory"].endswith("mb")
    assert info["limits"]["max_single_ml_node_processors"] >= 1
    features = admin.ok("GET", "/_xpack")["features"]
    assert features["ml"] == {"available": True, "enabled": True}
    assert features["watcher"] == {"available": False, "enabled": False}


def test_memory_counts_deployments_by_the_servers_estimate(admin: Caller, deployed: str) -> None:
    """What a deployment takes is what its model's statistics say that it requires."""
    memory = admin.ok("GET", "/_ml/memory/_stats")
    (node,) = memory["nodes"].values()
    stats = admin.ok("GET", "/_ml/trained_models/_stats?size=1000")["trained_model_stats"]
    required = {
        entry["deployment_stats"]["deployment_id"]: entry["model_size_stats"]
        for entry in stats
        if "deployment_stats" in entry
    }
    least = required[deployed]["required_native_memory_bytes"]
    taken = node["mem"]["ml"]["native_inference_in_bytes"]
    assert least <= taken <= node["mem"]["ml"]["max_in_bytes"] < node["mem"]["total_in_bytes"]
    assert admin.ok("GET", "/_ml/memory/no-such-node/_stats")["nodes"] == {}
