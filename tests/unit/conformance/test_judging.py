"""The judges of the conformance tests are judged: each must see what is wrong."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "conformance"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the conformance tests by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.syspath_prepend(str(FOLDER / "requests"))
    return import_module


@pytest.fixture
def vector_files(tools: Any) -> ModuleType:
    """The reader and matcher of vectors."""
    return tools("vector_files")


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": {"b": 1}}, {"a": 1}),
        ([1, 2], [1]),
        ([1, 2], [1, 2, 3]),
        ([1, 2, "…"], [1]),
        ("a … c", "a b d"),
        ("<int>", True),
        ("<int>", "1"),
        (True, 1),
        (0.5, 0.501),
        (None, 0),
        ({"a": {}}, {"a": None}),
    ],
)
def test_another_answer_is_seen(vector_files: ModuleType, expected: Any, got: Any) -> None:
    """Every form of expectation can fail."""
    assert vector_files.complaints(expected, got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ([1, "…"], [1, 2, 3]),
        ([], []),
        ("a…c", "a\nb c"),
        ("<number>", 1.5),
        ("<bool>", False),
        (0.5, 0.5000001),
        (1, 1.0),
        (None, None),
        ("[1:2] (x)", "[1:2] (x)"),
    ],
)
def test_the_expected_answer_is_accepted(vector_files: ModuleType, expected: Any, got: Any) -> None:
    """More than expected is fine in objects, not in lists."""
    assert vector_files.complaints(expected, got) == []


def test_every_vector_is_well_formed_and_says_what_it_expects(vector_files: ModuleType) -> None:
    """No unknown keys, no step without an expectation beyond the status 200."""
    vectors = list(vector_files.vectors())
    assert len(vectors) >= 400
    assert len({vector.id for vector in vectors}) == len(vectors)
    expectations = {"status", "error", "reason", "because", "answer", "has", "header"}
    assert [
        vector.id for vector in vectors if any(not expectations & set(s) for s in vector.steps)
    ] == []


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/", "GET /"),
        ("POST", "/books/_search?size=1", "POST /{index}/_search"),
        ("GET", "/_ml/trained_models/_stats", "GET /_ml/trained_models/_stats"),
        ("GET", "/_ml/trained_models/m", "GET /_ml/trained_models/{model_id}"),
        ("GET", "/_inference/text_embedding/_all", "GET /_inference/{task_type}/_all"),
        ("POST", "/_inference/rerank/r", "POST /_inference/rerank/{inference_id}"),
        ("GET", "/_nodes/stats", ""),
    ],
)
def test_a_request_is_known_by_its_operation(
    tools: Any, method: str, path: str, operation: str
) -> None:
    """The path with the fewest placeholders wins."""
    assert tools("answer_schema").operation_of(method, path) == operation


def test_the_specification_sees_what_is_missing_wrong_and_unknown(tools: Any) -> None:
    """A required field, a type, and a field that it does not know."""
    judge = tools("answer_schema").judge
    operation = "POST /_ml/trained_models/{model_id}/deployment/_stop"
    assert judge(operation, {"stopped": True}) == tools("answer_schema").Verdict()
    assert judge(operation, {}).wrong == (".stopped is missing",)
    assert "not of type boolean" in judge(operation, {"stopped": "yes"}).wrong[0]
    assert judge(operation, {"stopped": True, "nope": 1}).unknown == (".nope",)


def test_a_suite_counts_what_its_tests_say(tools: Any) -> None:
    """Differences apply and do not pass; checks of others count instead of the test."""
    record = tools("conformance_record")
    suite = record.SuiteResult(name="s", what="w")
    suite.add("passed", [("compared", "vectors", 3)], "", "")
    suite.add("differs", [], "no-painless", "")
    suite.add("failed", [], "", "")
    suite.add("skipped", [], "", "no server")
    suite.add("passed", [("checks", 10, 9), ("difference", "one-node", 1)], "", "")
    shown = suite.as_json()
    assert (shown["apply"], shown["passed"], shown["failed"]) == (13, 10, 1)
    assert shown["differences"] == {"no-painless": 1, "one-node": 1}
    assert shown["compared"] == {"vectors": 3}
    assert shown["left_out"] == {"no server": 1}


def test_a_record_keeps_the_suites_that_did_not_run(tools: Any, tmp_path: Path) -> None:
    """A run of one suite replaces its row alone."""
    record = tools("conformance_record")
    file = tmp_path / "record.json"
    record.merge(file, [{"name": "b", "passed": 1}, {"name": "a", "passed": 1}])
    record.merge(file, [{"name": "b", "passed": 2}])
    kept = json.loads(file.read_text(encoding="utf-8"))["suites"]
    assert kept == [{"name": "a", "passed": 1}, {"name": "b", "passed": 2}]
