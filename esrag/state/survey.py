"""One look at a cluster: what it can do, what it should have, what it has, what would change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from esrag.bundle import ModelBundle
from esrag.cluster import indices
from esrag.cluster.capabilities import Capabilities, Tier, probe
from esrag.names import Names
from esrag.state.desired import Choices, DesiredState, desired_state
from esrag.state.observed import (
    ClusterReader,
    ObservedState,
    observe,
    observe_bodies,
    observe_models,
)
from esrag.state.plan import Plan, foreign_objects, make_plan
from esrag.state.plan_expansion import left_over
from esrag.state.plan_index import (
    generation_to_plan,
    known_dims,
    known_fingerprint,
    reasons_to_replace,
)

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found, and the plan made from it."""

    capabilities: Capabilities
    desired: DesiredState
    observed: ObservedState
    plan: Plan


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One object: ``state`` is present, missing, foreign or incomplete."""

    kind: str
    name: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What a cluster has for one document set; ``documents`` is None without an index."""

    capabilities: Capabilities
    objects: tuple[StatusLine, ...]
    documents: int | None

    def as_json(self) -> dict[str, Any]:
        """The status as plain data."""
        found = self.capabilities
        return {
            "cluster": {
                "name": found.cluster_name,
                "version": found.version,
                "licence": found.licence,
                "machine_learning": found.machine_learning,
                "tier": found.tier.as_json(),
                "document_security": found.document_security,
            },
            "documents": self.documents,
            "objects": [
                {"kind": o.kind, "name": o.name, "state": o.state, "detail": o.detail}
                for o in self.objects
            ],
        }


def take_survey(
    client: Elasticsearch,
    choices: Choices,
    bundle: ModelBundle | None,
    *,
    generation: int | None = None,
    adopt: bool = False,
) -> Survey:
    """Read the cluster and plan; nothing is changed.

    ``generation`` asks for one by number, whether the present one could stay or not.
    Raises UnsupportedError when the server is none that esrag works with, ConflictError when
    objects of somebody else are in the way.
    """
    capabilities = probe(client)
    desired, observed = look(
        client, choices, bundle, capabilities.tier, generation, version=capabilities.version
    )
    observed = replace(observed, server_version=capabilities.version)
    return Survey(capabilities, desired, observed, make_plan(desired, observed, adopt=adopt))


def take_status(client: Elasticsearch, choices: Choices) -> Status:
    """Read the cluster and say what is there."""
    capabilities = probe(client)
    desired, observed = look(client, choices, None, capabilities.tier, version=capabilities.version)
    has_index = bool(observed.alias.indices) and not observed.alias.is_index
    documents = indices.count_documents(client, desired.names.alias) if has_index else None
    return Status(capabilities, _status_lines(desired, observed), documents)


def look(
    client: Elasticsearch,
    choices: Choices,
    bundle: ModelBundle | None,
    tier: Tier,
    generation: int | None = None,
    *,
    version: str = "",
) -> tuple[DesiredState, ObservedState]:
    """What a cluster should have, and what it has; nothing is judged."""
    reader = ClusterReader(client)
    observed = observe(
        reader,
        Names(choices.set),
        model_id=choices.model_id,
        deployment_id=choices.deployment_id,
        with_models=tier.embedding == "cluster",
    )
    observed = observe_models(reader, observed, choices, tier)
    model = observed.model
    dims = model.dims if model is not None else known_dims(observed)
    fingerprint = model.fingerprint if model is not None else known_fingerprint(observed)

    def desired_of(generation: int) -> DesiredState:
        return desired_state(
            choices,
            bundle=bundle,
            dims=dims,
            generation=generation,
            tier=tier,
            fingerprint=fingerprint,
            version=version,
        )

    desired = desired_of(generation or generation_to_plan(observed, can_stay=True))
    if generation is None and reasons_to_replace(desired, observed):
        desired = desired_of(generation_to_plan(observed, can_stay=False))
    wanted = [(item.kind, item.name) for item in desired.bodies]
    return desired, observe_bodies(reader, observed, [*wanted, *left_over(desired, observed)])


def _status_lines(desired: DesiredState, observed: ObservedState) -> tuple[StatusLine, ...]:
    foreign = set(foreign_objects(desired, observed))
    lines: list[StatusLine] = []
    if desired.tier.embedding == "cluster":
        lines.append(_model_line(desired, observed))
        lines += [
            _deployment_line(spec.deployment_id, observed) for spec in desired.choices.deployments
        ]
    for item in desired.bodies:
        found = observed.bodies.get((item.kind, item.name))
        state = "missing" if found is None else "present"
        lines.append(StatusLine(item.kind, item.name, state))
    alias = observed.alias
    lines.append(
        StatusLine("index", ", ".join(alias.indices), "present", f"alias {desired.names.alias}")
        if alias.indices
        else StatusLine("index", desired.names.alias, "missing")
    )
    return tuple(
        StatusLine(line.kind, line.name, "foreign", "not made by esrag")
        if (line.kind, line.name) in foreign
        else line
        for line in lines
    )


def _model_line(desired: DesiredState, observed: ObservedState) -> StatusLine:
    model = observed.model
    if model is None:
        return StatusLine("trained model", desired.choices.model_id, "missing")
    state = "present" if model.fully_defined else "incomplete"
    return StatusLine("trained model", model.model_id, state, f"{model.dims} dimensions")


def _deployment_line(deployment_id: str, observed: ObservedState) -> StatusLine:
    found = observed.deployments.get(deployment_id)
    if found is None:
        return StatusLine("deployment", deployment_id, "missing")
    detail = (
        f"{found.state}, {found.allocated} of {found.allocations} allocations, "
        f"{found.threads} threads each, {found.inference_count} inferences, "
        f"{found.error_count} errors, {found.pending_requests} waiting"
    )
    if found.reason:
        detail += f"; {found.reason}"
    state = "present" if found.ready else "incomplete"
    return StatusLine("deployment", found.deployment_id, state, detail)
