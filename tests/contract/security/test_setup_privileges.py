"""The credentials of setup: its role suffices, and what is missing is named beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from elasticsearch import Elasticsearch
from key_holders import holder, make_key

from esrag.privileges import needed
from esrag.roles import role

if TYPE_CHECKING:
    from tests.contract.conftest import Stack


@pytest.mark.parametrize("documented", [False, True], ids=["tight", "documented"])
def test_the_role_of_setup_suffices(
    stack: Stack, es: Elasticsearch, prefix: str, documented: bool
) -> None:
    """A key with exactly the printed role sets a new set up, whole, and can look at it."""
    key = make_key(es, f"{prefix}-key", role("setup", prefix, documented=documented).privileges)
    done = holder(stack, key).esrag("setup", "--set", prefix, "--yes")
    assert done.returncode == 0, done.stderr
    assert es.indices.exists(index=f"esrag-docs-{prefix}-000001")
    assert holder(stack, key).esrag("plan", "--set", prefix).returncode == 0


def test_a_key_that_lacks_something_changes_nothing(
    stack: Stack, es: Elasticsearch, prefix: str
) -> None:
    """Exit code 5; everything that is missing is named, and nothing is there afterwards."""
    lacking = ("cluster:admin/script/put", "indices:admin/create")
    held = role("setup", prefix).privileges
    for name in lacking:
        held = held.without(name)
    done = holder(stack, make_key(es, f"{prefix}-key", held)).esrag(
        "setup", "--set", prefix, "--yes"
    )
    assert done.returncode == 5, done.stderr
    assert all(name in done.stderr for name in lacking)
    assert not es.indices.exists_index_template(name=f"esrag-docs-{prefix}")


def test_on_basic_no_action_of_machine_learning_is_asked_for(
    basic_stack: Stack, basic_es: Elasticsearch, basic_prefix: str
) -> None:
    """A key without any of them sets a set up there; what runs models is not the cluster."""
    held = needed("setup", basic_prefix, machine_learning=False, endpoints=False)
    less = held.without("cluster:admin/script/put")
    refused = holder(basic_stack, make_key(basic_es, f"{basic_prefix}-less", less)).esrag(
        "setup", "--set", basic_prefix, "--yes"
    )
    assert refused.returncode == 5, refused.stderr
    assert "cluster:admin/script/put" in refused.stderr
    assert "/ml/" not in refused.stderr
    done = holder(basic_stack, make_key(basic_es, f"{basic_prefix}-key", held)).esrag(
        "setup", "--set", basic_prefix, "--yes"
    )
    assert done.returncode == 0, done.stderr
    assert basic_es.indices.exists(index=f"esrag-docs-{basic_prefix}-000001")
