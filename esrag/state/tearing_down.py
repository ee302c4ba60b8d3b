"""Carries a teardown out: under the lock, and only what was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esrag.cluster import deployments, endpoints, indices, models, notes
from esrag.errors import ConflictError
from esrag.names import META_INDEX
from esrag.state.actions import Action, Plan
from esrag.state.apply import Progress, Step
from esrag.state.kinds import KINDS, body_kind
from esrag.state.lock import Held, Terms, held
from esrag.state.ownership import drop_record
from esrag.state.setting_up import make_notes_index, moved_actions
from esrag.state.teardown import ENDPOINT, Wish, plan_teardown

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


def tear_down(
    client: Elasticsearch,
    wish: Wish,
    shown: Plan,
    terms: Terms,
    *,
    progress: Progress = lambda *_: None,
) -> int:
    """Take the steps that were shown, as far as they are still needed; their number.

    Raises ConflictError when the lock is not to be had, or when more would go than was shown.
    """
    if not shown.changes:
        return 0
    with held(client, terms, prepare=lambda: make_notes_index(client)) as lock:
        now = plan_teardown(client, wish)
        _require_shown(shown, now)
        notes.drop_note(client, f"reembed:{wish.choices.set}")
        for action in now.changes:
            lock.require()
            progress(Step(action, begins=True))
            _take(client, lock, action)
            progress(Step(action, done=1, finished=True))
    return len(now.changes)


def _require_shown(shown: Plan, now: Plan) -> None:
    """The index of the notes may have come into being with the lock; all else was shown."""
    moved = [action for action in moved_actions(shown, now) if action.name != META_INDEX]
    if moved:
        raise ConflictError(
            "the cluster was changed since the plan was shown; this would go as well:\n"
            + "\n".join(f"  {action.describe()}" for action in moved),
            hint="Nothing was changed. Look at it again: esrag teardown",
        )


def _take(client: Elasticsearch, lock: Held, action: Action) -> None:
    kind, name = action.kind, action.name
    if kind == "index" and action.verb == "update":
        indices.change_settings(client, name, {"index.default_pipeline": None})
    elif kind == "index":
        indices.delete_index(client, name)
    elif kind == ENDPOINT:
        endpoints.delete_endpoint(client, name)
        drop_record(client, kind, name)
    elif kind == "deployment":
        deployments.undeploy(client, name)
        drop_record(client, kind, name)
    elif kind == "trained model" and action.verb == "update":
        drop_record(client, kind, name)
    elif kind == "trained model":
        models.delete_model(client, name, force=False)
        drop_record(client, kind, name)
    else:
        if name == META_INDEX:
            lock.rest()
        KINDS[body_kind(kind)].delete(client, name)
