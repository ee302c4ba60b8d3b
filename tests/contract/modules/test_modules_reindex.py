"""``_reindex``, ``_delete_by_query`` and ``_update_by_query``."""

from __future__ import annotations

import time
from typing import Any

import pytest


def count(admin: Any, index: str, query: dict[str, Any] | None = None) -> int:
    """How many documents a query finds."""
    reply = admin("POST", f"/{index}/_count", {"query": query or {"match_all": {}}})
    assert reply.status == 200, reply.body
    return int(reply.body["count"])


def vector(admin: Any, index: str, name: str) -> list[float]:
    """A stored document's vector."""
    path = f"/{index}/_doc/{name}?_source_exclude_vectors=false"
    return list(admin("GET", path).body["_source"]["vector"])


@pytest.fixture
def pipeline(admin: Any, prefix: str) -> str:
    """A pipeline that marks what it sees."""
    body = {"processors": [{"set": {"field": "seen", "value": True}}]}
    assert admin("PUT", f"/_ingest/pipeline/{prefix}", body).status == 200
    return prefix


@pytest.fixture
def copy(admin: Any, index: str) -> str:
    """An empty index with the mapping of the other."""
    mappings = admin("GET", f"/{index}/_mapping").body[index]["mappings"]
    settings = {"number_of_replicas": 0}
    assert (
        admin("PUT", f"/{index}-copy", {"settings": settings, "mappings": mappings}).status == 200
    )
    return f"{index}-copy"


def test_reindex_copies_documents_with_their_vectors(
    admin: Any, index: str, copy: str, pipeline: str
) -> None:
    """The source is fetched with vectors, which the server leaves out by default."""
    body = {"source": {"index": index}, "dest": {"index": copy, "pipeline": pipeline}}
    reply = admin("POST", "/_reindex?refresh=true", body)
    assert reply.status == 200, reply.body
    assert (reply.body["total"], reply.body["created"], reply.body["updated"]) == (4, 4, 0)
    assert reply.body["failures"] == []
    assert count(admin, copy, {"term": {"seen": True}}) == 4
    assert vector(admin, copy, "2") == pytest.approx([1.0, 2.0])
    assert count(admin, copy, {"exists": {"field": "vector"}}) == 4


def test_reindex_takes_query_size_and_source_filter(admin: Any, index: str, copy: str) -> None:
    """What is read can be narrowed; vectors stay unless they are excluded by name."""
    source = {
        "index": index,
        "size": 1,
        "query": {"term": {"kind": "kind-1"}},
        "_source": ["text", "vector"],
    }
    reply = admin("POST", "/_reindex?refresh=true", {"source": source, "dest": {"index": copy}})
    assert (reply.body["total"], reply.body["batches"]) == (2, 2)
    assert count(admin, copy, {"exists": {"field": "kind"}}) == 0
    assert count(admin, copy, {"exists": {"field": "vector"}}) == 2


def test_reindex_stops_at_max_docs(admin: Any, index: str, copy: str) -> None:
    """In the body or in the URL."""
    body = {"source": {"index": index}, "dest": {"index": copy}, "max_docs": 3}
    assert admin("POST", "/_reindex?refresh=true", body).body["total"] == 3
    reply = admin(
        "POST", "/_reindex?refresh=true&max_docs=1", {k: body[k] for k in ("source", "dest")}
    )
    assert reply.body["total"] == 1


def test_reindex_of_existing_documents_conflicts(admin: Any, index: str, copy: str) -> None:
    """Creating what exists fails, unless conflicts are to be counted only."""
    body: dict[str, Any] = {
        "source": {"index": index},
        "dest": {"index": copy, "op_type": "create"},
    }
    assert admin("POST", "/_reindex?refresh=true", body).status == 200
    reply = admin("POST", "/_reindex", body)
    assert reply.status == 409
    assert reply.body["version_conflicts"] == 4
    assert reply.body["failures"][0]["status"] == 409
    reply = admin("POST", "/_reindex", {**body, "conflicts": "proceed"})
    assert (reply.status, reply.body["version_conflicts"], reply.body["failures"]) == (200, 4, [])


