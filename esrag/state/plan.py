"""The plan: the ordered difference between desired and observed state, as data.  Pure.

    service indices ─► models and deployments ─► bodies ─► index

Showing and applying use the same list.  An action that would interrupt or forget something is
marked destructive and needs a flag.  Objects of somebody else stop the whole plan.
"""

from __future__ import annotations

from esrag.errors import ConflictError
from esrag.state.actions import Action, ObjectKind, Plan, Verb
from esrag.state.desired import DesiredState
from esrag.state.observed import ObservedState
from esrag.state.plan_bodies import foreign_bodies, plan_body, require_own_set
from esrag.state.plan_endpoints import plan_unwanted_endpoints
from esrag.state.plan_expansion import plan_unwanted_expansion
from esrag.state.plan_index import foreign_indices, plan_index
from esrag.state.plan_models import foreign_models, plan_models

__all__ = ["Action", "ObjectKind", "Plan", "Verb", "foreign_objects", "make_plan"]


def make_plan(desired: DesiredState, observed: ObservedState, *, adopt: bool = False) -> Plan:
    """The steps from observed to desired.

    Raises ConflictError naming every object that somebody else made under a name we need, unless
    ``adopt``: then they are taken over, and what cannot be is named.
    """
    require_own_set(desired, observed)
    foreign = foreign_objects(desired, observed)
    if foreign and not adopt:
        raise ConflictError(
            "these objects of the cluster bear names that esrag needs, and esrag did not make "
            "them:\n" + "\n".join(f"  {kind} {name}" for kind, name in foreign),
            hint="They are left alone. Use another document set (--set) or model id, or look at "
            "what taking them over would change: esrag plan --adopt",
        )
    service = [item for item in desired.bodies if item.kind == "service index"]
    endpoints = [item for item in desired.bodies if item.kind == "inference endpoint"]
    others = [item for item in desired.bodies if item not in service and item not in endpoints]
    return Plan(
        (
            *(plan_body(item, observed) for item in service),
            *plan_models(desired, observed),
            *(plan_body(item, observed) for item in others),
            plan_index(desired, observed),
            *(plan_body(item, observed) for item in endpoints),
            *plan_unwanted_endpoints(desired, observed),
            *plan_unwanted_expansion(desired, observed),
        )
    )


def foreign_objects(
    desired: DesiredState, observed: ObservedState
) -> tuple[tuple[ObjectKind, str], ...]:
    """Existing objects under our names that carry no mark of ours."""
    return (
        *foreign_models(desired, observed),
        *foreign_bodies(desired, observed),
        *foreign_indices(desired, observed),
    )
