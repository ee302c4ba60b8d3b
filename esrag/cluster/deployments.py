"""Deployments of trained models: read, start, resize, stop, and wait until they can be used."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elasticsearch import ApiError, NotFoundError

from esrag.cluster.client import explained, reason
from esrag.cluster.retry import retrying
from esrag.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

POLL_SECONDS = 0.5
START_TIMEOUT = 180.0

StateProgress = Callable[["Deployment"], None]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as the cluster's statistics show it.

    ``allocated`` counts the copies that run, of ``allocations`` wanted.
    """

    deployment_id: str
    model_id: str
    state: str
    reason: str
    allocations: int
    allocated: int
    threads: int
    queue_capacity: int
    inference_count: int
    error_count: int
    rejected_count: int
    pending_requests: int

    @property
    def ready(self) -> bool:
        """Whether every allocation runs."""
        return self.state == "started" and self.allocated >= self.allocations


def read_deployment(client: Elasticsearch, deployment_id: str) -> Deployment | None:
    """A deployment, None when there is none of this id."""
    with explained(f"reading deployment {deployment_id}"):
        try:
            answer = client.ml.get_trained_models_stats(model_id=deployment_id)
        except NotFoundError:
            return None
    return _find(answer["trained_model_stats"], deployment_id)


def list_deployments(client: Elasticsearch) -> tuple[Deployment, ...]:
    """All deployments of the cluster, by id."""
    with explained("listing deployments"):
        answer = client.ml.get_trained_models_stats(model_id="*", allow_no_match=True, size=1000)
    stats = [
        entry["deployment_stats"]
        for entry in answer["trained_model_stats"]
        if "deployment_stats" in entry
    ]
    return tuple(sorted((_deployment(entry) for entry in stats), key=lambda d: d.deployment_id))


def deploy(
    client: Elasticsearch,
    model_id: str,
    *,
    deployment_id: str,
    allocations: int,
    threads: int,
    queue_capacity: int,
    timeout: float = START_TIMEOUT,
    progress: StateProgress = lambda *_: None,
) -> Deployment:
    """Start a deployment, or resize the one that runs, and wait until all allocations run.

    Threads and queue of a running deployment cannot be changed by the API; the difference raises
    ConflictError, as stopping it would interrupt whoever uses it.
    """
    found = read_deployment(client, deployment_id)
    if found is None:
        retrying(
            lambda: _start(
                client,
                model_id,
                deployment_id=deployment_id,
                number_of_allocations=allocations,
                threads_per_allocation=threads,
                queue_capacity=queue_capacity,
            )
        )
    else:
        _require_same(found, model_id=model_id, threads=threads, queue_capacity=queue_capacity)
        if found.allocations != allocations:
            retrying(lambda: _resize(client, deployment_id, allocations))
    return wait_until_ready(client, deployment_id, timeout=timeout, progress=progress)


