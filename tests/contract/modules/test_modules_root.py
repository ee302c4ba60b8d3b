"""``GET /``: the first question of every client."""

from __future__ import annotations

from typing import Any


def test_root_names_version_and_cluster(admin: Any) -> None:
    """The answer has what clients parse before they do anything else."""
    reply = admin("GET", "/")
    assert reply.status == 200
    assert reply.headers["x-elastic-product"] == "Elasticsearch"
    assert reply.body["tagline"] == "You Know, for Search"
    assert reply.body["version"]["number"] == "9.5.3"
    assert reply.body["version"]["build_flavor"] == "default"
    assert reply.body["cluster_uuid"] not in ("", "_na_")


def test_head_of_root_answers_without_a_body(admin: Any) -> None:
    """``ping`` of the Python client is this call."""
    reply = admin("HEAD", "/")
    assert (reply.status, reply.body) == (200, "")


def test_root_refuses_the_anonymous(accounts: Any) -> None:
    """Without credentials the security module answers in its own words."""
    reply = accounts.anonymous()("GET", "/")
    assert reply.status == 401
    assert reply.reason == "missing authentication credentials for REST request [/]"
    assert "WWW-Authenticate" in reply.headers


def test_root_needs_the_monitor_privilege(accounts: Any, index: str) -> None:
    """The action has its real name, so the refusal names the privileges that would do."""
    reader = accounts.user([], [{"names": [index], "privileges": ["read"]}])
    reply = reader("GET", "/")
    assert reply.status == 403
    assert reply.error_type == "security_exception"
    assert "action [cluster:monitor/main] is unauthorized for user" in reply.reason
    assert "granted by the cluster privileges [monitor,manage,all]" in reply.reason


def test_root_answers_whoever_may_monitor(accounts: Any) -> None:
    """One privilege is enough."""
    assert accounts.key(["monitor"], [])("GET", "/").status == 200