def test_reindex_into_itself_is_refused(admin: Any, index: str, prefix: str) -> None:
    """Also when an alias hides it."""
    admin("PUT", f"/{index}/_alias/{prefix}-alias", {})
    for target in (index, f"{prefix}-alias"):
        reply = admin("POST", "/_reindex", {"source": {"index": index}, "dest": {"index": target}})
        assert reply.status == 400
        assert f"reindex cannot write into an index its reading from [{index}]" in reply.reason


def test_reindex_reports_a_failing_pipeline(admin: Any, index: str, copy: str, prefix: str) -> None:
    """A document that fails stops the run and is named."""
    body: dict[str, Any] = {"processors": [{"fail": {"message": "not this one"}}]}
    admin("PUT", f"/_ingest/pipeline/{prefix}-fail", body)
    body = {"source": {"index": index}, "dest": {"index": copy, "pipeline": f"{prefix}-fail"}}
    reply = admin("POST", "/_reindex", body)
    assert reply.status in (400, 500)
    assert len(reply.body["failures"]) == 4
    assert reply.body["failures"][0]["cause"]["reason"] == "not this one"


def test_reindex_as_a_task(admin: Any, index: str, copy: str) -> None:
    """The answer is a task, whose result can be asked for later."""
    body = {"source": {"index": index}, "dest": {"index": copy}}
    task = admin("POST", "/_reindex?wait_for_completion=false", body).body["task"]
    deadline = time.monotonic() + 30
    while True:
        reply = admin("GET", f"/_tasks/{task}")
        if reply.status == 200 and reply.body["completed"]:
            break
        assert time.monotonic() < deadline, reply.body
        time.sleep(0.1)
    assert reply.body["response"]["created"] == 4
    assert reply.body["task"]["action"] == "indices:data/write/reindex"


def test_throttled_run_can_be_cancelled(admin: Any, index: str, copy: str) -> None:
    """Throttling and cancellation are the core's, and the result says how far it came."""
    body = {"source": {"index": index, "size": 1}, "dest": {"index": copy}}
    path = "/_reindex?wait_for_completion=false&requests_per_second=0.01"
    task = admin("POST", path, body).body["task"]
    deadline = time.monotonic() + 30
    while True:
        status = admin("GET", f"/_tasks/{task}").body["task"]["status"]
        if status["created"] == 1:
            break
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    assert status["requests_per_second"] == pytest.approx(0.01)
    assert admin("POST", f"/_tasks/{task}/_cancel?wait_for_completion=true").status == 200
    finished = admin("GET", f"/_tasks/{task}?wait_for_completion=true&timeout=20s").body
    assert finished["completed"]
    assert finished["response"]["canceled"] == "by user request"
    assert finished["response"]["created"] < 4


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (
            "/_reindex",
            {"source": {"index": "{i}"}, "dest": {"index": "x"}, "script": {"source": "1"}},
            "painless",
        ),
        ("/_reindex", {"source": {"index": "{i}"}}, "index must be specified"),
        (
            "/_reindex?pipeline=x",
            {"source": {"index": "{i}"}, "dest": {"index": "x"}},
            "doesn't support [pipeline]",
        ),
        (
            "/_reindex?slices=0",
            {"source": {"index": "{i}"}, "dest": {"index": "x"}},
            '[slices] must be a positive integer or the string "auto", but was [0]',
        ),
        (
            "/_reindex?max_docs=3",
            {"source": {"index": "{i}"}, "dest": {"index": "x"}, "max_docs": 2},
            "[max_docs] set to two different values [2] and [3]",
        ),
        (
            "/_reindex?slices=3&max_docs=2",
            {"source": {"index": "{i}"}, "dest": {"index": "x"}},
            "[max_docs] should be >= [slices]",
        ),
        ("/{i}/_update_by_query", {"script": {"source": "1"}}, "painless"),
        ("/{i}/_delete_by_query", {}, "query is missing"),
        ("/{i}/_delete_by_query?size=1", {"query": {"match_all": {}}}, "use [max_docs] instead"),
        (
            "/{i}/_delete_by_query?colour=1",
            {"query": {"match_all": {}}},
            "unrecognized parameter: [colour]",
        ),
        (
            "/{i}/_delete_by_query?requests_per_second=0",
            {"query": {"match_all": {}}},
            "must be a float greater than 0",
        ),
        (
            "/{i}/_delete_by_query?conflicts=maybe",
            {"query": {"match_all": {}}},
            'conflicts may only be "proceed" or "abort"',
        ),
    ],
)
def test_what_cannot_be_done_is_refused(
    admin: Any, index: str, path: str, body: dict[str, Any], reason: str
) -> None:
    """400 before a document is touched."""
    if "source" in body:
        body = {**body, "source": {"index": index}}
    reply = admin("POST", path.format(i=index), body)
    assert reply.status == 400, reply.body
    assert reason in str(reply.body["error"]).replace("\\", "")
    assert count(admin, index) == 4


