"""The plan: the ordered difference between desired and observed state, as data.  Pure.

Showing and applying use the same list.  An action that would interrupt or forget something is
marked destructive and needs a flag.  Objects of somebody else stop the whole plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from esrag.errors import ConflictError
from esrag.state.canonical import body_differences, field_differences, setting_differences
from esrag.state.desired import BodyKind, DesiredBody, DesiredState
from esrag.state.observed import ObservedState
from esrag.templating import OWNER, seal_of

Verb = Literal["create", "update", "replace", "none"]
Kind = Literal["trained model", "deployment", "index"] | BodyKind

_STATIC_SETTINGS = ("index.analysis.", "index.similarity.", "index.number_of_shards")
_SHOWN_PATHS = 4


@dataclass(frozen=True, slots=True)
class Action:
    """One step.  ``reason`` says why it is needed, or, for ``none``, what was found."""

    verb: Verb
    kind: Kind
    name: str
    reason: str
    destructive: bool = False
    details: tuple[str, ...] = ()

    def describe(self) -> str:
        """The step in one line."""
        verb = "keep" if self.verb == "none" else self.verb
        return f"{verb} {self.kind} {self.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps in the order in which they can be taken, those with nothing to do included."""

    actions: tuple[Action, ...]

    @property
    def changes(self) -> tuple[Action, ...]:
        """The steps that change something."""
        return tuple(action for action in self.actions if action.verb != "none")

    @property
    def destructive(self) -> tuple[Action, ...]:
        """The steps that interrupt or forget something."""
        return tuple(action for action in self.changes if action.destructive)


def make_plan(desired: DesiredState, observed: ObservedState) -> Plan:
    """The steps from observed to desired.

    Raises ConflictError naming every object that somebody else made under a name we need.
    """
    foreign = foreign_objects(desired, observed)
    if foreign:
        raise ConflictError(
            "these objects of the cluster bear names that esrag needs, and esrag did not make "
            "them:\n" + "\n".join(f"  {kind} {name}" for kind, name in foreign),
            hint="They are left alone. Use another document set (--set) or model id.",
        )
    model = _plan_model(desired, observed)
    return Plan(
        (
            model,
            _plan_deployment(desired, observed, model_replaced=model.verb == "replace"),
            *(_plan_body(item, observed) for item in desired.bodies),
            _plan_index(desired, observed, model_replaced=model.verb == "replace"),
        )
    )


def foreign_objects(desired: DesiredState, observed: ObservedState) -> tuple[tuple[Kind, str], ...]:
    """Existing objects under our names that carry no mark of ours."""
    found: list[tuple[Kind, str]] = []
    if observed.model is not None and not observed.model.managed:
        found.append(("trained model", observed.model.model_id))
    for item in desired.bodies:
        body = observed.bodies.get((item.kind, item.name))
        if body is not None and seal_of(body) is None:
            found.append((item.kind, item.name))
    if observed.alias.is_index:
        found.append(("index", desired.names.alias))
    elif observed.alias.indices:
        owner = ((observed.mapping or {}).get("_meta") or {}).get("esrag") or {}
        if owner.get("owner") != OWNER:
            found.append(("index", ", ".join(observed.alias.indices)))
    return tuple(found)


def _plan_model(desired: DesiredState, observed: ObservedState) -> Action:
    model_id, bundle, found = desired.choices.model_id, desired.bundle, observed.model

    def action(verb: Verb, reason: str, *, destructive: bool = False) -> Action:
        return Action(verb, "trained model", model_id, reason, destructive)

    if found is None:
        if bundle is None:
            return action("create", "not there; its bundle has to be built first")
        size = bundle.definition.stat().st_size / 2**20
        return action("create", f"upload {size:.0f} MiB, {bundle.dims} dimensions")
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


def _plan_body(item: DesiredBody, observed: ObservedState) -> Action:
    found = observed.bodies.get((item.kind, item.name))
    if found is None:
        return Action("create", item.kind, item.name, "not there")
    differences = body_differences(item.body, found)
    wanted_seal, found_seal = seal_of(item.body), seal_of(found)
    new_definition = (
        wanted_seal is not None
        and found_seal is not None
        and wanted_seal.spec_hash != found_seal.spec_hash
    )
    if not differences and not new_definition:
        return Action("none", item.kind, item.name, "as wanted")
    why = "its definition changed" if new_definition else "somebody changed it in the cluster"
    return Action("update", item.kind, item.name, why, details=_shown(differences))


def _plan_index(desired: DesiredState, observed: ObservedState, *, model_replaced: bool) -> Action:
    alias = observed.alias
    names = desired.names
    if not alias.indices:
        if observed.generations:
            newest = observed.generations[-1]
            return Action(
                "update", "index", newest, f"the alias {names.alias} is gone; set it again"
            )
        return Action("create", "index", names.index(1), f"first generation, behind {names.alias}")
    current = alias.indices[-1]
    reasons = _reasons_to_replace(desired, observed, model_replaced=model_replaced)
    if reasons:
        return Action(
            "replace",
            "index",
            names.index(next_generation(observed)),
            f"{current} cannot be changed to it; an empty generation takes over the alias and "
            "all documents have to be ingested again",
            destructive=True,
            details=reasons,
        )
    missing, _ = field_differences(desired.mapping, observed.mapping or {})
    settings = setting_differences(desired.index_settings, observed.settings or {})
    if missing or settings:
        return Action(
            "update",
            "index",
            current,
            "add fields or settings",
            details=_shown((*missing, *settings)),
        )
    if len(alias.indices) > 1:
        return Action("update", "index", current, f"let {names.alias} lead to this index alone")
    return Action("none", "index", current, f"behind {names.alias}")


def _reasons_to_replace(
    desired: DesiredState, observed: ObservedState, *, model_replaced: bool
) -> tuple[str, ...]:
    """What an existing index cannot be changed to."""
    mapping, settings = observed.mapping or {}, observed.settings or {}
    reasons: list[str] = []
    embedded = ((mapping.get("_meta") or {}).get("esrag") or {}).get("model_id")
    if model_replaced:
        reasons.append("its vectors are of the model that is replaced")
    elif embedded != desired.choices.model_id:
        reasons.append(f"its vectors are of {embedded}, not of {desired.choices.model_id}")
    reasons += [f"field {name}" for name in field_differences(desired.mapping, mapping)[1]]
    reasons += [
        f"setting {name}"
        for name in setting_differences(desired.index_settings, settings)
        if name.startswith(_STATIC_SETTINGS)
    ]
    return tuple(reasons)


def next_generation(observed: ObservedState) -> int:
    """The number of the generation after the newest."""
    numbers = [int(name.rpartition("-")[2]) for name in observed.generations if name[-1:].isdigit()]
    return max(numbers, default=0) + 1


def _shown(paths: Iterable[str]) -> tuple[str, ...]:
    found = tuple(paths)
    more = len(found) - _SHOWN_PATHS
    return (*found[:_SHOWN_PATHS], f"and {more} more") if more > 0 else found
