"""Plans the removal of sparse retrieval from a set whose settings no longer name a model.  Pure.

Chunks that are written from then on are not expanded, so that the search template would miss them
in silence.  The field stays: an index cannot lose one.
"""

from __future__ import annotations

from esrag.cluster.expansions import EXPANSION_FIELD
from esrag.names import SPARSE_KIND
from esrag.state.actions import Action
from esrag.state.desired import BodyKind, DesiredState
from esrag.state.kinds import KINDS
from esrag.state.observed import ObservedState

_KIND: BodyKind = "search template"


def left_over(desired: DesiredState, observed: ObservedState) -> tuple[tuple[BodyKind, str], ...]:
    """The search template that may be left, by the field that is; nothing is looked at else."""
    fields = (observed.mapping or {}).get("properties") or {}
    name = desired.names.search_template(SPARSE_KIND)
    if EXPANSION_FIELD not in fields or any(item.name == name for item in desired.bodies):
        return ()
    return ((_KIND, name),)


def plan_unwanted_expansion(desired: DesiredState, observed: ObservedState) -> tuple[Action, ...]:
    """The removal of the search template, where it is this set's own."""
    found = []
    for kind, name in left_over(desired, observed):
        body = observed.bodies.get((kind, name))
        seal = KINDS[kind].seal(body) if body is not None else None
        if seal is not None and seal.set == desired.choices.set:
            found.append(Action("delete", kind, name, "the settings name no model.sparse_id"))
    return tuple(found)
