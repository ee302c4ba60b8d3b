"""Shows a plan: as text for a terminal, or as JSON for programs.  Knows nothing of a cluster."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from esrag.cluster.capabilities import Tier
from esrag.state.actions import Action, Plan

_MARKS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "red"),
    "adopt": ("^", "yellow"),
    "delete": ("-", "red"),
    "none": ("=", "dim"),
}


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain data, in its order."""
    return {
        "changes": len(plan.changes),
        "destructive": len(plan.destructive),
        "actions": [
            {
                "action": action.verb,
                "kind": action.kind,
                "name": action.name,
                "reason": action.reason,
                "details": list(action.details),
                "destructive": action.destructive,
            }
            for action in plan.actions
        ],
    }


def plan_as_text(
    plan: Plan, *, all_objects: bool = False, kept: str = "as wanted"
) -> RenderableType:
    """The plan for a person: what changes, and a line that sums it up.

    ``kept`` says in words what is the matter with objects that nothing is done to.
    """
    shown = plan.actions if all_objects else plan.changes
    return Group(*(_line(action) for action in shown), Text(summary(plan, kept), style="bold"))


def tier_as_text(tier: Tier) -> RenderableType:
    """What this cluster does not do itself: why, what is done instead, what would change it."""
    return Text("\n".join(["On this cluster:", *(f"  {words}" for words in tier.why.values())]))


def summary(plan: Plan, kept: str = "as wanted") -> str:
    """How many steps of which sort."""
    same = len(plan.actions) - len(plan.changes)
    if not plan.changes:
        return f"Nothing to do: all {same} objects are {kept}." if same else "Nothing to do."
    counts = [
        f"{number} to {verb}"
        for verb in ("create", "update", "replace", "adopt", "delete")
        if (number := sum(action.verb == verb for action in plan.changes))
    ]
    text = f"Plan: {', '.join(counts)}" + (f"; {same} {kept}." if same else ".")
    if plan.destructive:
        text += f" {len(plan.destructive)} of them destructive."
    return text


def _line(action: Action) -> Text:
    mark, style = _MARKS[action.verb]
    line = Text(f"  {mark} ", style=style)
    line.append(f"{action.kind} ", style=style)
    line.append(action.name, style=f"bold {style}")
    line.append(f"  {action.reason}", style="dim")
    if action.destructive:
        line.append("  [destructive]", style="bold red")
    for detail in action.details:
        line.append(f"\n      {detail}", style="dim")
    return line
