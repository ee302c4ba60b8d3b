"""Plans the inference endpoints that the settings no longer name.  Pure.

Those that are wanted are bodies like others and go through the table of kinds.
"""

from __future__ import annotations

from esrag.state.actions import Action
from esrag.state.desired import DesiredState
from esrag.state.observed import ObservedState


def plan_unwanted_endpoints(desired: DesiredState, observed: ObservedState) -> tuple[Action, ...]:
    """The removal of endpoints that esrag made for this set; found by our notes."""
    if not desired.tier.endpoints:
        return ()
    wanted = {item.name for item in desired.bodies if item.kind == "inference endpoint"}
    return tuple(
        Action("delete", "inference endpoint", name, "the settings no longer name it")
        for (kind, name), record in sorted(observed.records.items())
        if kind == "inference endpoint" and record.set == desired.choices.set and name not in wanted
    )
