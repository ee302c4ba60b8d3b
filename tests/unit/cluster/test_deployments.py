"""Deployments: started once, waited for, and failures told with the cluster's reason."""

from dataclasses import replace

import pytest

from esrag.cluster import retry
from esrag.cluster.deployments import (
    AllocationRange,
    DeploymentSpec,
    deploy,
    read_deployment,
    size_differences,
    undeploy,
    wait_until_ready,
)
from esrag.errors import ConflictError, UnavailableError
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, Reply

WANTED = DeploymentSpec("m", "m", allocations=1, threads=2, queue_capacity=64)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ClusterInMemory:
    """A cluster that has a model and no deployment."""
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.0)
    return ClusterInMemory(store={"models": {"m": {"config": {}, "parts": {}}}})


def test_a_deployment_is_started_and_waited_for(cluster: ClusterInMemory) -> None:
    """The result is what the cluster's statistics show."""
    fake = ElasticsearchFake(cluster)
    found = deploy(fake.client(), WANTED)
    assert (found.state, found.allocated, found.threads, found.queue_capacity) == (
        "started",
        1,
        2,
        64,
    )
    fake.requests.clear()
    assert deploy(fake.client(), WANTED) == found
    assert fake.writes == []


def test_a_lost_answer_does_not_start_twice(cluster: ClusterInMemory) -> None:
    """'Already exists' after a lost answer is success."""
    fake = ElasticsearchFake(cluster)
    fake.lose_answer_of = 1
    assert deploy(fake.client(), WANTED).ready


def test_more_allocations_are_an_update(cluster: ClusterInMemory) -> None:
    """Resizing does not interrupt."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), WANTED)
    assert deploy(fake.client(), replace(WANTED, allocations=2)).allocations == 2


def test_other_threads_would_interrupt(cluster: ClusterInMemory) -> None:
    """The API cannot change threads of what runs, and stopping is not ours to decide here."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), WANTED)
    with pytest.raises(ConflictError, match="threads 2 -> 4"):
        deploy(fake.client(), replace(WANTED, threads=4))


def test_adaptive_allocations_are_a_range(cluster: ClusterInMemory) -> None:
    """Switched on and off while it runs; the number in between is the cluster's own affair."""
    fake = ElasticsearchFake(cluster)
    adaptive = replace(WANTED, allocations=2, adaptive_max=4)
    deploy(fake.client(), WANTED)
    found = deploy(fake.client(), adaptive)
    assert found.range == AllocationRange(2, 4)
    cluster.deployments["m"]["number_of_allocations"] = 3
    found = deploy(fake.client(), adaptive)
    assert (found.allocations, size_differences(found, adaptive)) == (3, ())
    found = deploy(fake.client(), WANTED)
    assert (found.range, found.allocations) == (None, 1)


def test_adaptive_allocations_from_the_start(cluster: ClusterInMemory) -> None:
    """The server refuses a number beside a range, so only the range is sent."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), replace(WANTED, adaptive_max=3))
    started = next(r for r in fake.writes if r.path.endswith("_start"))
    sent = {**started.query, **(started.body or {})}
    assert "number_of_allocations" not in sent
    assert sent["adaptive_allocations"]["max_number_of_allocations"] == 3


def test_a_deployment_without_allocations_is_not_ready(cluster: ClusterInMemory) -> None:
    """Adaptive allocations of others may have gone down to none."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), WANTED)
    cluster.deployments["m"]["number_of_allocations"] = 0
    found = read_deployment(fake.client(), "m")
    assert found is not None
    assert (found.scaled_to_zero, found.ready) == (True, False)


def test_a_failed_deployment_tells_the_clusters_reason(cluster: ClusterInMemory) -> None:
    """The reason comes from the statistics."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), WANTED)
    cluster.deployments["m"] |= {"state": "failed", "reason": "no ML node has memory"}
    with pytest.raises(UnavailableError, match="no ML node has memory"):
        wait_until_ready(fake.client(), "m")


def test_waiting_ends(cluster: ClusterInMemory) -> None:
    """A deployment that starts for ever is given up after the time limit."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), WANTED)
    cluster.deployments["m"]["state"] = "starting"
    now = iter(range(100))
    with pytest.raises(UnavailableError, match="0 of 1 allocations"):
        wait_until_ready(
            fake.client(), "m", timeout=3, clock=lambda: next(now), sleep=lambda seconds: None
        )


def test_stopping_what_is_not_there_is_no_error(cluster: ClusterInMemory) -> None:
    """Undeploying twice says so."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), WANTED)
    assert undeploy(fake.client(), "m")
    assert not undeploy(fake.client(), "m")
    assert read_deployment(fake.client(), "m") is None


def test_a_deployment_in_use_is_not_stopped(cluster: ClusterInMemory) -> None:
    """The server's 409 becomes a conflict that names the flag."""
    fake = ElasticsearchFake(cluster)
    deploy(fake.client(), WANTED)
    fake.handler = lambda request: (
        cluster(request)
        if request.method == "GET"
        else Reply.error(409, "status_exception", "referenced by ingest processors")
    )
    with pytest.raises(ConflictError) as caught:
        undeploy(fake.client(), "m")
    assert "--force" in caught.value.hint
