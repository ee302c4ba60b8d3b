"""Plans the trained model and its deployments.  Pure.

A deployment is changed while it runs where the API allows it (how many allocations, and whether
their number is adaptive) and restarted where it does not (threads, queue), which is destructive:
whoever uses it has to wait.  One that failed or vanished is started again.  What would have to
start is held against the memory for machine learning before anything is.
"""

from __future__ import annotations

from dataclasses import replace

from esrag.cluster.capacity import Need, require_capacity
from esrag.cluster.deployments import (
    Deployment,
    DeploymentSpec,
    fixed_differences,
    size_differences,
)
from esrag.cluster.libtorch import torch_warning
from esrag.cluster.models import TrainedModel
from esrag.errors import ConflictError, UnsupportedError, UsageError
from esrag.state.actions import Action, ObjectKind, Verb
from esrag.state.desired import DesiredState
from esrag.state.observed import ObservedState


def plan_models(desired: DesiredState, observed: ObservedState) -> tuple[Action, ...]:
    """The steps for model and deployments; none where the client embeds.

    Raises UnavailableError or UnsupportedError when the cluster has no room for them,
    UnsupportedError when it is to expand and runs no models.
    """
    if desired.tier.embedding == "client":
        _refuse_expansion(desired)
        return ()
    model = _plan_model(desired, observed)
    steps = [
        plan_deployment(
            spec,
            observed.deployments.get(spec.deployment_id),
            model_replaced=model.verb == "replace",
            model_there=observed.model is not None and observed.model.fully_defined,
        )
        for spec in desired.choices.deployments
    ]
    steps += _plan_reranker(desired, observed)
    steps += _plan_expansion(desired, observed)
    checked = _with_capacity(desired, observed, steps)
    # a model is taken over last: its vectors are compared, and for that it must run
    return (*checked, model) if model.verb == "adopt" else (model, *checked)


def model_replaced(desired: DesiredState, observed: ObservedState) -> bool:
    """Whether the plan replaces the model, so that all vectors made with it are of no use."""
    if desired.tier.embedding == "client":
        return False
    return _plan_model(desired, observed).verb == "replace"


def foreign_models(
    desired: DesiredState, observed: ObservedState
) -> tuple[tuple[ObjectKind, str], ...]:
    """The model of our id, when somebody else brought it."""
    if desired.tier.embedding == "client" or observed.model is None or observed.model.managed:
        return ()
    return (("trained model", observed.model.model_id),)


def plan_deployment(
    spec: DeploymentSpec,
    found: Deployment | None,
    *,
    model_replaced: bool = False,
    model_there: bool = False,
) -> Action:
    """The step from a deployment as it is to what is wanted."""

    def action(verb: Verb, reason: str, *, destructive: bool = False) -> Action:
        return Action(verb, "deployment", spec.deployment_id, reason, destructive)

    size = f"{spec.describe()}, queue of {spec.queue_capacity}"
    if found is None or model_replaced:
        lost = " (never started, stopped by somebody, or lost with its node)" if model_there else ""
        return action("create", f"start {size}{lost}")
    if found.state in ("failed", "stopping"):
        return action("replace", f"it is {found.state}{': ' if found.reason else ''}{found.reason}")
    fixed = fixed_differences(found, spec)
    if fixed:
        return action("replace", f"restart with {', '.join(fixed)}", destructive=True)
    differing = size_differences(found, spec)
    if differing:
        empty = "no allocation is left; " if found.scaled_to_zero else ""
        return action("update", empty + ", ".join(differing))
    if not found.ready:
        why = f" ({found.reason})" if found.reason else ""
        return action(
            "update", f"{found.allocated} of {found.allocations} allocations run{why}; wait"
        )
    return action("none", f"started, {spec.describe()}")


def _plan_model(desired: DesiredState, observed: ObservedState) -> Action:
    model_id, bundle, found = desired.choices.model_id, desired.bundle, observed.model

    def action(verb: Verb, reason: str, *, destructive: bool = False) -> Action:
        return Action(verb, "trained model", model_id, reason, destructive)

    if found is None:
        if bundle is None:
            return action("create", "not there; its bundle has to be built first")
        size = bundle.definition.stat().st_size / 2**20
        step = action("create", f"upload {size:.0f} MiB, {bundle.dims} dimensions")
        warning = torch_warning(observed.server_version, bundle.versions.get("torch", ""))
        return replace(step, details=(warning,)) if warning else step
    if not found.managed:
        if not found.fully_defined:
            raise ConflictError(
                f"trained model {model_id} is somebody else's and only half uploaded",
                hint="Choose another model id, or have it deleted.",
            )
        reason = "somebody else brought it; taken over if its vectors are those of the bundle"
        return action("adopt", reason)
    same = bundle is None or bundle.fingerprint == found.fingerprint
    if same and found.fully_defined:
        return action("none", "complete")
    if same and bundle is not None:
        return action("update", "an upload was interrupted; continue it")
    if not found.fully_defined:
        return action("replace", "half of another model was uploaded; start anew")
    return action(
        "replace",
        "the model of this name has other content; its vectors do not fit the new one's",
        destructive=True,
    )


