"""Probing: what does not fit is told apart, before anything is changed."""

from typing import Any

import pytest

from esrag.cluster.capabilities import Tier, probe
from esrag.errors import UnsupportedError
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, Reply, Request

LICENCE: dict[str, Any] = {
    "licence": "basic",
    "machine_learning": False,
    "rrf": False,
    "inference": False,
}


def test_a_fitting_cluster_is_described() -> None:
    """Version, licence and tier are read, nothing is written."""
    fake = ElasticsearchFake(ClusterInMemory())
    found = probe(fake.client())
    assert (found.version, found.licence, found.machine_learning) == ("9.5.3", "trial", True)
    assert (found.tier, found.warnings, found.document_security) == (Tier(), (), True)
    assert fake.writes == []


def test_a_basic_licence_leaves_everything_to_the_client() -> None:
    """With the reason, what is done instead, and what a licence would add, for each."""
    found = probe(ElasticsearchFake(ClusterInMemory(**LICENCE)).client())
    tier = found.tier
    assert (tier.embedding, tier.fusion, tier.endpoints) == ("client", "client", False)
    assert set(tier.why) == {"embedding", "fusion", "endpoints"}
    assert "basic" in tier.why["embedding"]
    assert all("With a licence that does" in words for words in tier.why.values())
    assert not found.document_security


def test_platinum_embeds_and_does_not_fuse() -> None:
    """Trained models there, rrf and endpoints not."""
    cluster = ClusterInMemory(licence="platinum", rrf=False, inference=False)
    tier = probe(ElasticsearchFake(cluster).client()).tier
    assert (tier.embedding, tier.fusion, tier.endpoints) == ("cluster", "client", False)


@pytest.mark.parametrize("endpoints", [(), ("mine",), (".elser-2-elasticsearch",)])
@pytest.mark.parametrize("licensed", [True, False])
def test_endpoints_are_tried_without_running_a_model(
    endpoints: tuple[str, ...], licensed: bool
) -> None:
    """One that exists is asked for another task than its own; where there is none, rrf tells."""
    kept = {
        name: {"inference_id": name, "task_type": "sparse_embedding", "service": "elasticsearch"}
        for name in endpoints
    }
    cluster = ClusterInMemory(rrf=licensed, inference=licensed, endpoints=kept)
    fake = ElasticsearchFake(cluster)
    assert probe(fake.client()).tier.endpoints is licensed
    asked = [r.path for r in fake.requests if r.method == "POST" and "_inference" in r.path]
    assert asked == [f"_inference/rerank/{name}" for name in endpoints]


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ({"total_ml_memory": "0b"}, "client"),
        ({"total_ml_memory": "0b", "effective_max_model_memory_limit": "4gb"}, "cluster"),
        ({"total_ml_memory": "7231mb"}, "cluster"),
        ({}, "cluster"),
    ],
)
def test_a_cluster_without_ml_nodes_does_not_embed(limits: dict[str, str], found: str) -> None:
    """Unless nodes would come by themselves; a server that says nothing is believed."""
    tier = probe(ElasticsearchFake(ClusterInMemory(ml_limits=limits)).client()).tier
    assert tier.embedding == found
    if found == "client":
        assert tier.why["embedding"].startswith("No node of the cluster has the role ml.")


def test_credentials_that_may_not_ask_are_no_missing_licence() -> None:
    """Only what the server says of its licence counts, and a refused look is told."""
    cluster = ClusterInMemory()

    def handler(request: Request) -> Reply:
        if request.path in ("_ml/info", "_inference", "_inference/_all", "esrag-none-*/_search"):
            return Reply.error(403, "security_exception", "action is unauthorized")
        return cluster(request)

    tier = probe(ElasticsearchFake(handler).client()).tier
    assert (tier.embedding, tier.fusion) == ("cluster", "cluster")
    assert "monitor_inference" in tier.why["endpoints"]


@pytest.mark.parametrize("version", ["10.0.0", "11.2.3-SNAPSHOT"])
def test_a_newer_major_is_warned_of(version: str) -> None:
    """It may work; somebody should look."""
    (warning,) = probe(ElasticsearchFake(ClusterInMemory(version=version)).client()).warnings
    assert version in warning


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
