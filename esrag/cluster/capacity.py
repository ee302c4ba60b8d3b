"""Memory and processors for machine learning: what there is, what a deployment needs, what lacks.

Elasticsearch reserves memory for a deployment by an estimate, not by what it turns out to use, and
gives machine learning 30 % of a node's memory unless told otherwise.  A deployment that does not
fit is refused or waits, with a message that names no setting.  The same estimate is made here
before anything is started.

What the credentials may not read, or the server does not answer, is "not known", and nothing is
refused for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from elasticsearch import ApiError

from esrag.cluster.client import explained
from esrag.errors import EsragError, UnavailableError, UnsupportedError

if TYPE_CHECKING:
    from elastic_transport import ObjectApiResponse
    from elasticsearch import Elasticsearch

MIB = 2**20
# The server's own numbers: StartTrainedModelDeploymentAction.estimateMemoryUsageBytes, and
# MachineLearning.NATIVE_EXECUTABLE_CODE_OVERHEAD, once for each node that runs anything native.
LOADING_OVERHEAD = 240 * MIB
NODE_OVERHEAD = 30 * MIB
_NOT_ANSWERED = (400, 403, 404, 405)
_SOME_GROWTH = 1.05


@dataclass(frozen=True, slots=True)
class MlNode:
    """A node that runs models: memory for machine learning, in bytes, and of it what is taken."""

    name: str
    machine: int
    most: int
    taken: int

    @property
    def free(self) -> int:
        """What is left, after the overhead of the first native process."""
        return self.most - (self.taken or NODE_OVERHEAD)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the cluster has for machine learning; ``can_grow`` says that nodes may be added."""

    nodes: tuple[MlNode, ...]
    processors: int
    node_processors: int
    can_grow: bool


@dataclass(frozen=True, slots=True)
class Need:
    """What one deployment wants more than it has.

    ``running`` allocations are there already and are counted among what is taken.
    """

    deployment_id: str
    model_bytes: int
    per_deployment: int
    per_allocation: int
    allocations: int
    threads: int
    running: int = 0

    def bytes_for(self, allocations: int) -> int:
        """The server's estimate for so many more allocations on one node."""
        sizes = (self.model_bytes, self.per_deployment, self.per_allocation)
        return estimate(*sizes, self.running + allocations) - estimate(*sizes, self.running)

    @property
    def more(self) -> int:
        """How many allocations have yet to start."""
        return max(0, self.allocations - self.running)


def estimate(model_bytes: int, per_deployment: int, per_allocation: int, allocations: int) -> int:
    """The memory that Elasticsearch reserves for a deployment on one node.

    Twice the definition while it is loaded, or, when the model says what it needs, that and the
    definition once, whichever is more.
    """
    if allocations == 0:
        return 0
    loading = LOADING_OVERHEAD + 2 * model_bytes
    if not per_deployment and not per_allocation:
        return loading
    return max(loading, per_deployment + per_allocation * allocations + model_bytes)


def read_capacity(client: Elasticsearch) -> Capacity | None:
    """The memory and processors for machine learning; None when that cannot be known."""
    info = _asked(client.ml.info, "the limits of machine learning")
    memory = _asked(client.ml.get_memory_stats, "the memory of machine learning")
    if info is None or memory is None:
        return None
    limits = info.get("limits") or {}
    nodes = tuple(
        node for stats in (memory.get("nodes") or {}).values() if (node := _node(stats)).most > 0
    )
    largest = max((node.most for node in nodes), default=0)
    reach = _bytes(str(limits.get("effective_max_model_memory_limit") or "0b"))
    return Capacity(
        nodes=tuple(sorted(nodes, key=lambda node: node.name)),
        processors=int(limits.get("total_ml_processors") or 0),
        node_processors=int(limits.get("max_single_ml_node_processors") or 0),
        can_grow=reach > largest * _SOME_GROWTH,
    )


