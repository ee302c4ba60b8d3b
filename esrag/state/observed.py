"""Observed state: what the cluster has of the things that one document set needs.

The reader is a protocol without a writing method, so planning cannot change anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from esrag.cluster import capacity, deployments, indices, models
from esrag.cluster.capabilities import Tier
from esrag.cluster.capacity import Capacity
from esrag.cluster.deployments import Deployment
from esrag.cluster.indices import AliasState
from esrag.cluster.models import TrainedModel
from esrag.names import Names
from esrag.state.desired import BodyKind, Choices
from esrag.state.kinds import KINDS
from esrag.state.ownership import Records, read_records

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Body = dict[str, Any]


class Reader(Protocol):
    """What planning may ask of a cluster."""

    def trained_model(self, model_id: str) -> TrainedModel | None:
        """A trained model by id."""

    def deployment(self, deployment_id: str) -> Deployment | None:
        """A deployment by id."""

    def capacity(self) -> Capacity | None:
        """Memory and processors for machine learning, None when that is not told."""

    def body(self, kind: BodyKind, name: str) -> Body | None:
        """An object that is kept as one body."""

    def alias(self, name: str) -> AliasState:
        """What stands behind a name."""

    def mapping(self, index: str) -> Body | None:
        """The field types of an index."""

    def settings(self, index: str) -> Body | None:
        """The settings of an index."""

    def generations(self, pattern: str) -> tuple[str, ...]:
        """The indices that match a pattern."""

    def records(self) -> Records:
        """What was written down of objects that carry no mark."""


@dataclass(frozen=True, slots=True)
class ObservedState:
    """What there is; None and empty stand for what is not.

    ``index`` is the one behind the alias, or the newest generation where the alias is gone;
    ``mapping`` and ``settings`` are its own.
    """

    model: TrainedModel | None
    deployment: Deployment | None
    bodies: Mapping[tuple[BodyKind, str], Body | None]
    alias: AliasState
    generations: tuple[str, ...]
    index: str | None
    mapping: Mapping[str, Any] | None
    settings: Mapping[str, Any] | None
    records: Records = field(default_factory=dict)
    deployments: Mapping[str, Deployment] = field(default_factory=dict)
    capacity: Capacity | None = None
    rerank_model: TrainedModel | None = None
    sparse_model: TrainedModel | None = None
    server_version: str = ""


def observe(
    reader: Reader, names: Names, *, model_id: str, deployment_id: str, with_models: bool = True
) -> ObservedState:
    """Read model, deployment and index; the bodies come with ``observe_bodies``.

    ``with_models`` is false on a cluster that keeps none and may have no API for them.  An index
    that lost its alias is looked at as well: the newest generation.
    """
    alias = reader.alias(names.alias)
    generations = reader.generations(names.index_pattern)
    behind = () if alias.is_index else alias.indices
    index = next(reversed(behind or generations), None)
    records = reader.records()
    return ObservedState(
        model=_taken_over(reader.trained_model(model_id), records) if with_models else None,
        deployment=reader.deployment(deployment_id) if with_models else None,
        bodies={},
        alias=alias,
        generations=generations,
        index=index,
        mapping=reader.mapping(index) if index else None,
        settings=reader.settings(index) if index else None,
        records=records,
    )


def _taken_over(model: TrainedModel | None, records: Records) -> TrainedModel | None:
    """The model; as ours, when a note says that we took over this very one."""
    record = records.get(("trained model", model.model_id)) if model is not None else None
    if model is None or record is None or record.details.get("created") != model.created:
        return model
    return replace(model, managed=True, fingerprint=record.fingerprint)


def observe_models(
    reader: Reader, observed: ObservedState, choices: Choices, tier: Tier
) -> ObservedState:
    """The same with deployments, the memory for them, and brought models, as far as used."""
    rerank = choices.endpoints.rerank_model if tier.endpoints else ""
    sparse = choices.sparse_id if tier.embedding == "cluster" else ""
    ids = [spec.deployment_id for spec in choices.deployments if tier.embedding == "cluster"]
    found = {
        name: observed.deployment if name == choices.deployment_id else reader.deployment(name)
        for name in (*ids, *filter(None, (rerank, sparse)))
    }
    return replace(
        observed,
        deployments={name: state for name, state in found.items() if state is not None},
        capacity=reader.capacity() if found else None,
        rerank_model=reader.trained_model(rerank) if rerank else None,
        sparse_model=reader.trained_model(sparse) if sparse else None,
    )


def observe_bodies(
    reader: Reader, observed: ObservedState, bodies: Iterable[tuple[BodyKind, str]]
) -> ObservedState:
    """The same with these objects read, too.

    A note is written before its object, so that of an object made meanwhile there is a note by now.
    """
    found = {(kind, name): reader.body(kind, name) for kind, name in bodies}
    unknown = any(
        KINDS[kind].recorded and body is not None and (kind, name) not in observed.records
        for (kind, name), body in found.items()
    )
    return replace(
        observed,
        bodies={**observed.bodies, **found},
        records=reader.records() if unknown else observed.records,
    )


class ClusterReader:
    """The reader of a real cluster."""

    def __init__(self, client: Elasticsearch) -> None:
        self._client = client

    def trained_model(self, model_id: str) -> TrainedModel | None:
        """A trained model by id."""
        return models.read_model(self._client, model_id)

    def deployment(self, deployment_id: str) -> Deployment | None:
        """A deployment by id."""
        return deployments.read_deployment(self._client, deployment_id)

    def capacity(self) -> Capacity | None:
        """Memory and processors for machine learning, None when that is not told."""
        return capacity.read_capacity(self._client)

    def body(self, kind: BodyKind, name: str) -> Body | None:
        """An object that is kept as one body."""
        return KINDS[kind].read(self._client, name)

    def alias(self, name: str) -> AliasState:
        """What stands behind a name."""
        return indices.read_alias(self._client, name)

    def mapping(self, index: str) -> Body | None:
        """The field types of an index."""
        return indices.read_mapping(self._client, index)

    def settings(self, index: str) -> Body | None:
        """The settings of an index."""
        return indices.read_settings(self._client, index)

    def generations(self, pattern: str) -> tuple[str, ...]:
        """The indices that match a pattern."""
        return indices.read_generations(self._client, pattern)

    def records(self) -> Records:
        """What was written down of objects that carry no mark."""
        return read_records(self._client)
