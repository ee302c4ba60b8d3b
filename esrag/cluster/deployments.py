"""Deployments of trained models: read, start, resize, stop, and wait until they can be used.

Allocations and their range can be changed while a deployment runs; threads and queue cannot.  With
adaptive allocations the cluster changes the number of allocations by itself, within the range, so
only the range is compared with what is wanted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
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
class DeploymentSpec:
    """A deployment as it is wanted.

    ``adaptive_max`` above 0 lets the cluster choose between ``allocations`` and that many.
    """

    deployment_id: str
    model_id: str
    allocations: int
    threads: int
    queue_capacity: int
    adaptive_max: int = 0

    @property
    def range(self) -> AllocationRange | None:
        """The range of adaptive allocations, None when their number is fixed."""
        return AllocationRange(self.allocations, self.adaptive_max) if self.adaptive_max else None

    def describe(self) -> str:
        """The size in words."""
        copies = f"{self.allocations}"
        if self.adaptive_max:
            copies += f" to {self.adaptive_max}"
        return f"{copies} allocation(s) of {self.threads} thread(s)"


@dataclass(frozen=True, slots=True)
class AllocationRange:
    """Between how many allocations the cluster chooses by load."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as the cluster's statistics show it.

    ``allocated`` counts the copies that run, of ``allocations`` wanted; ``range`` is None unless
    their number is adaptive.  ``model_bytes`` is the size of the model's definition;
    ``average_ms`` the time of one allocation for one input, 0 while that is not known.
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
    range: AllocationRange | None = None
    model_bytes: int = 0
    average_ms: float = 0.0

    @property
    def ready(self) -> bool:
        """Whether all allocations run, and there is one; of adaptive ones the least number."""
        wanted = min(self.allocations, self.range.least) if self.range else self.allocations
        return self.state == "started" and self.allocated >= max(1, wanted)

    @property
    def scaled_to_zero(self) -> bool:
        """Whether adaptive allocations took the last one away for want of requests."""
        return self.state == "started" and self.allocations == 0


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
        _deployment(entry) for entry in answer["trained_model_stats"] if "deployment_stats" in entry
    ]
    return tuple(sorted(stats, key=lambda d: d.deployment_id))


def deploy(
    client: Elasticsearch,
    spec: DeploymentSpec,
    *,
    timeout: float = START_TIMEOUT,
    progress: StateProgress = lambda *_: None,
) -> Deployment:
    """Start a deployment, or resize the one that runs, and wait until its allocations run.

    Threads and queue of a running deployment cannot be changed by the API; the difference raises
    ConflictError, as stopping it would interrupt whoever uses it.
    """
    found = read_deployment(client, spec.deployment_id)
    if found is None:
        retrying(lambda: _start(client, spec))
    else:
        _require_same(found, spec)
        if size_differences(found, spec):
            retrying(lambda: resize(client, spec))
    return wait_until_ready(client, spec.deployment_id, timeout=timeout, progress=progress)


def fixed_differences(found: Deployment, spec: DeploymentSpec) -> tuple[str, ...]:
    """What a running deployment cannot be changed to, each as ``name has -> wanted``."""
    pairs = {
        "model": (found.model_id, spec.model_id),
        "threads": (found.threads, spec.threads),
        "queue": (found.queue_capacity, spec.queue_capacity),
    }
    return tuple(f"{name} {has} -> {want}" for name, (has, want) in pairs.items() if has != want)


def size_differences(found: Deployment, spec: DeploymentSpec) -> tuple[str, ...]:
    """What can be changed while it runs; the number of adaptive allocations is the cluster's."""
    if found.range != spec.range:
        return (f"allocations {found.range or found.allocations} -> {_copies(spec)}",)
    if spec.range is None and found.allocations != spec.allocations:
        return (f"allocations {found.allocations} -> {spec.allocations}",)
    return ()


def resize(client: Elasticsearch, spec: DeploymentSpec) -> None:
    """Give a running deployment its number or range of allocations."""
    body: dict[str, Any] = {"number_of_allocations": spec.allocations}
    if spec.range is not None:
        body = {"adaptive_allocations": _adaptive_body(spec.range)}
    elif _is_adaptive(client, spec.deployment_id):
        body["adaptive_allocations"] = {"enabled": False}
    with explained(f"changing the allocations of {spec.deployment_id} to {_copies(spec)}"):
        client.ml.update_trained_model_deployment(model_id=spec.deployment_id, body=body)


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
                hint="The ML node may lack memory or processors: raise "
                "xpack.ml.max_machine_memory_percent, or lower model.allocations or "
                "model.threads; what there is shows: esrag model list",
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


