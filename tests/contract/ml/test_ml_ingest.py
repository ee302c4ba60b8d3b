"""The ingest processor `inference`, alone and over whole bulks."""

from __future__ import annotations

from typing import Any

import pytest
from ml_calls import DIMENSIONS, Caller, upload, vector_of


def pipeline(model_id: str, **options: Any) -> dict[str, Any]:
    """A pipeline of one inference processor from `text` to `vector`."""
    inputs = {"input_output": {"input_field": "text", "output_field": "vector"}}
    return {"processors": [{"inference": {"model_id": model_id, **(options or inputs)}}]}


def simulate(admin: Caller, body: dict[str, Any], *sources: dict[str, Any]) -> list[dict[str, Any]]:
    """What a pipeline makes of documents: their source, or the error."""
    documents = [{"_source": source} for source in sources]
    answer = admin.ok("POST", "/_ingest/pipeline/_simulate", {"pipeline": body, "docs": documents})
    return [
        entry["doc"]["_source"] if "doc" in entry else entry["error"] for entry in answer["docs"]
    ]


def test_fields_are_inferred_with_the_ingest_prefix(admin: Caller, deployed: str) -> None:
    """The vector is that of the prefixed text; the model's id stands beside the first output."""
    (document,) = simulate(admin, pipeline(deployed), {"text": "c"})
    assert document["vector"] == pytest.approx(vector_of(admin, deployed, "b c"))
    assert document["model_id"] == deployed


def test_a_cut_text_says_so_beside_its_vector(admin: Caller, deployed: str) -> None:
    """The server's own writer puts `is_truncated` there: strict mappings must expect it."""
    (document,) = simulate(admin, pipeline(deployed), {"text": "a " * 600})
    assert set(document) == {"text", "vector", "model_id", "is_truncated"}
    assert document["is_truncated"] is True


def test_several_fields_may_be_missing_when_that_is_allowed(admin: Caller, deployed: str) -> None:
    """A missing input is passed over with `ignore_missing`, else the document fails."""
    fields = [
        {"input_field": "one", "output_field": "out.one"},
        {"input_field": "two", "output_field": "out.two"},
    ]
    body = pipeline(deployed, input_output=fields, ignore_missing=True)
    both, second, none = simulate(admin, body, {"one": "a", "two": "b"}, {"two": "b"}, {"x": 1})
    assert set(both["out"]) == {"one", "two", "model_id"}
    assert second["out"]["two"] == both["out"]["two"]
    assert none == {"x": 1}
    strict = pipeline(deployed, input_output=fields)
    (error,) = simulate(admin, strict, {"two": "b"})
    assert error["reason"] == "field [one] not present as part of path [one]"


def test_a_whole_document_goes_to_the_target_field(admin: Caller, deployed: str) -> None:
    """With a field map the result is an object that names its model."""
    body = pipeline(deployed, field_map={"text": "text_field"}, target_field="ml")
    (document,) = simulate(admin, body, {"text": "c"})
    assert document["ml"]["model_id"] == deployed
    assert len(document["ml"]["predicted_value"]) == DIMENSIONS
    own, number = simulate(admin, body, {"text_field": "c"}, {"text": 3})
    assert own["ml"]["predicted_value"] == document["ml"]["predicted_value"]
    assert number["reason"] == "Input value [3] for field [text_field] must be a string"


def test_options_that_exclude_each_other_are_refused(admin: Caller, prefix: str) -> None:
    """The pipeline is not stored, and the reason is the server's."""
    body = pipeline(prefix)
    body["processors"][0]["inference"]["target_field"] = "x"
    assert admin("PUT", f"/_ingest/pipeline/{prefix}", body).error == (
        400,
        "parse_exception",
        "[target_field] option is incompatible with [input_output]. Use the [output_field] option"
        " to specify where to write the inference results to.",
    )


def test_a_model_that_is_not_there_fails_the_document(admin: Caller, prefix: str) -> None:
    """The pipeline is stored; its documents say what is missing."""
    admin.ok("PUT", f"/_ingest/pipeline/{prefix}", pipeline(f"{prefix}-nope"))
    (error,) = simulate(admin, pipeline(f"{prefix}-nope"), {"text": "c"})
    assert error["reason"] == (
        f"[{prefix}-nope] is not an inference service model or a deployed ml model"
    )
    mapped = pipeline(f"{prefix}-nope", field_map={"text": "text_field"})
    (error,) = simulate(admin, mapped, {"text": "c"})
    assert error["reason"] == f"Could not find trained model [{prefix}-nope]"


def test_a_bulk_is_inferred_in_few_requests_and_in_order(
    admin: Caller, deployed: str, prefix: str
) -> None:
    """Every document gets the vector of its own text, also with errors between."""
    admin.ok("PUT", f"/_ingest/pipeline/{prefix}", pipeline(deployed))
    letters = [*"abcdefghij"]
    texts = [f"{first} {second}" for first in letters for second in letters]
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(texts):
        source = {"wrong": text} if number % 10 == 3 else {"text": text}
        lines += [{"index": {"_id": str(number)}}, source]
    path = f"/{prefix}/_bulk?refresh=true&pipeline={prefix}"
    answer = admin.ok("POST", path, lines)
    statuses = [item["index"]["status"] for item in answer["items"]]
    assert statuses == [400 if number % 10 == 3 else 201 for number in range(len(texts))]
    for number in (0, 41, 99):
        source = admin.ok("GET", f"/{prefix}/_doc/{number}")["_source"]
        assert source["vector"] == pytest.approx(vector_of(admin, deployed, f"b {texts[number]}"))


def test_documents_beyond_the_queue_are_rejected_one_by_one(
    admin: Caller, prefix: str, definition: bytes
) -> None:
    """A bulk larger than the queue has items with 429; the others are indexed."""
    upload(admin, prefix, definition)
    path = f"/_ml/trained_models/{prefix}/deployment/_start?timeout=60s&queue_capacity=4"
    admin.ok("POST", path)
    admin.ok("PUT", f"/_ingest/pipeline/{prefix}", pipeline(prefix))
    lines: list[dict[str, Any]] = []
    for number in range(60):
        lines += [{"index": {"_id": str(number)}}, {"text": "slow a"}]
    answer = admin.ok("POST", f"/{prefix}/_bulk?pipeline={prefix}", lines)
    items = [item["index"] for item in answer["items"]]
    assert {item["status"] for item in items} == {201, 429}
    refused = next(item for item in items if item["status"] == 429)
    assert refused["error"]["type"] == "es_rejected_execution_exception"


def test_a_handler_sees_the_failure(admin: Caller, prefix: str) -> None:
    """`on_failure` runs, with what the server tells it."""
    body = pipeline(f"{prefix}-nope")
    handler = {"set": {"field": "why", "value": "{{_ingest.on_failure_processor_type}}"}}
    body["processors"][0]["inference"]["on_failure"] = [handler]
    (document,) = simulate(admin, body, {"text": "c"})
    assert document == {"text": "c", "why": "inference"}


def test_statistics_count_the_documents_of_a_model(
    admin: Caller, deployed: str, prefix: str
) -> None:
    """The model's statistics show the pipelines that use it."""
    admin.ok("PUT", f"/_ingest/pipeline/{prefix}", pipeline(deployed))
    admin.ok("POST", f"/{prefix}/_doc?pipeline={prefix}", {"text": "a"})
    (stats,) = admin.ok("GET", f"/_ml/trained_models/{deployed}/_stats")["trained_model_stats"]
    assert stats["pipeline_count"] >= 1
    assert stats["ingest"]["pipelines"][prefix]["count"] == 1
