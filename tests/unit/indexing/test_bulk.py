"""Bulk bodies are what the API takes, and every answer has one meaning for each chunk."""

from __future__ import annotations

import json
import re
from array import array
from base64 import b64decode
from dataclasses import replace
from typing import Any

import numpy
import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import ApiError, Elasticsearch

from esrag.chunking import ChunkRules, cut
from esrag.cluster.bulk import (
    Action,
    BulkRefused,
    Verdict,
    bulk_body,
    chunk_source,
    encoded_vectors,
    read_answer,
    send_bulk,
)
from esrag.corpus.formats import markdown
from esrag.errors import (
    ConflictError,
    EsragError,
    PermissionDeniedError,
    UnavailableError,
    UnsupportedError,
)
from esrag.testing_wire import ElasticsearchFake, Reply


class WordTokenizer:
    """One token a word."""

    def count(self, text: str) -> int:
        """The number of words."""
        return len(text.split())

    def starts(self, text: str) -> array[int]:
        """Where words begin."""
        return array("L", (match.start() for match in re.finditer(r"\S+", text)))


INDEX = Action("index", "a" * 40, 1, b'{"text":"x"}')
DELETE = Action("delete", "b" * 40, 1)


def error_item(status: int, code: str, reason: str, cause: str = "") -> dict[str, Any]:
    """The item of a refused index action."""
    error: dict[str, Any] = {"type": code, "reason": reason}
    if cause:
        error["caused_by"] = {"type": "illegal", "reason": cause}
    return {"items": [{"index": {"_id": INDEX.id, "status": status, "error": error}}]}


def test_a_body_is_one_line_pair_an_action() -> None:
    """Deletes have no source, and the body ends with a line end."""
    lines = bulk_body([INDEX, DELETE]).decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [
        {"index": {"_id": "a" * 40}},
        {"text": "x"},
        {"delete": {"_id": "b" * 40}},
    ]


def test_a_vector_stands_beside_the_source() -> None:
    """In the form that it was encoded in; the source is not read for it."""
    with_vector = replace(INDEX, vector=b'"AAAA"')
    alone = replace(INDEX, source=b"{}", vector=b"[1.0,2.0]")
    lines = bulk_body([with_vector, alone]).decode().splitlines()
    assert json.loads(lines[1]) == {"text": "x", "embedding": "AAAA"}
    assert json.loads(lines[3]) == {"embedding": [1.0, 2.0]}


def test_an_id_is_json_whatever_it_holds() -> None:
    """Ids that others gave may hold quotes."""
    (line, _) = bulk_body([Action("index", 'a"\u2028\\', 1, b"{}")]).decode().splitlines()
    assert json.loads(line) == {"index": {"_id": 'a"\u2028\\'}}


@pytest.mark.parametrize("base64", [True, False])
def test_vectors_arrive_as_they_were(base64: bool) -> None:
    """Each float32 survives both forms, also from a matrix that is not in one piece."""
    numbers = numpy.random.default_rng(1).standard_normal((6, 5)).astype(numpy.float32)[::2]
    for row, encoded in zip(numbers, encoded_vectors(numbers, base64=base64), strict=True):
        found = json.loads(encoded)
        if base64:
            found = numpy.frombuffer(b64decode(found), dtype=">f4")
        assert numpy.array_equal(numpy.asarray(found, dtype=numpy.float32), row)


def test_the_answer_is_asked_for_no_more_than_is_read() -> None:
    """Index, id, status and error of each item: enough to account for every chunk."""
    fake = ElasticsearchFake(
        lambda _: Reply(200, {"items": [{"index": {"_id": INDEX.id, "status": 201}}]})
    )
    (item,) = send_bulk(fake.client(), "i", [INDEX], pipeline="p")
    assert item.verdict is Verdict.ACKNOWLEDGED
    parts = fake.requests[0].query["filter_path"].split(",")
    assert set(parts) == {
        "errors",
        *(f"items.*.{name}" for name in ("_index", "_id", "status", "error")),
    }


@pytest.mark.parametrize(
    ("said", "wait"), [("7", 7.0), ("9999", 120.0), ("", 0.0), ("Mon, 23 Nov 2026 09:00:00 GMT", 0)]
)
def test_a_server_says_how_long_it_wants_to_be_left_alone(said: str, wait: float) -> None:
    """In seconds, within reason; a date would need its clock to agree with ours."""
    node = NodeConfig("http", "fake.invalid", 9200)
    meta = ApiResponseMeta(429, "1.1", HttpHeaders({"retry-after": said}), 0.0, node)

    class Busy(Elasticsearch):
        def __init__(self) -> None:
            """No connection."""

        def perform_request(self, *_: Any, **__: Any) -> Any:
            """Refused."""
            raise ApiError("busy", meta, {"error": {"type": "busy", "reason": "later"}})

    with pytest.raises(BulkRefused) as refused:
        send_bulk(Busy(), "i", [INDEX], timeout=None)
    assert (refused.value.verdict, refused.value.asked_wait) == (Verdict.BUSY, wait)


def test_the_source_has_the_fields_of_the_mapping() -> None:
    """Empty fields are left out; the embedding is the pipeline's."""
    text = "---\ndate: 2026-03-04\nteam: ops\n---\n# T\n\nA line\u2028with a separator.\n"
    document = markdown.parse(text, document_id="a.md")
    (chunk,) = cut(document, WordTokenizer(), ChunkRules(), set_name="s")
    raw = chunk_source(chunk, document_hash="h", run_id="r")
    assert b"\n" not in raw
    source = json.loads(raw)
    assert source.pop("content_hash") == chunk.content_hash
    assert source == {
        "document_id": "a.md",
        "position": 0,
        "start": 0,
        "end": 29,
        "text": "# T\n\nA line\u2028with a separator.",
        "context": "T",
        "title": "T",
        "heading_path": ["T"],
        "source": "a.md",
        "mime_type": "text/markdown",
        "published": "2026-03-04",
        "document_hash": "h",
        "run_id": "r",
        "chunk_count": 1,
        "metadata": {"team": "ops"},
    }