def _plan_reranker(desired: DesiredState, observed: ObservedState) -> list[Action]:
    """The deployment of the cross-encoder."""
    spec, model = desired.choices.rerank_deployment, observed.rerank_model
    if spec is None or not desired.tier.endpoints:
        return []
    _require_brought(spec, model, "text_similarity", "endpoints.rerank_model", "cross-encoder")
    return [_plan_brought(spec, observed, "reranking")]


def _plan_expansion(desired: DesiredState, observed: ObservedState) -> list[Action]:
    """The deployment of the model that expands texts and questions."""
    spec, model = desired.choices.sparse_deployment, observed.sparse_model
    if spec is None:
        return []
    _require_brought(spec, model, "text_expansion", "model.sparse_id", "sparse encoder")
    return [_plan_brought(spec, observed, "sparse retrieval")]


def _refuse_expansion(desired: DesiredState) -> None:
    if desired.choices.sparse_id:
        why = desired.tier.why.get("embedding", "")
        raise UnsupportedError(
            f"model.sparse_id {desired.choices.sparse_id} cannot be used: sparse retrieval needs a "
            "cluster that runs models itself",
            hint=f"{why} Leave model.sparse_id empty: the other search templates work.".lstrip(),
        )


def _require_brought(
    spec: DeploymentSpec, model: TrainedModel | None, task: str, setting: str, kind: str
) -> None:
    """Raise UsageError when the model that a setting names cannot do its task."""
    if model is None or not model.fully_defined or model.task != task:
        state = "is not in the cluster" if model is None else f"is not a whole {task} model"
        raise UsageError(
            f"{setting} {spec.model_id} {state}",
            hint=f"Bring a {kind} there with eland_import_hub_model --task-type {task}, or leave "
            f"{setting} empty.",
        )


def _plan_brought(spec: DeploymentSpec, observed: ObservedState, purpose: str) -> Action:
    """The deployment of a model that somebody brought: started when there is none, not changed."""
    found = observed.deployments.get(spec.deployment_id)
    if found is not None and found.state == "started" and found.ready:
        return Action("none", "deployment", spec.deployment_id, f"started, for {purpose}")
    if found is not None and found.state not in ("failed", "stopping"):
        spec = replace(
            spec,
            allocations=found.allocations,
            threads=found.threads,
            queue_capacity=found.queue_capacity,
        )
    return plan_deployment(spec, found, model_there=True)


def _with_capacity(
    desired: DesiredState, observed: ObservedState, steps: list[Action]
) -> tuple[Action, ...]:
    """The same steps, the first that starts something with what is worth knowing about room."""
    specs = {spec.deployment_id: spec for spec in desired.choices.deployments}
    steps_of_model = [step for step in steps if step.name in specs]
    growing = [step for step in steps_of_model if step.verb != "none"]
    sizes = _sizes(desired, observed)
    if not growing or sizes is None:
        return tuple(steps)
    needs = [
        need_of(specs[step.name], observed.deployments.get(step.name), sizes) for step in growing
    ]
    notes = require_capacity(observed.capacity, needs)
    noted = replace(growing[0], details=(*growing[0].details, *notes))
    return tuple(noted if step is growing[0] else step for step in steps)


def need_of(spec: DeploymentSpec, found: Deployment | None, sizes: tuple[int, int, int]) -> Need:
    """What a deployment wants of the memory; what it takes already is not asked for again."""
    model_bytes, per_deployment, per_allocation = sizes
    return Need(
        spec.deployment_id,
        model_bytes=model_bytes,
        per_deployment=per_deployment,
        per_allocation=per_allocation,
        allocations=spec.allocations,
        threads=spec.threads,
        running=found.allocations if found is not None else 0,
    )


def _sizes(desired: DesiredState, observed: ObservedState) -> tuple[int, int, int] | None:
    """Bytes of the definition, per deployment and per allocation; None before there is a bundle."""
    if desired.bundle is not None:
        facts = desired.bundle.config.get("metadata") or {}
        return (
            desired.bundle.definition.stat().st_size,
            int(facts.get("per_deployment_memory_bytes") or 0),
            int(facts.get("per_allocation_memory_bytes") or 0),
        )
    model, found = observed.model, next(iter(observed.deployments.values()), None)
    if model is None or found is None:
        return None
    return found.model_bytes, model.per_deployment_bytes, model.per_allocation_bytes
