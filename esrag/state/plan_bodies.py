"""Plans the objects that are kept as one body.  Pure.

Seal or note tells a new definition of ours from a change that somebody made in the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esrag.errors import ConflictError
from esrag.state.actions import Action, ObjectKind, shown
from esrag.state.desired import ALL_SETS, DesiredBody, DesiredState
from esrag.state.kinds import KINDS
from esrag.state.observed import ObservedState
from esrag.templating import spec_hash


def plan_body(item: DesiredBody, observed: ObservedState) -> Action:
    """The step for one body; one of somebody else is taken over, if we come this far.

    Raises ConflictError when what is there can never become what is wanted.
    """
    kind = KINDS[item.kind]
    found = observed.bodies.get((item.kind, item.name))
    if found is None:
        return Action("create", item.kind, item.name, "not there")
    fixed = kind.fixed(item.body, found)
    if fixed:
        raise ConflictError(
            f"{item.kind} {item.name} cannot be changed to what esrag needs:\n"
            + "\n".join(f"  {line}" for line in shown(fixed)),
            hint="Copy what you need out of it and delete it, then run this again.",
        )
    differences = kind.differences(item.body, found)
    if owner_of(item, observed) is None:
        reason = "somebody else made it; take it over"
        return Action("adopt", item.kind, item.name, reason, details=shown(differences))
    made_for = _made_for(item, found, observed)
    new_definition = made_for is not None and made_for != spec_hash(item.body)
    if not differences and (kind.shared or not new_definition):
        return Action("none", item.kind, item.name, "as wanted")
    why = "its definition changed" if new_definition else "somebody changed it in the cluster"
    return Action("update", item.kind, item.name, why, details=shown(differences))


def owner_of(item: DesiredBody, observed: ObservedState) -> str | None:
    """The document set that an existing body belongs to; None when esrag did not make it."""
    record = observed.records.get((item.kind, item.name))
    if record is not None:
        return record.set
    found = observed.bodies.get((item.kind, item.name))
    seal = KINDS[item.kind].seal(found) if found is not None else None
    return seal.set if seal is not None else None


def foreign_bodies(
    desired: DesiredState, observed: ObservedState
) -> tuple[tuple[ObjectKind, str], ...]:
    """Bodies under our names that esrag did not make."""
    return tuple(
        (item.kind, item.name)
        for item in desired.bodies
        if observed.bodies.get((item.kind, item.name)) is not None
        and owner_of(item, observed) is None
    )


def require_own_set(desired: DesiredState, observed: ObservedState) -> None:
    """Raise ConflictError when a body under our names belongs to another document set."""
    others = [
        f"  {item.kind} {item.name}: of document set {owner}"
        for item in desired.bodies
        if observed.bodies.get((item.kind, item.name)) is not None
        and (owner := owner_of(item, observed)) not in (None, desired.choices.set, ALL_SETS)
    ]
    if others:
        raise ConflictError(
            "these objects bear names that this document set needs and belong to another:\n"
            + "\n".join(others),
            hint="Give this document set another name (--set).",
        )


def _made_for(item: DesiredBody, found: Mapping[str, Any], observed: ObservedState) -> str | None:
    """The hash of the definition that the object was made from."""
    record = observed.records.get((item.kind, item.name))
    if record is not None:
        return record.hash or None
    seal = KINDS[item.kind].seal(found)
    return seal.spec_hash if seal is not None else None
