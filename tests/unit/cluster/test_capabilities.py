"""Probing: what does not fit is told apart, before anything is changed."""

import pytest

from esrag.cluster.capabilities import probe, require_machine_learning
from esrag.errors import UnsupportedError
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, Reply


def test_a_fitting_cluster_is_described() -> None:
    """Version, licence and machine learning are read, nothing is written."""
    fake = ElasticsearchFake(ClusterInMemory())
    found = probe(fake.client())
    assert (found.version, found.licence, found.machine_learning) == ("9.5.3", "trial", True)
    require_machine_learning(found)
    assert fake.writes == []


@pytest.mark.parametrize("version", ["8.19.2", "7.10.2", "", "nine"])
def test_other_versions_do_not_fit(version: str) -> None:
    """An older server, or one of unknown version, is exit code 6."""
    fake = ElasticsearchFake(ClusterInMemory(version=version))
    with pytest.raises(UnsupportedError):
        probe(fake.client())


def test_opensearch_is_named() -> None:
    """A banner of another distribution is told as such."""
    banner = {"version": {"number": "9.9.9", "distribution": "opensearch"}}
    fake = ElasticsearchFake(lambda request: Reply(200, banner))
    with pytest.raises(UnsupportedError, match="opensearch"):
        probe(fake.client())


def test_a_licence_without_machine_learning_is_told() -> None:
    """The message names the licence; the hint says what is needed."""
    fake = ElasticsearchFake(ClusterInMemory(licence="basic", machine_learning=False))
    found = probe(fake.client())
    with pytest.raises(UnsupportedError, match="basic") as caught:
        require_machine_learning(found)
    assert "ML tier" in caught.value.hint
