"""Everything there is to know about the trained models of a cluster, put together for a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster.capacity import estimate
from esrag.cluster.deployments import Deployment, list_deployments
from esrag.cluster.model_users import read_model_users
from esrag.cluster.models import TrainedModel, list_models, read_sizes

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model.  ``used_by`` are indices with its vectors, None when these may not be read."""

    model_id: str
    task: str
    dims: int | None
    size_bytes: int
    complete: bool
    made_by: str
    created: str
    used_by: tuple[str, ...] | None
    deployments: tuple[Deployment, ...]
    per_deployment_bytes: int
    per_allocation_bytes: int

    def memory_of(self, found: Deployment) -> int:
        """The bytes that Elasticsearch reserves for a deployment of this model."""
        return estimate(
            self.size_bytes,
            self.per_deployment_bytes,
            self.per_allocation_bytes,
            found.allocations,
        )

    def as_json(self) -> dict[str, Any]:
        """The row as plain data."""
        return {
            "model_id": self.model_id,
            "task": self.task,
            "dims": self.dims,
            "size_bytes": self.size_bytes,
            "complete": self.complete,
            "made_by": self.made_by,
            "created": self.created,
            "used_by": None if self.used_by is None else list(self.used_by),
            "deployments": [
                {
                    "deployment_id": found.deployment_id,
                    "state": found.state,
                    "reason": found.reason,
                    "allocations": found.allocations,
                    "allocated": found.allocated,
                    "adaptive": str(found.range) if found.range else None,
                    "threads": found.threads,
                    "queue_capacity": found.queue_capacity,
                    "pending_requests": found.pending_requests,
                    "memory_bytes": self.memory_of(found),
                }
                for found in self.deployments
            ],
        }


def take_inventory(client: Elasticsearch) -> tuple[ModelRow, ...]:
    """All PyTorch models of the cluster, by id."""
    models, running = list_models(client), list_deployments(client)
    sizes, users = read_sizes(client), read_model_users(client)
    return tuple(
        _row(
            model,
            [found for found in running if found.model_id == model.model_id],
            size=sizes.get(model.model_id, 0),
            used_by=None
            if users is None
            else tuple(index for index, used in users.items() if used == model.model_id),
        )
        for model in models
    )


def _row(
    model: TrainedModel,
    running: Sequence[Deployment],
    *,
    size: int,
    used_by: tuple[str, ...] | None,
) -> ModelRow:
    return ModelRow(
        model_id=model.model_id,
        task=model.task,
        dims=model.dims,
        size_bytes=size,
        complete=model.fully_defined,
        made_by="esrag" if model.managed else "others",
        created=model.created,
        used_by=used_by,
        deployments=tuple(running),
        per_deployment_bytes=model.per_deployment_bytes,
        per_allocation_bytes=model.per_allocation_bytes,
    )
