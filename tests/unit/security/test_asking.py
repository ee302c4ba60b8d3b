"""The preflight: everything missing is named at once, and what is not there is not demanded."""

from __future__ import annotations

import pytest

from esrag.cli.preflight import explaining_refusals
from esrag.cluster.security import missing_privileges, require_privileges
from esrag.errors import PermissionDeniedError
from esrag.privileges import needed
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, Reply, Request


def test_all_missing_privileges_are_named_at_once() -> None:
    """One message, so that one change of the role suffices."""
    lacking = frozenset({"cluster:admin/script/put", "indices:admin/create"})
    fake = ElasticsearchFake(ClusterInMemory(lacking=lacking))
    with pytest.raises(PermissionDeniedError) as caught:
        require_privileges(fake.client(), "setup", needed("setup", "x"))
    assert "  cluster:admin/script/put\n" in caught.value.message
    assert "  indices:admin/create on esrag-docs-x, esrag-docs-x-0*" in caught.value.message
    assert len(fake.requests) == 1


def test_what_is_held_is_not_named() -> None:
    """The answer is the part that is lacking."""
    fake = ElasticsearchFake(ClusterInMemory(lacking=frozenset({"indices:data/read/msearch"})))
    found = missing_privileges(fake.client(), needed("search", "x"))
    assert {name for name, _ in found.flat()} == {"indices:data/read/msearch"}


def test_a_cluster_without_security_lacks_nothing() -> None:
    """Where security is off, everybody may do everything."""

    def handler(request: Request) -> Reply:
        return Reply.error(500, "exception", "Security must be explicitly enabled")

    assert not missing_privileges(ElasticsearchFake(handler).client(), needed("plan", "x"))


def test_a_refused_reading_command_names_all_that_is_missing() -> None:
    """The server names one privilege, the command all of them."""
    cluster = ClusterInMemory(lacking=frozenset({"indices:data/read/msearch", "indices:data/read"}))
    fake = ElasticsearchFake(cluster)
    with (
        pytest.raises(PermissionDeniedError, match="indices:data/read/msearch on esrag-docs-x"),
        explaining_refusals(fake.client(), "search", "x"),
    ):
        raise PermissionDeniedError("action [indices:data/read/open_point_in_time] is unauthorized")


def test_a_command_that_is_not_refused_asks_nothing() -> None:
    """The check costs a request only when something went wrong."""
    fake = ElasticsearchFake(ClusterInMemory())
    with explaining_refusals(fake.client(), "search", "x"):
        pass
    assert fake.requests == []
