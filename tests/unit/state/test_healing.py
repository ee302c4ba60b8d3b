"""Healing: what ails a deployment is named, the remedy fits, and what works is left alone."""

from pathlib import Path

import pytest

from esrag.cluster import retry
from esrag.cluster.deployments import DeploymentSpec
from esrag.cluster.models import push
from esrag.errors import ConflictError, UnavailableError
from esrag.state.healing import examine, heal, start
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, Reply, Request
from esrag.testing_models import fake_bundle

SPEC = DeploymentSpec("model-a", "model-a", allocations=1, threads=1, queue_capacity=64)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterInMemory:
    """A cluster with a model that is deployed."""
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.0)
    monkeypatch.setattr(retry, "TRIES", 2)
    cluster = ClusterInMemory()
    client = ElasticsearchFake(cluster).client()
    push(client, fake_bundle(tmp_path, size=1000))
    start(client, SPEC)
    return cluster


def test_what_works_is_left_alone(cluster: ClusterInMemory) -> None:
    """It is asked to embed, and that is all."""
    fake = ElasticsearchFake(cluster)
    finding = examine(fake.client(), SPEC)
    assert (finding.well, finding.remedy) == (True, "")
    assert "it answers" in finding.what
    assert fake.writes == []


@pytest.mark.parametrize(
    ("change", "remedy", "words"),
    [
        (None, "start", "lost with its node"),
        ({"state": "failed", "reason": "native process died"}, "restart", "native process died"),
        ({"number_of_allocations": 0}, "resize", "want of requests"),
    ],
    ids=["vanished", "failed", "scaled to zero"],
)
def test_each_ailment_has_its_remedy(
    cluster: ClusterInMemory, change: dict[str, object] | None, remedy: str, words: str
) -> None:
    """The reason is told, and afterwards the deployment works."""
    if change is None:
        del cluster.deployments["model-a"]
    else:
        cluster.deployments["model-a"] |= change
    client = ElasticsearchFake(cluster).client()
    finding = examine(client, SPEC)
    assert finding.remedy == remedy
    assert words in finding.what
    assert heal(client, finding).well


def test_a_deployment_that_says_it_runs_and_does_not_answer_is_restarted(
    cluster: ClusterInMemory,
) -> None:
    """The statistics alone would call it well."""
    fake = ElasticsearchFake(cluster)

    def deaf(request: Request) -> Reply:
        started = any(r.path.endswith("_start") for r in fake.requests)
        if request.path.endswith("_infer") and not started:
            return Reply.error(500, "status_exception", "its process is gone")
        return cluster(request)

    fake.handler = deaf
    finding = examine(fake.client(), SPEC)
    assert finding.remedy == "restart"
    assert "its process is gone" in finding.what
    assert heal(fake.client(), finding).well


def test_one_that_never_comes_back_ends_with_the_clusters_reason(
    cluster: ClusterInMemory,
) -> None:
    """After the time limit, with what the statistics say."""
    cluster.deployments["model-a"] |= {"state": "starting", "reason": "no node has memory"}
    client = ElasticsearchFake(cluster).client()
    finding = examine(client, SPEC)
    assert finding.remedy == "wait"
    with pytest.raises(UnavailableError, match="no node has memory"):
        heal(client, finding, timeout=0.0)


def test_half_a_model_is_not_deployed(cluster: ClusterInMemory) -> None:
    """Neither by healing nor by deploying."""
    del cluster.deployments["model-a"]
    cluster.store["models"]["model-a"]["parts"].clear()
    fake = ElasticsearchFake(cluster)
    for call in (examine, start):
        with pytest.raises(ConflictError, match="half uploaded"):
            call(fake.client(), SPEC)
    assert fake.writes == []


def test_without_memory_nothing_is_started(cluster: ClusterInMemory) -> None:
    """The check of setup holds here, too."""
    del cluster.deployments["model-a"]
    cluster.ml_memory = 2**20
    fake = ElasticsearchFake(cluster)
    with pytest.raises(UnavailableError, match="needs 240 MiB"):
        heal(fake.client(), examine(fake.client(), SPEC))
    assert fake.writes == []
