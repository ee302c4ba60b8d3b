"""Carries a plan out.  The only module that changes managed cluster state.

Each step leaves the cluster so that a new plan can go on from there: whoever interrupts this at
any request and starts again gets the same end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esrag import __version__
from esrag.cluster import indices
from esrag.cluster.calibration_note import with_calibration_of
from esrag.cluster.endpoints import ServiceSilentError
from esrag.errors import ConflictError
from esrag.state.actions import Action, Plan
from esrag.state.apply_models import deploy, push_model
from esrag.state.canonical import field_differences, setting_differences
from esrag.state.desired import BodyKind, DesiredState
from esrag.state.kinds import KINDS, body_kind
from esrag.state.observed import ObservedState
from esrag.state.ownership import Record, drop_record, write_record
from esrag.templating import spec_hash

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True)
class Step:
    """How far applying has come: ``done`` of ``total`` in this action's own unit.

    ``warning`` tells of a step that could not be taken and that the rest does without.
    """

    action: Action
    done: int = 0
    total: int = 1
    begins: bool = False
    finished: bool = False
    warning: str = ""


Progress = Callable[[Step], None]


def apply_plan(
    client: Elasticsearch,
    desired: DesiredState,
    observed: ObservedState,
    plan: Plan,
    *,
    allow_destructive: bool = False,
    progress: Progress = lambda *_: None,
) -> int:
    """Take every step of the plan that changes something; the number of steps taken.

    Raises ConflictError before the first step when a destructive one is not allowed.
    """
    require_allowed(plan, allow_destructive=allow_destructive)
    for action in plan.changes:
        progress(Step(action, begins=True))
        _take(client, desired, observed, action, progress)
        progress(Step(action, done=1, finished=True))
    return len(plan.changes)


def require_allowed(plan: Plan, *, allow_destructive: bool) -> None:
    """Raise ConflictError when the plan has destructive steps that were not asked for."""
    if plan.destructive and not allow_destructive:
        forgets = any((a.kind, a.verb) == ("index", "replace") for a in plan.destructive)
        keeping = "Keep the documents with: esrag reembed. " if forgets else ""
        raise ConflictError(
            "the plan interrupts or forgets something:\n"
            + "\n".join(f"  {action.describe()}" for action in plan.destructive),
            hint=f"Nothing was changed. {keeping}Allow it with: esrag setup --allow-destructive",
        )


def _take(
    client: Elasticsearch,
    desired: DesiredState,
    observed: ObservedState,
    action: Action,
    progress: Progress,
) -> None:
    def advance(done: int, total: int) -> None:
        progress(Step(action, done, total))

    if action.kind == "trained model":
        push_model(client, desired, action, advance)
    elif action.kind == "deployment":
        deploy(client, desired, action, advance)
    elif action.kind == "index":
        _change_index(client, desired, observed, action)
    elif action.verb == "delete":
        KINDS[action.kind].delete(client, action.name)
        drop_record(client, action.kind, action.name)
    elif action.kind == "inference endpoint":
        try:
            put_body(client, desired, action.kind, action.name)
        except ServiceSilentError as error:  # the set works without it, and the next plan has it
            progress(Step(action, warning=str(error)))
    else:
        put_body(client, desired, body_kind(action.kind), action.name)


def put_body(client: Elasticsearch, desired: DesiredState, kind: BodyKind, name: str) -> None:
    """Create or replace one of the objects that are kept as a body."""
    body = next(item.body for item in desired.bodies if (item.kind, item.name) == (kind, name))
    if KINDS[kind].recorded:
        record = Record(kind, name, desired.choices.set, spec_hash(body), version=__version__)
        write_record(client, record)
    KINDS[kind].write(client, name, body)


def _change_index(
    client: Elasticsearch, desired: DesiredState, observed: ObservedState, action: Action
) -> None:
    alias = desired.names.alias
    if action.verb == "create":
        indices.create_index(client, action.name, alias=alias)
    elif action.verb == "replace":
        # Born behind the alias, so that a run that ends here is continued and not repeated.
        indices.create_index(client, action.name, alias=alias, writable=False)
        indices.switch_alias(client, alias, to=action.name, away_from=observed.alias.indices)
    else:
        others = tuple(name for name in observed.alias.indices if name != action.name)
        if others or not observed.alias.indices:
            indices.switch_alias(client, alias, to=action.name, away_from=others)
        if observed.alias.indices:
            _extend_index(client, desired, observed, action)


def _extend_index(
    client: Elasticsearch, desired: DesiredState, observed: ObservedState, action: Action
) -> None:
    index = action.name
    settings = setting_differences(desired.index_settings, observed.settings or {})
    if settings:
        wanted = {item.path: desired.index_settings[item.path] for item in settings}
        indices.change_settings(client, index, wanted)
    fields = field_differences(desired.mapping, observed.mapping or {})
    if fields.missing or fields.changeable or action.verb == "adopt":  # the mapping has the mark
        mapping = with_calibration_of(desired.mapping, observed.mapping or {})
        indices.add_fields(client, index, mapping)
