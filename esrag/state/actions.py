"""One step of a plan, and the plan: frozen data that can describe itself.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from esrag.state.desired import BodyKind

Verb = Literal["create", "update", "replace", "adopt", "delete", "none"]
ObjectKind = Literal["trained model", "deployment", "inference endpoint", "index"] | BodyKind

_SHOWN_DETAILS = 6


@dataclass(frozen=True, slots=True)
class Action:
    """One step.  ``reason`` says why it is needed, or, for ``none``, what was found."""

    verb: Verb
    kind: ObjectKind
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


def shown(items: Iterable[object]) -> tuple[str, ...]:
    """The first of many details, and how many more there are."""
    found = tuple(str(item) for item in items)
    more = len(found) - _SHOWN_DETAILS
    return (*found[:_SHOWN_DETAILS], f"and {more} more") if more > 0 else found
