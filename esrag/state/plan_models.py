"""Plans the trained model and its deployment.  Pure."""

from __future__ import annotations

from esrag.errors import ConflictError
from esrag.state.actions import Action, ObjectKind, Verb
from esrag.state.desired import DesiredState
from esrag.state.observed import ObservedState


def plan_models(desired: DesiredState, observed: ObservedState) -> tuple[Action, ...]:
    """The steps for model and deployment; none where the client embeds."""
    if desired.tier.embedding == "client":
        return ()
    model = _plan_model(desired, observed)
    deployment = _plan_deployment(desired, observed, model_replaced=model.verb == "replace")
    # a model is taken over last: its vectors are compared, and for that it must run
    return (deployment, model) if model.verb == "adopt" else (model, deployment)


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


def _plan_model(desired: DesiredState, observed: ObservedState) -> Action:
    model_id, bundle, found = desired.choices.model_id, desired.bundle, observed.model

    def action(verb: Verb, reason: str, *, destructive: bool = False) -> Action:
        return Action(verb, "trained model", model_id, reason, destructive)

    if found is None:
        if bundle is None:
            return action("create", "not there; its bundle has to be built first")
        size = bundle.definition.stat().st_size / 2**20
        return action("create", f"upload {size:.0f} MiB, {bundle.dims} dimensions")
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


def _plan_deployment(
    desired: DesiredState, observed: ObservedState, *, model_replaced: bool
) -> Action:
    choices, found = desired.choices, observed.deployment
    size = f"{choices.allocations} allocation(s) of {choices.threads} thread(s)"

    def action(verb: Verb, reason: str, *, destructive: bool = False) -> Action:
        return Action(verb, "deployment", choices.deployment_id, reason, destructive)

    if found is None or model_replaced:
        return action("create", f"start {size}, queue of {choices.queue_capacity}")
    if found.state in ("failed", "stopping"):
        return action("replace", f"it is {found.state}{': ' if found.reason else ''}{found.reason}")
    wanted = {
        "model": choices.model_id,
        "threads": choices.threads,
        "queue": choices.queue_capacity,
    }
    has = {"model": found.model_id, "threads": found.threads, "queue": found.queue_capacity}
    differing = [
        f"{name} {has[name]} -> {wanted[name]}" for name in wanted if has[name] != wanted[name]
    ]
    if differing:
        return action("replace", f"restart with {', '.join(differing)}", destructive=True)
    if found.allocations != choices.allocations:
        return action("update", f"allocations {found.allocations} -> {choices.allocations}")
    if not found.ready:
        return action("update", f"{found.allocated} of {found.allocations} allocations run; wait")
    return action("none", f"started, {size}")