def test_update_by_query_keeps_vectors_and_runs_the_pipeline(
    admin: Any, index: str, pipeline: str
) -> None:
    """Each hit is written again in its place."""
    path = f"/{index}/_update_by_query?refresh=true&pipeline={pipeline}"
    reply = admin("POST", path, {"query": {"term": {"kind": "kind-0"}}})
    assert reply.status == 200, reply.body
    assert (reply.body["total"], reply.body["updated"]) == (2, 2)
    assert "created" not in reply.body
    assert count(admin, index, {"term": {"seen": True}}) == 2
    assert vector(admin, index, "2") == pytest.approx([1.0, 2.0])
    assert admin("GET", f"/{index}/_doc/2").body["_version"] == 2


def test_update_by_query_without_a_body_touches_all(admin: Any, index: str) -> None:
    """It picks up a changed mapping, for instance."""
    reply = admin("POST", f"/{index}/_update_by_query?refresh=true&slices=auto")
    assert reply.body["updated"] == 4
    assert count(admin, index, {"exists": {"field": "vector"}}) == 4


def test_delete_by_query_deletes_what_is_found(admin: Any, index: str) -> None:
    """The counts say how many; the rest stays."""
    reply = admin(
        "POST", f"/{index}/_delete_by_query?refresh=true", {"query": {"term": {"kind": "kind-1"}}}
    )
    assert (reply.body["total"], reply.body["deleted"]) == (2, 2)
    assert "updated" not in reply.body
    assert count(admin, index) == 2


def test_delete_by_query_pages_through_many(admin: Any, prefix: str) -> None:
    """More documents than one page holds."""
    name = f"{prefix}-many"
    lines: list[dict[str, Any]] = [{"index": {}}, {"a": 1}] * 250
    assert admin("POST", f"/{name}/_bulk?refresh=true", lines).status == 200
    reply = admin(
        "POST",
        f"/{name}/_delete_by_query?refresh=true&scroll_size=100",
        {"query": {"match_all": {}}},
    )
    assert (reply.body["deleted"], reply.body["batches"]) == (250, 3)
    assert count(admin, name) == 0


def test_by_query_acts_as_the_caller(accounts: Any, admin: Any, index: str) -> None:
    """Who may only read cannot delete, and the refusal names the action."""
    reader = accounts.user([], [{"names": [index], "privileges": ["read"]}])
    reply = reader("POST", f"/{index}/_delete_by_query", {"query": {"match_all": {}}})
    assert reply.status == 403
    assert "action [indices:data/write/delete/byquery] is unauthorized for user" in reply.reason
    reply = reader(
        "POST", "/_reindex", {"source": {"index": index}, "dest": {"index": f"{index}-x"}}
    )
    assert reply.status == 403
    assert count(admin, index) == 4


def test_security_cleans_up_with_delete_by_query(admin: Any, accounts: Any, prefix: str) -> None:
    """Invalidated keys go away through the same action; here it only must not fail."""
    key = accounts.key([], [])
    assert key("GET", "/_security/_authenticate").status == 200
    reply = admin("DELETE", "/_security/api_key", {"name": f"{prefix}-key-0"})
    assert len(reply.body["invalidated_api_keys"]) == 1
    assert key("GET", "/_security/_authenticate").status == 401