def _start(client: Elasticsearch, spec: DeploymentSpec) -> None:
    size: dict[str, Any] = {"number_of_allocations": spec.allocations}
    if spec.range is not None:
        size = {"adaptive_allocations": _adaptive_body(spec.range)}
    with explained(f"starting deployment {spec.deployment_id}"):
        try:
            client.ml.start_trained_model_deployment(
                model_id=spec.model_id,
                deployment_id=spec.deployment_id,
                threads_per_allocation=spec.threads,
                queue_capacity=spec.queue_capacity,
                wait_for="starting",
                **size,
            )
        except ApiError as error:
            # A lost answer, or somebody else was quicker; waiting shows what became of it.
            words = reason(error)
            if (
                not ("same id" in words and "exist" in words)
                and "already been started" not in words
            ):
                raise


def _adaptive_body(wanted: AllocationRange) -> dict[str, Any]:
    return {
        "enabled": True,
        "min_number_of_allocations": wanted.least,
        "max_number_of_allocations": wanted.most,
    }


def _is_adaptive(client: Elasticsearch, deployment_id: str) -> bool:
    found = read_deployment(client, deployment_id)
    return found is not None and found.range is not None


def _copies(spec: DeploymentSpec) -> str:
    return str(spec.range or spec.allocations)


def _require_same(found: Deployment, spec: DeploymentSpec) -> None:
    differing = fixed_differences(found, spec)
    if differing:
        raise ConflictError(
            f"deployment {found.deployment_id} runs otherwise: {', '.join(differing)}",
            hint="Stop it first: esrag model undeploy --force, then esrag model deploy",
        )


def _find(entries: list[Mapping[str, Any]], deployment_id: str) -> Deployment | None:
    for entry in entries:
        stats = entry.get("deployment_stats")
        if stats and stats.get("deployment_id", entry.get("model_id")) == deployment_id:
            return _deployment(entry)
    return None


def _deployment(entry: Mapping[str, Any]) -> Deployment:
    stats = entry["deployment_stats"]
    nodes = stats.get("nodes") or []
    status = stats.get("allocation_status") or {}
    reasons = [str(stats.get("reason") or "")]
    reasons += [str((node.get("routing_state") or {}).get("reason") or "") for node in nodes]
    allocations = stats.get("number_of_allocations")
    if allocations is None:
        allocations = status.get("target_allocation_count") or 0
    return Deployment(
        deployment_id=str(stats.get("deployment_id") or stats["model_id"]),
        model_id=str(stats["model_id"]),
        state=str(stats.get("state") or "starting"),
        reason="; ".join(dict.fromkeys(words for words in reasons if words)),
        allocations=int(allocations),
        allocated=int(status.get("allocation_count") or 0),
        threads=int(stats.get("threads_per_allocation") or 1),
        queue_capacity=int(stats.get("queue_capacity") or 0),
        inference_count=int(stats.get("inference_count") or 0),
        error_count=int(stats.get("error_count") or 0),
        rejected_count=int(stats.get("rejected_execution_count") or 0),
        pending_requests=sum(int(node.get("number_of_pending_requests") or 0) for node in nodes),
        range=_range(stats.get("adaptive_allocations") or {}),
        model_bytes=int((entry.get("model_size_stats") or {}).get("model_size_bytes") or 0),
        average_ms=_average_ms(nodes),
    )


def _average_ms(nodes: Sequence[Mapping[str, Any]]) -> float:
    """Over all nodes, each by what it did."""
    counted = [
        (int(node.get("inference_count") or 0), float(node.get("average_inference_time_ms") or 0))
        for node in nodes
    ]
    done = sum(count for count, average in counted if average)
    return sum(count * average for count, average in counted) / done if done else 0.0


def _range(adaptive: Mapping[str, Any]) -> AllocationRange | None:
    """The server leaves out a bound that was not set: none below, and no limit above."""
    if not adaptive.get("enabled"):
        return None
    return AllocationRange(
        int(adaptive.get("min_number_of_allocations") or 0),
        int(adaptive.get("max_number_of_allocations") or 0),
    )
