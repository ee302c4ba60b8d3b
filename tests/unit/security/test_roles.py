"""The roles as data: both forms, one set or all, and what they must never hold."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from esrag.cli.setup import setup
from esrag.privileges import needed
from esrag.roles import KEY_ROLES, ROLES, RoleName, role

HARMFUL = ("all", "manage", "manage_security", "manage_api_key", "superuser", "*")


@pytest.mark.parametrize("documented", [False, True])
@pytest.mark.parametrize("name", ROLES)
def test_a_role_names_only_our_indices(name: RoleName, documented: bool) -> None:
    """Whatever the form, no index but esrag's, and no right over the whole cluster."""
    found = role(name, documented=documented).privileges
    assert all(on.startswith("esrag-") for _, on in found.flat() if on)
    assert not set(found.cluster) & set(HARMFUL)


def test_one_sets_role_names_no_other_set() -> None:
    """A role for one set is no role for all."""
    for name in ROLES:
        assert "esrag-docs-*" not in json.dumps(role(name, "hr").body())


def test_run_time_roles_cannot_manage_anything() -> None:
    """Neither inference endpoints, which could send secrets away, nor templates and pipelines."""
    for name in KEY_ROLES:
        for documented in (False, True):
            cluster = role(name, documented=documented).privileges.cluster
            assert [p for p in cluster if "admin" in p or p.startswith("manage")] == []


def test_security_holds_what_the_keys_are_to_hold() -> None:
    """The server cuts a key down to its maker's rights."""
    for documented in (False, True):
        held = set(role("security", documented=documented).privileges.flat())
        for name in KEY_ROLES:
            assert set(role(name, documented=documented).privileges.flat()) <= held


def test_the_tight_setup_role_is_what_the_preflight_asks_for() -> None:
    """One list, used twice."""
    held = set(role("setup", "hr").privileges.flat())
    assert set(needed("setup", "hr").flat()) <= held


def test_roles_are_printed_without_a_cluster() -> None:
    """As console requests, or as JSON by role name."""
    text = CliRunner().invoke(setup, ["--print-roles"])
    assert text.exit_code == 0, text.output
    assert text.output.startswith("PUT _security/role/esrag_setup\n{")
    bodies = json.loads(
        CliRunner().invoke(setup, ["--print-roles", "--json", "--set", "hr"]).output
    )
    assert list(bodies) == [f"esrag_{name}_hr" for name in ROLES]
    assert bodies["esrag_ingest_hr"]["metadata"]["managed_by"] == "esrag"