def require_capacity(capacity: Capacity | None, needs: Sequence[Need]) -> tuple[str, ...]:
    """Raise when the deployments cannot run; else what is worth knowing, in words.

    Raises UnsupportedError when no node has the threads of one allocation, UnavailableError when
    memory lacks.  More threads in all than there are processors only slow things down or leave
    allocations waiting, so that is said and not refused.
    """
    if capacity is None:
        return ("memory for machine learning is not known; it is tried without a check",)
    for need in needs:
        _require_threads(capacity, need)
    nodes = list(capacity.nodes)
    notes: list[str] = []
    for need in sorted(needs, key=lambda need: -need.bytes_for(need.more)):
        before = tuple(nodes)
        placed = _place(nodes, need)
        if placed < need.more:
            if not capacity.can_grow:
                raise _too_little(before, need, placed)
            notes.append(
                f"deployment {need.deployment_id} does not fit on the ML nodes that are there; "
                "the cluster may add one, which takes minutes"
            )
    wanted = sum(need.threads * need.more for need in needs)
    if capacity.processors and wanted > capacity.processors:
        notes.append(
            f"{wanted} threads are asked for on {capacity.processors} processors of ML nodes; "
            "allocations beyond them wait: lower model.allocations or model.threads"
        )
    return tuple(notes)


def _place(nodes: list[MlNode], need: Need) -> int:
    """Put as many allocations as fit, the roomiest node first; ``nodes`` is brought up to date."""
    placed = 0
    for index in sorted(range(len(nodes)), key=lambda i: -nodes[i].free):
        node = nodes[index]
        here = 0
        while placed + here < need.more and need.bytes_for(here + 1) <= node.free:
            here += 1
        if here:
            taken = (node.taken or NODE_OVERHEAD) + need.bytes_for(here)
            nodes[index] = replace(node, taken=taken)
            placed += here
    return placed


def _require_threads(capacity: Capacity, need: Need) -> None:
    if need.more and 0 < capacity.node_processors < need.threads:
        raise UnsupportedError(
            f"deployment {need.deployment_id} wants {need.threads} threads for each allocation, "
            f"and no ML node has more than {capacity.node_processors} processors",
            hint="Lower model.threads (or model.search_threads), or use larger ML nodes.",
        )


def _too_little(nodes: Sequence[MlNode], need: Need, placed: int) -> UnavailableError:
    if not nodes:
        return UnavailableError(
            f"no node of the cluster can run deployment {need.deployment_id}: none has memory for "
            "machine learning",
            hint="Give a node the role ml (node.roles), and leave xpack.ml.enabled on.",
        )
    roomiest = max(nodes, key=lambda node: node.free)
    missing = need.bytes_for(need.more - placed)
    text = (
        f"deployment {need.deployment_id} needs {_mib(need.bytes_for(need.more))} of memory for "
        f"{need.more} allocation(s), and ML node {roomiest.name} has {_mib(roomiest.free)} left "
        f"of {_mib(roomiest.most)} for machine learning"
    )
    share = math.ceil(100 * (roomiest.most + missing) / roomiest.machine) if roomiest.machine else 0
    ways = []
    if 0 < share <= 90:
        ways.append(
            f"raise xpack.ml.max_machine_memory_percent to {share} or more (30 unless set), or "
            "set xpack.ml.use_auto_machine_memory_percent: true"
        )
    if placed:
        ways.append(f"set model.allocations to {need.running + placed}, which fits")
    ways.append("use a larger ML node, or stop a deployment that nobody needs")
    return UnavailableError(
        text, hint="Nothing was started. What helps: " + "; or ".join(ways) + "."
    )


def _asked(call: Callable[[], ObjectApiResponse[Any]], what: str) -> Mapping[str, Any] | None:
    try:
        with explained(f"asking for {what}"):
            body: Mapping[str, Any] = call().body
    except EsragError as error:
        cause = error.__cause__
        if isinstance(cause, ApiError) and cause.meta.status in _NOT_ANSWERED:
            return None
        raise
    return body


def _node(stats: Mapping[str, Any]) -> MlNode:
    memory = stats.get("mem") or {}
    ml = memory.get("ml") or {}
    parts = ("native_code_overhead", "anomaly_detectors", "data_frame_analytics")
    taken = [int(ml.get(f"{part}_in_bytes") or 0) for part in (*parts, "native_inference")]
    return MlNode(
        name=str(stats.get("name", "")),
        machine=int(memory.get("adjusted_total_in_bytes") or memory.get("total_in_bytes") or 0),
        most=int(ml.get("max_in_bytes") or 0),
        taken=sum(taken),
    )


def _bytes(text: str) -> int:
    for unit, factor in (("kb", 2**10), ("mb", MIB), ("gb", 2**30), ("tb", 2**40), ("b", 1)):
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * factor)
    return 0


def _mib(size: int) -> str:
    return f"{size / MIB:.0f} MiB"
