"""Plans the objects that are kept as one body.  Pure.

The seal tells a new definition of ours from a change that somebody made in the cluster.
"""

from __future__ import annotations

from esrag.errors import ConflictError
from esrag.state.actions import Action, ObjectKind, shown
from esrag.state.desired import DesiredBody, DesiredState
from esrag.state.kinds import KINDS
from esrag.state.observed import ObservedState


def plan_body(item: DesiredBody, observed: ObservedState) -> Action:
    """The step for one body.

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
    wanted_seal, found_seal = kind.seal(item.body), kind.seal(found)
    new_definition = (
        wanted_seal is not None
        and found_seal is not None
        and wanted_seal.spec_hash != found_seal.spec_hash
    )
    if not differences and (kind.shared or not new_definition):
        return Action("none", item.kind, item.name, "as wanted")
    why = "its definition changed" if new_definition else "somebody changed it in the cluster"
    return Action("update", item.kind, item.name, why, details=shown(differences))


def foreign_bodies(
    desired: DesiredState, observed: ObservedState
) -> tuple[tuple[ObjectKind, str], ...]:
    """Bodies under our names without our seal."""
    return tuple(
        (item.kind, item.name)
        for item in desired.bodies
        if (body := observed.bodies.get((item.kind, item.name))) is not None
        and KINDS[item.kind].seal(body) is None
    )
