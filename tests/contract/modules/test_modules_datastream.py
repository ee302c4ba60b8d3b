"""``DELETE /_data_stream``: the call with which many test suites begin and end."""

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
