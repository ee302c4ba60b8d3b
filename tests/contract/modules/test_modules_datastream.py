"""``/_data_stream``: what clients ask before they copy an index, and with what suites clean up."""

from __future__ import annotations

from typing import Any


def test_a_pattern_without_data_streams_is_acknowledged(admin: Any, prefix: str) -> None:
    """Cleaning up where nothing is to be cleaned up is no error."""
    reply = admin("DELETE", f"/_data_stream/{prefix}*")
    assert (reply.status, reply.body) == (200, {"acknowledged": True})


def test_a_data_stream_goes_with_its_indices(admin: Any, prefix: str) -> None:
    """The server makes the stream with its first document; the call removes what it made."""
    template = {"index_patterns": [f"{prefix}-*"], "data_stream": {}}
    assert admin("PUT", f"/_index_template/{prefix}", template).status == 200
    document = {"@timestamp": "2026-01-01"}
    assert admin("POST", f"/{prefix}-stream/_doc", document).status == 201
    assert admin("GET", f"/{prefix}-stream/_count").status == 200
    assert admin("DELETE", f"/_data_stream/{prefix}-stream").body == {"acknowledged": True}
    assert admin("GET", f"/{prefix}-stream/_count").status == 404


def test_a_data_stream_that_is_not_there(admin: Any, prefix: str) -> None:
    """A name without wildcard has to exist."""
    reply = admin("DELETE", f"/_data_stream/{prefix}")
    assert (reply.status, reply.error_type) == (404, "index_not_found_exception")


def test_a_data_stream_is_made_and_listed(admin: Any, prefix: str) -> None:
    """With its indices, its template, and that nobody manages it."""
    template = {"index_patterns": [f"{prefix}-*"], "data_stream": {}}
    assert admin("PUT", f"/_index_template/{prefix}", template).status == 200
    assert admin("PUT", f"/_data_stream/{prefix}-made").body == {"acknowledged": True}
    (found,) = admin("GET", f"/_data_stream/{prefix}-*").body["data_streams"]
    assert found["name"] == f"{prefix}-made"
    assert found["timestamp_field"] == {"name": "@timestamp"}
    assert [index["managed_by"] for index in found["indices"]] == ["Unmanaged"]
    wanted = {"generation": 1, "template": prefix, "index_mode": "standard", "hidden": False}
    assert {name: found[name] for name in wanted} == wanted
    assert admin("DELETE", f"/_data_stream/{prefix}-made").status == 200


def test_a_data_stream_wants_a_template(admin: Any, prefix: str) -> None:
    """The server's own refusal."""
    reply = admin("PUT", f"/_data_stream/{prefix}-made")
    assert reply.status == 400
    assert reply.reason == f"no matching index template found for data stream [{prefix}-made]"


def test_an_index_is_no_data_stream(admin: Any, prefix: str) -> None:
    """Clients learn so by a 404 or an empty list, and copy the index as one."""
    assert admin("PUT", f"/{prefix}").status == 200
    assert admin("GET", f"/_data_stream/{prefix}*").body == {"data_streams": []}
    reply = admin("GET", f"/_data_stream/{prefix}-nothing")
    assert (reply.status, reply.error_type) == (404, "index_not_found_exception")


def test_reading_data_streams_is_a_privilege(accounts: Any, prefix: str) -> None:
    """The actions have their real names."""
    reader = accounts.user([], [{"names": [f"{prefix}*"], "privileges": ["read"]}])
    reply = reader("DELETE", f"/_data_stream/{prefix}")
    assert reply.status == 403
    assert "action [indices:admin/data_stream/delete] is unauthorized" in reply.reason