@pytest.mark.parametrize("status", [200, 201])
def test_success_is_acknowledged(status: int) -> None:
    """Created or replaced."""
    (item,) = read_answer([INDEX], {"items": [{"index": {"_id": INDEX.id, "status": status}}]})
    assert item.verdict is Verdict.ACKNOWLEDGED


def test_deleting_what_is_gone_is_acknowledged() -> None:
    """The wish is fulfilled."""
    answer = {"items": [{"delete": {"_id": DELETE.id, "status": 404, "result": "not_found"}}]}
    (item,) = read_answer([DELETE], answer)
    assert item.verdict is Verdict.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, Verdict.REJECTED),
        (429, Verdict.BUSY),
        (408, Verdict.AGAIN),
        (409, Verdict.AGAIN),
        (502, Verdict.AGAIN),
        (503, Verdict.AGAIN),
        (504, Verdict.AGAIN),
        (500, Verdict.FEW_TIMES),
    ],
)
def test_item_statuses_have_their_verdicts(status: int, verdict: Verdict) -> None:
    """The table of the reliability promise."""
    (item,) = read_answer([INDEX], error_item(status, "some_exception", "no", "inner"))
    assert item.verdict is verdict
    assert (item.status, item.code, item.reason) == (status, "some_exception", "no: inner")


@pytest.mark.parametrize(
    ("status", "code", "reason", "kind"),
    [
        (401, "security_exception", "who are you", PermissionDeniedError),
        (403, "security_exception", "[indices:data/write] is unauthorized", PermissionDeniedError),
        (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8]", UnavailableError),
        (404, "index_not_found_exception", "no such index [x] and [require_alias]", ConflictError),
        (400, "illegal_argument_exception", "pipeline with id [p] does not exist", ConflictError),
        (404, "resource_not_found_exception", "No known trained model [m]", UnsupportedError),
        (400, "status_exception", "Model [m] must be deployed to use.", UnsupportedError),
    ],
)
def test_what_would_meet_every_chunk_stops_the_run(
    status: int, code: str, reason: str, kind: type[EsragError]
) -> None:
    """With the error whose exit code tells why."""
    (item,) = read_answer([INDEX], error_item(status, code, reason))
    assert item.verdict is Verdict.STOP
    assert type(item.error) is kind


def test_a_full_queue_of_the_deployment_is_busy() -> None:
    """Although the text speaks of the trained model."""
    reason = "Trained model deployment [m] request was rejected, queue is full"
    (item,) = read_answer([INDEX], error_item(429, "status_exception", reason))
    assert item.verdict is Verdict.BUSY


def test_a_deployment_that_is_starting_is_waited_for() -> None:
    """Although the text speaks of the trained model; no version of a document is in conflict."""
    reason = "Trained model deployment [m] is not allocated to any nodes"
    (item,) = read_answer([INDEX], error_item(409, "status_exception", reason))
    assert item.verdict is Verdict.AGAIN


@pytest.mark.parametrize(
    "body",
    [
        {},
        "<html>busy</html>",
        {"items": []},
        {"items": [{"index": {"_id": "other", "status": 201}}]},
        {"items": [{"delete": {"_id": INDEX.id, "status": 201}}]},
        {"items": [{"index": {"_id": INDEX.id}}]},
        {"items": [None]},
    ],
)
def test_an_answer_that_does_not_fit_is_lost(body: object) -> None:
    """Short, foreign or odd answers leave the outcome unknown."""
    with pytest.raises(BulkRefused) as refused:
        read_answer([INDEX], body)
    assert refused.value.verdict is Verdict.AGAIN
    assert refused.value.lost


@pytest.mark.parametrize("index", ["esrag-dlq", "esrag-docs-hr-x-000001", "esrag-docs-hr-x"])
def test_a_chunk_that_landed_elsewhere_is_rejected(index: str) -> None:
    """A pipeline may answer 201 for the dead-letter index, under another id: not indexed."""
    body = {"items": [{"index": {"_index": index, "_id": "other", "status": 201}}]}
    (item,) = read_answer([INDEX], body, target="esrag-docs-hr")
    assert (item.verdict, item.code) == (Verdict.REJECTED, "dead_lettered")
    assert index in item.reason
    assert "other" in item.reason


def test_a_dead_letter_that_was_refused_as_well_is_rejected() -> None:
    """Where the dead-letter index takes nothing, the answer is an error and names that index."""
    refused = {"_index": "esrag-dlq", "_id": None, "status": 404, "error": {"type": "x"}}
    (item,) = read_answer([INDEX], {"items": [{"index": refused}]}, target="esrag-docs-hr")
    assert (item.verdict, item.status, item.code) == (Verdict.REJECTED, 404, "dead_lettered")


@pytest.mark.parametrize("index", ["esrag-docs-hr", "esrag-docs-hr-000002"])
def test_a_generation_of_the_alias_is_no_other_index(index: str) -> None:
    """The answer names the index behind the alias, or the index that was addressed."""
    body = {"items": [{"index": {"_index": index, "_id": INDEX.id, "status": 201}}]}
    (item,) = read_answer([INDEX], body, target="esrag-docs-hr")
    assert item.verdict is Verdict.ACKNOWLEDGED
