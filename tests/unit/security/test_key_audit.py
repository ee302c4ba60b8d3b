"""The audit of keys: each kind of finding, and none for a key as it should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from esrag.cluster.api_keys import ApiKey
from esrag.key_audit import covers, findings
from esrag.privileges import Privileges
from esrag.roles import KEY_ROLES, KeyRole, role

DAY = 86_400_000
NOW = 1_800_000_000_000


def key(role_name: KeyRole = "app", **more: Any) -> ApiKey:
    """A key as esrag makes it, by a maker who holds what the role security holds."""
    facts: dict[str, Any] = {
        "id": role_name,
        "name": f"esrag-{role_name}-hr",
        "username": "sam",
        "created": NOW - DAY,
        "expires": NOW + 89 * DAY,
        "role": role_name,
        "set": "hr",
        "version": "0",
        "mark": "0",
        "replaced_by": "",
        "held": role(role_name, "hr").privileges,
        "query": None,
        "limits": (role("security", "hr").body(),),
    }
    return ApiKey(**facts | more)


def problems(*keys: ApiKey) -> list[str]:
    """What the audit says of keys."""
    return [found.problem for found in findings(keys, now=NOW)]


def test_keys_as_they_should_be_are_not_mentioned() -> None:
    """One of each role, made by a holder of the role security, in either of its forms."""
    for documented in (False, True):
        limits = (role("security", documented=documented).body(),)
        assert problems(*(key(name, limits=limits) for name in KEY_ROLES)) == []
    superuser = {"cluster": ["all"], "indices": [{"names": ["*"], "privileges": ["all"]}]}
    assert problems(key(limits=(superuser,))) == []


def test_ends_that_are_missing_or_near_are_told() -> None:
    """An expired key harms nobody; a replaced one is to end."""
    assert problems(key(expires=None)) == ["no expiry"]
    assert problems(key(expires=NOW + 3 * DAY)) == ["expires soon"]
    assert problems(key(expires=NOW + 3 * DAY, replaced_by="other")) == []
    assert problems(key(expires=NOW - 1)) == []


def test_rights_that_differ_from_the_role_are_told() -> None:
    """Wider, weaker, or a role that there is no more."""
    more = role("app", "hr").privileges | Privileges(cluster=("manage",))
    assert problems(key(held=more)) == ["wider than its role"]
    less = role("app", "hr").privileges.without("indices:data/read/msearch")
    (found,) = findings([key(held=less)], now=NOW)
    assert found.problem == "weaker than its role"
    assert "indices:data/read/msearch on esrag-docs-hr" in found.detail
    assert problems(key(role="writer")) == ["unknown role"]


def test_rights_that_the_maker_did_not_have_are_told() -> None:
    """What the server cut off does not stand in the key's own descriptor."""
    limits = (role("ingest", "hr").body(), {"cluster": ["manage_own_api_key"]})
    found = [f for f in findings([key(limits=limits)], now=NOW) if f.problem.startswith("cut")]
    assert len(found) == 1
    assert "create_doc on esrag-answers-hr" in found[0].detail


def test_two_keys_for_one_thing_are_told() -> None:
    """Unless one replaces the other, or they see different documents."""
    twin = replace(key(), id="twin")
    assert problems(key(), twin) == ["duplicate", "duplicate"]
    assert problems(key(), replace(twin, replaced_by="app")) == []
    assert problems(key(query={"term": {"a": 1}}), replace(twin, query={"term": {"a": 2}})) == []


def test_strangers_with_our_name_are_told() -> None:
    """A key called esrag-… without our mark; other names are none of our business."""
    assert problems(key(role="")) == ["unknown"]
    assert problems(key(role="", name="logstash")) == []


@pytest.mark.parametrize(
    ("held", "privilege", "expected"),
    [
        ("read", "indices:data/read/search", True),
        ("read", "indices:data/write/bulk", False),
        ("all", "create_doc", True),
        ("write", "create_doc", True),
        ("create_doc", "index", False),
        ("indices:data/read/*", "indices:data/read/search", True),
        ("indices:data/read/search", "indices:data/read/search/template", True),
        ("read_cross_cluster", "indices:data/read/search", None),
    ],
)
def test_one_privilege_covers_another(held: str, privilege: str, expected: bool | None) -> None:
    """By name, by pattern or by what a named one holds; what is unknown is not judged."""
    limits = [{"indices": [{"names": ["esrag-*"], "privileges": [held]}]}]
    assert covers(limits, privilege, "esrag-docs-hr-0*") is expected
    assert covers(limits, privilege, "customers") is False
