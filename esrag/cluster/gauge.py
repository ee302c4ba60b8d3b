"""What the cluster lets us see of its load: a deployment's queue, and the memory for indexing.

Whoever may read neither gets empty readings and is not the worse for it; see ``pressure``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from esrag.cluster.client import explained
from esrag.cluster.deployments import read_deployment
from esrag.errors import EsragError, UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

READ_EVERY = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """What the cluster said of its load; 0 and None stand for what it did not say.

    ``memory`` is the share of the memory for indexing that is taken on the fullest node.
    """

    state: str = ""
    allocations: int = 0
    threads: int = 0
    queue_capacity: int = 0
    queued: int = 0
    rejected: int = 0
    done: int = 0
    average_ms: float = 0.0
    memory: float | None = None


NOTHING_READ = Reading()


class Gauge:
    """Reads the load now and then; what the credentials may not read is not asked for again."""

    def __init__(
        self,
        client: Elasticsearch,
        deployment_id: str = "",
        *,
        every: float = READ_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client.options(request_timeout=5.0)
        self._deployment_id = deployment_id
        self._asks_memory = True
        self._every = every
        self._clock = clock
        self._due_at = float("-inf")
        self._lock = threading.Lock()

    def read_if_due(self) -> Reading | None:
        """A reading, None when the last one is fresh enough or there is nothing to read."""
        with self._lock:
            if self._clock() < self._due_at or not (self._deployment_id or self._asks_memory):
                return None
            self._due_at = self._clock() + self._every
        return self.read()

    def read(self) -> Reading:
        """What may be read now; a cluster that does not answer has said nothing."""
        reading = self._read_deployment() if self._deployment_id else NOTHING_READ
        return replace(reading, memory=self._read_memory() if self._asks_memory else None)

    def _read_deployment(self) -> Reading:
        try:
            found = read_deployment(self._client, self._deployment_id)
        except UnavailableError:
            return NOTHING_READ
        except EsragError:  # forbidden, or there is no such API
            self._deployment_id = ""
            return NOTHING_READ
        if found is None:
            return NOTHING_READ
        return Reading(
            state=found.state,
            allocations=found.allocated,
            threads=found.threads,
            queue_capacity=found.queue_capacity,
            queued=found.pending_requests,
            rejected=found.rejected_count,
            done=found.inference_count,
            average_ms=found.average_ms,
        )

    def _read_memory(self) -> float | None:
        try:
            with explained("reading how much is being indexed"):
                answer = self._client.nodes.stats(
                    metric="indexing_pressure",
                    filter_path="nodes.*.indexing_pressure.memory",
                )
        except UnavailableError:
            return None
        except EsragError:
            self._asks_memory = False
            return None
        return memory_share(answer.body)


def memory_share(answer: dict[str, Any]) -> float | None:
    """The share of the fullest node in an answer of ``_nodes/stats/indexing_pressure``."""
    shares: list[float] = []
    for node in (answer.get("nodes") or {}).values():
        memory = (node.get("indexing_pressure") or {}).get("memory") or {}
        taken = (memory.get("current") or {}).get("combined_coordinating_and_primary_in_bytes")
        if memory.get("limit_in_bytes") and taken is not None:
            shares.append(int(taken) / int(memory["limit_in_bytes"]))
    return max(shares, default=None)
