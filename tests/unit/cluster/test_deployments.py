"""Deployments: started once, waited for, and failures told with the cluster's reason."""

from typing import Any

import pytest

from esrag.cluster import retry
from esrag.cluster.deployments import deploy, read_deployment, undeploy, wait_until_ready
from esrag.errors import ConflictError, UnavailableError
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, Reply

WANTED: dict[str, Any] = {
    "deployment_id": "m",
    "allocations": 1,
    "threads": 2,
    "queue_capacity": 64,
}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ClusterInMemory:
    """A cluster that has a model and no deployment."""
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.0)
    return ClusterInMemory(store={"models": {"m": {"config": {}, "parts": {}}}})


def test_a_deployment_is_started_and_waited_for(cluster: ClusterInMemory) -> None:
    """The result is what the cluster's statistics show."""
    fake = ElasticsearchFake(cluster)
    found = deploy(fake.client(), "m", **WANTED)
    assert (found.state, found.allocated, found.threads, found.queue_capacity) == (
        "started",
        1,
        2,
        64,
    )
    fake.requests.clear()
    assert deploy(fake.client(), "m", **WANTED) == found
    assert fake.writes == []


def test_a_lost_answer_does_not_start_twice(cluster: ClusterInMemory) -> None:
    """'Already exists' after a lost answer is success."""
    fake = ElasticsearchFake(cluster)
    fake.lose_answer_of = 1
    assert deploy(fake.client(), "m", **WANTED).ready


def test_more_allocations_are_an_update(cluster: ClusterInMemory) -> None:
    """Resizing does not interrupt."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), "m", **WANTED)
    assert deploy(fake.client(), "m", **{**WANTED, "allocations": 2}).allocations == 2


def test_other_threads_would_interrupt(cluster: ClusterInMemory) -> None:
    """The API cannot change threads of what runs, and stopping is not ours to decide here."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), "m", **WANTED)
    with pytest.raises(ConflictError, match="threads 2 instead of 4"):
        deploy(fake.client(), "m", **{**WANTED, "threads": 4})


def test_a_failed_deployment_tells_the_clusters_reason(cluster: ClusterInMemory) -> None:
    """The reason comes from the statistics."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), "m", **WANTED)
    cluster.deployments["m"] |= {"state": "failed", "reason": "no ML node has memory"}
    with pytest.raises(UnavailableError, match="no ML node has memory"):
        wait_until_ready(fake.client(), "m")


def test_waiting_ends(cluster: ClusterInMemory) -> None:
    """A deployment that starts for ever is given up after the time limit."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), "m", **WANTED)
    cluster.deployments["m"]["state"] = "starting"
    now = iter(range(100))
    with pytest.raises(UnavailableError, match="0 of 1 allocations"):
        wait_until_ready(
            fake.client(), "m", timeout=3, clock=lambda: next(now), sleep=lambda seconds: None
        )


def test_stopping_what_is_not_there_is_no_error(cluster: ClusterInMemory) -> None:
    """Undeploying twice says so."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), "m", **WANTED)
    assert undeploy(fake.client(), "m")
    assert not undeploy(fake.client(), "m")
    assert read_deployment(fake.client(), "m") is None


def test_a_deployment_in_use_is_not_stopped(cluster: ClusterInMemory) -> None:
    """The server's 409 becomes a conflict that names the flag."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), "m", **WANTED)
    fake.handler = lambda request: (
        cluster(request)
        if request.method == "GET"
        else Reply.error(409, "status_exception", "referenced by ingest processors")
    )
    with pytest.raises(ConflictError) as caught:
        undeploy(fake.client(), "m")
    assert "--force" in caught.value.hint
