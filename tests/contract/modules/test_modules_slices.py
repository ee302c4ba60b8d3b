"""Runs that are divided into slices, limited, slowed down, or meet conflicts."""

from __future__ import annotations

import time
from typing import Any

import pytest


@pytest.fixture
def many(admin: Any, prefix: str) -> str:
    """An index of twelve documents on two shards."""
    name = f"{prefix}-many"
    settings = {"number_of_shards": 2, "number_of_replicas": 0}
    assert admin("PUT", f"/{name}", {"settings": settings}).status == 200
    lines: list[dict[str, Any]] = []
    for number in range(12):
        lines += [{"index": {"_id": str(number)}}, {"n": number}]
    assert not admin("POST", f"/{name}/_bulk?refresh=true", lines).body["errors"]
    return name


@pytest.mark.parametrize(("slices", "parts"), [("3", 3), ("auto", 2)])
def test_slices_share_the_work_and_their_counts_add_up(
    admin: Any, many: str, slices: str, parts: int
) -> None:
    """As many slices as asked for, or one for each shard; every document once."""
    body = {"source": {"index": many}, "dest": {"index": f"{many}-copy"}}
    reply = admin("POST", f"/_reindex?refresh=true&slices={slices}", body)
    assert reply.status == 200, reply.body
    assert (reply.body["total"], reply.body["created"]) == (12, 12)
    assert [part["slice_id"] for part in reply.body["slices"]] == list(range(parts))
    assert sum(part["created"] for part in reply.body["slices"]) == 12
    assert admin("GET", f"/{many}-copy/_count").body["count"] == 12


def test_a_limit_is_divided_among_slices(admin: Any, many: str) -> None:
    """Two slices of at most three each."""
    path = f"/{many}/_delete_by_query?refresh=true&slices=2&max_docs=6"
    reply = admin("POST", path, {"query": {"match_all": {}}})
    assert reply.body["deleted"] == 6
    assert admin("GET", f"/{many}/_count").body["count"] == 6


def test_a_slice_can_be_asked_for_by_hand(admin: Any, many: str) -> None:
    """The two halves of a run together touch every document once."""
    updated = 0
    for number in range(2):
        body = {"slice": {"id": number, "max": 2}}
        reply = admin("POST", f"/{many}/_update_by_query?refresh=true", body)
        assert reply.body["slice_id"] == number
        updated += reply.body["updated"]
    assert updated == 12


def test_conflicts_do_not_use_up_the_limit(admin: Any, many: str) -> None:
    """With conflicts=proceed the limit counts documents that were written."""
    copy = f"{many}-copy"
    lines: list[dict[str, Any]] = []
    for number in range(10):
        lines += [{"index": {"_index": copy, "_id": str(number)}}, {"n": number}]
    assert not admin("POST", "/_bulk?refresh=true", lines).body["errors"]
    body = {
        "source": {"index": many, "size": 5, "sort": {"n": "asc"}},
        "dest": {"index": copy, "op_type": "create"},
        "conflicts": "proceed",
        "max_docs": 2,
    }
    reply = admin("POST", "/_reindex?refresh=true", body)
    assert reply.status == 200, reply.body
    assert (reply.body["created"], reply.body["version_conflicts"]) == (2, 10)
    assert reply.body["failures"] == []


def test_conflicts_stop_a_run_unless_told_otherwise(admin: Any, many: str) -> None:
    """409 with each conflict as a failure: index, id, cause and status."""
    body = {"source": {"index": many}, "dest": {"index": f"{many}-copy", "op_type": "create"}}
    assert admin("POST", "/_reindex?refresh=true", body).body["created"] == 12
    reply = admin("POST", "/_reindex", body)
    assert reply.status == 409
    assert reply.body["version_conflicts"] == len(reply.body["failures"]) == 12
    failure = reply.body["failures"][0]
    assert (failure["index"], failure["status"]) == (f"{many}-copy", 409)
    assert failure["cause"]["type"] == "version_conflict_engine_exception"


@pytest.mark.parametrize("slices", [1, 2])
def test_a_slow_run_can_be_told_to_hurry(admin: Any, many: str, slices: int) -> None:
    """A new rate takes effect at once, for a leader's slices too; the answer lists the task."""
    path = f"/{many}/_update_by_query?wait_for_completion=false&requests_per_second=0.01"
    started = admin("POST", f"{path}&scroll_size=1&slices={slices}", {})
    task = started.body["task"]
    deadline = time.monotonic() + 20
    while slices > 1 and not admin("GET", f"/_tasks?parent_task_id={task}").body["nodes"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    reply = admin("POST", f"/_update_by_query/{task}/_rethrottle?requests_per_second=-1")
    assert reply.status == 200, reply.body
    (node,) = reply.body["nodes"].values()
    assert node["tasks"][task]["status"]["requests_per_second"] == -1
    finished = admin("GET", f"/_tasks/{task}?wait_for_completion=true&timeout=20s").body
    assert finished["completed"]
    assert finished["response"]["updated"] == 12


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/_reindex/a:1/_rethrottle", 400, "requests_per_second is a required parameter"),
        (
            "/_reindex/a:1/_rethrottle?requests_per_second=x",
            400,
            "[requests_per_second] must be a float greater than 0. Use -1 to disable throttling.",
        ),
        ("/_reindex/bogus/_rethrottle?requests_per_second=1", 400, "malformed task id bogus"),
    ],
)
def test_a_new_rate_needs_a_task_and_a_number(
    admin: Any, path: str, status: int, reason: str
) -> None:
    """400 with what is wrong."""
    reply = admin("POST", path)
    assert (reply.status, reply.reason) == (status, reason)


def test_an_unknown_task_has_no_rate_to_change(admin: Any) -> None:
    """The answer lists no task but says why, as other calls about several tasks do."""
    (node,) = admin("GET", "/_nodes/_local/http").body["nodes"]
    path = f"/_delete_by_query/{node}:999999999/_rethrottle?requests_per_second=1"
    (failure,) = admin("POST", path).body["node_failures"]
    assert failure["caused_by"]["type"] == "resource_not_found_exception"
    assert failure["caused_by"]["reason"] == f"task [{node}:999999999] is missing"
