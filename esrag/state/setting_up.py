"""Carries a plan out that was shown: under the lock, and only if it is still the plan.

shown plan ─► lock ─► look again ─► the same plan, or less of it ─► apply
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esrag.errors import ConflictError
from esrag.names import META_INDEX
from esrag.state.actions import Action, Plan
from esrag.state.apply import Progress, Step, apply_plan, require_allowed
from esrag.state.desired import service_index
from esrag.state.kinds import KINDS
from esrag.state.lock import Terms, held
from esrag.state.survey import Survey

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


class PlanMovedError(ConflictError):
    """The cluster changed between showing a plan and carrying it out; ``now`` is how it is."""

    def __init__(self, now: Survey, moved: Iterable[Action]) -> None:
        lines = "\n".join(f"  {action.describe()}" for action in moved)
        super().__init__(
            f"the cluster was changed since the plan was shown; this would be done now:\n{lines}",
            hint="Nothing was changed. Look at the plan again: esrag plan",
        )
        self.now = now


@dataclass(frozen=True, slots=True)
class Outcome:
    """The cluster as it was found under the lock, and how many steps were taken."""

    survey: Survey
    steps: int


def set_up(
    client: Elasticsearch,
    shown: Survey,
    look: Callable[[], Survey],
    terms: Terms,
    *,
    allow_destructive: bool = False,
    progress: Progress = lambda *_: None,
) -> Outcome:
    """Take the steps of the plan that was shown, as far as they are still needed.

    ``look`` surveys the cluster anew.  Raises ConflictError when the lock is not to be had, or
    destructive steps were not allowed, and PlanMovedError when other steps are needed by now.
    """
    require_allowed(shown.plan, allow_destructive=allow_destructive)
    if not shown.plan.changes:
        return Outcome(shown, 0)
    notes = _notes_step(shown.plan)
    steps = 0

    def prepare() -> None:
        nonlocal steps
        if notes is None:
            make_notes_index(client)
        elif not steps:
            progress(Step(notes, begins=True))
            KINDS["service index"].write(client, META_INDEX, service_index(META_INDEX).body)
            progress(Step(notes, done=1, finished=True))
            steps = 1

    with held(client, terms, prepare=prepare) as lock:
        now = look()
        moved = moved_actions(shown.plan, now.plan)
        if moved:
            raise PlanMovedError(now, moved)

        def told(step: Step) -> None:
            lock.require()
            progress(step)

        steps += apply_plan(
            client,
            now.desired,
            now.observed,
            now.plan,
            allow_destructive=allow_destructive,
            progress=told,
        )
    return Outcome(now, steps)


def make_notes_index(client: Elasticsearch) -> None:
    """Create the index in which lock and notes are kept, when there is none."""
    kind = KINDS["service index"]
    if kind.read(client, META_INDEX) is None:
        kind.write(client, META_INDEX, service_index(META_INDEX).body)


def moved_actions(shown: Plan, now: Plan) -> tuple[Action, ...]:
    """The steps needed now that were not shown like this; fewer steps are no surprise."""
    known = {_step(action) for action in shown.changes}
    return tuple(action for action in now.changes if _step(action) not in known)


def _step(action: Action) -> tuple[object, ...]:
    return (action.verb, action.kind, action.name, action.destructive, action.details)


def _notes_step(plan: Plan) -> Action | None:
    """The step that makes the index in which the lock is kept: it comes before the lock."""
    return next(
        (a for a in plan.changes if (a.kind, a.name) == ("service index", META_INDEX)), None
    )