def wait_until_ready(
    client: Elasticsearch,
    deployment_id: str,
    *,
    timeout: float = START_TIMEOUT,
    progress: StateProgress = lambda *_: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Deployment:
    """The deployment once all its allocations run.

    Raises UnavailableError with the cluster's reason when it failed or takes too long.
    """
    deadline = clock() + timeout
    while True:
        found = retrying(lambda: read_deployment(client, deployment_id))
        if found is None:
            raise UnavailableError(f"deployment {deployment_id} vanished while it was starting")
        progress(found)
        if found.ready:
            return found
        if found.state == "failed":
            raise UnavailableError(
                f"deployment {deployment_id} failed to start: {found.reason or 'no reason given'}",
                hint="When the cause is gone: esrag model undeploy, then esrag model deploy",
            )
        if clock() >= deadline:
            raise UnavailableError(
                f"deployment {deployment_id} is {found.state} after {timeout:.0f} s, with "
                f"{found.allocated} of {found.allocations} allocations running"
                + (f": {found.reason}" if found.reason else ""),
                hint="The ML node may lack memory or threads; see esrag status, then try again.",
            )
        sleep(POLL_SECONDS)


def undeploy(client: Elasticsearch, deployment_id: str, *, force: bool = False) -> bool:
    """Stop a deployment; False when there was none.

    Raises ConflictError when an ingest pipeline uses it, unless ``force``.
    """
    if read_deployment(client, deployment_id) is None:
        return False
    with explained(f"stopping deployment {deployment_id}"):
        try:
            client.ml.stop_trained_model_deployment(model_id=deployment_id, force=force)
        except ApiError as error:
            if error.meta.status != 409:
                raise
            raise ConflictError(
                f"deployment {deployment_id} is in use: {reason(error)}",
                hint="With --force it is stopped all the same; ingest and search then fail.",
            ) from error
    return True


def _start(
    client: Elasticsearch,
    model_id: str,
    *,
    deployment_id: str,
    number_of_allocations: int,
    threads_per_allocation: int,
    queue_capacity: int,
) -> None:
    with explained(f"starting deployment {deployment_id}"):
        try:
            client.ml.start_trained_model_deployment(
                model_id=model_id,
                deployment_id=deployment_id,
                number_of_allocations=number_of_allocations,
                threads_per_allocation=threads_per_allocation,
                queue_capacity=queue_capacity,
                wait_for="starting",
            )
        except ApiError as error:
            # A lost answer, or somebody else was quicker; waiting shows what became of it.
            words = reason(error)
            if (
                not ("same id" in words and "exist" in words)
                and "already been started" not in words
            ):
                raise


def _resize(client: Elasticsearch, deployment_id: str, allocations: int) -> None:
    with explained(f"changing the allocations of {deployment_id} to {allocations}"):
        client.ml.update_trained_model_deployment(
            model_id=deployment_id, number_of_allocations=allocations
        )


def _require_same(found: Deployment, *, model_id: str, threads: int, queue_capacity: int) -> None:
    wanted = {"model": model_id, "threads": threads, "queue capacity": queue_capacity}
    has = {
        "model": found.model_id,
        "threads": found.threads,
        "queue capacity": found.queue_capacity,
    }
    differing = [
        f"{name} {has[name]} instead of {wanted[name]}"
        for name in wanted
        if has[name] != wanted[name]
    ]
    if differing:
        raise ConflictError(
            f"deployment {found.deployment_id} runs with {', '.join(differing)}",
            hint="Stop it first: esrag model undeploy --force, then esrag model deploy",
        )


def _find(entries: list[Mapping[str, Any]], deployment_id: str) -> Deployment | None:
    for entry in entries:
        stats = entry.get("deployment_stats")
        if stats and stats.get("deployment_id", entry.get("model_id")) == deployment_id:
            return _deployment(stats)
    return None


def _deployment(stats: Mapping[str, Any]) -> Deployment:
    nodes = stats.get("nodes") or []
    status = stats.get("allocation_status") or {}
    reasons = [str(stats.get("reason") or "")]
    reasons += [str((node.get("routing_state") or {}).get("reason") or "") for node in nodes]
    allocations = int(
        stats.get("number_of_allocations") or status.get("target_allocation_count") or 0
    )
    return Deployment(
        deployment_id=str(stats.get("deployment_id") or stats["model_id"]),
        model_id=str(stats["model_id"]),
        state=str(stats.get("state") or "starting"),
        reason="; ".join(dict.fromkeys(words for words in reasons if words)),
        allocations=allocations,
        allocated=int(status.get("allocation_count") or 0),
        threads=int(stats.get("threads_per_allocation") or 1),
        queue_capacity=int(stats.get("queue_capacity") or 0),
        inference_count=int(stats.get("inference_count") or 0),
        error_count=int(stats.get("error_count") or 0),
        rejected_count=int(stats.get("rejected_execution_count") or 0),
        pending_requests=sum(int(node.get("number_of_pending_requests") or 0) for node in nodes),
    )
