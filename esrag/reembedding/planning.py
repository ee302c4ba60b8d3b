"""Plans a move: what setup would need for the new generation, and what is done with the documents.

    choices ──► survey of the next generation ──┐
    journal ──► is one under way? ──────────────┴─► intent: a plan to show, a move to make

Nothing is changed here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from esrag.bundle import ModelBundle
from esrag.cluster import indices, models, pipelines
from esrag.cluster.indices import own_meta
from esrag.errors import ConflictError, UsageError
from esrag.names import SEARCH_KINDS, Names, generation_of
from esrag.reembedding.journal import CommonBody, Move, read_journal
from esrag.state.actions import Action, Plan
from esrag.state.desired import BodyKind, Choices, DesiredState
from esrag.state.plan_index import generation_to_plan, reasons_to_replace
from esrag.state.survey import Survey, take_survey
from esrag.templating import parameter_default, renamed

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_COMMON: tuple[BodyKind, ...] = ("component template", "index template", "search template")
_ADDED_BY_SERVER = re.compile(r"(created|modified)_date")
ENDPOINTS: tuple[str, ...] = ("inference endpoint",)
_AFTER_THE_SWITCH = ("search template", *ENDPOINTS)
_MODEL_KINDS = ("trained model", "deployment")


@dataclass(frozen=True, slots=True)
class Intent:
    """A move that could be made.

    ``plan`` is what is shown; ``before`` its part up to the copy, ``after`` what may follow the
    switch only.  ``resumed`` says that an earlier run has begun it; ``discards`` is an unfinished
    generation that nothing can be made of.
    """

    survey: Survey
    move: Move
    plan: Plan
    before: Plan
    after: Plan
    resumed: bool
    discards: str | None = None


def plan_move(
    client: Elasticsearch,
    choices: Choices,
    bundle: ModelBundle | None,
    *,
    force: bool = False,
    embed_again: bool = False,
) -> Intent | None:
    """The move to what ``choices`` say; None when the present generation is that already.

    Raises ConflictError when there is nothing to move, when a rollback is under way, or when
    models cannot run beside each other, and UsageError when there is no bundle of the new model.
    """
    source = _live_index(client, choices.set)
    journal = read_journal(client, choices.set)
    if journal is not None and not journal.finished and journal.returning:
        raise ConflictError(
            f"a rollback of {choices.set} to {journal.target} was cut off",
            hint="Finish it first: esrag reembed --rollback",
        )
    under_way = journal is not None and not journal.finished
    present = take_survey(client, choices, bundle, generation=generation_of(source))
    if under_way and journal is not None and journal.target == source:
        return _finish(present, journal)
    reasons = reasons_to_replace(present.desired, present.observed)
    if not (reasons or force or under_way):
        return None
    number = generation_to_plan(present.observed, can_stay=False)
    target = generation_of(journal.target) if under_way and journal is not None else number
    survey = take_survey(client, choices, bundle, generation=target)
    _require_side_by_side(survey)
    move = _new_move(client, survey, source, embed_again=embed_again)
    discards = None
    if under_way and journal is not None:
        if journal.source == source and journal.spec == move.spec:
            return _intent(survey, journal, reasons, resumed=True)
        survey = take_survey(client, choices, bundle, generation=number)
        discards = journal.target if journal.target in survey.observed.generations else None
        move = _new_move(client, survey, source, embed_again=embed_again)
        if journal.source == source:  # its search templates may be those for both
            move = replace(move, leaving=journal.leaving, asks=_asks(survey, journal.leaving, move))
    return _intent(survey, move, reasons, resumed=False, discards=discards)


def plan_rollback(client: Elasticsearch, set_name: str) -> Move:
    """The move back to the generation that was live before; or the one that was cut off.

    Raises ConflictError when there is none to go back to.
    """
    live = _live_index(client, set_name)
    journal = read_journal(client, set_name)
    if journal is None:
        raise ConflictError(
            f"{set_name} has not been embedded again yet, so there is nothing to go back to"
        )
    if not journal.finished and journal.returning:
        return journal
    if not journal.finished:
        raise ConflictError(
            f"a move to {journal.target} is not finished; {live} serves as before",
            hint="Give it up: esrag reembed --abandon",
        )
    if journal.phase == "given up" or journal.target != live:
        raise ConflictError(f"{live} did not take over from another generation")
    if indices.read_mapping(client, journal.source) is None:
        raise ConflictError(f"{journal.source} is not there any more; it was pruned")
    return Move(
        set=set_name,
        source=journal.target,
        target=journal.source,
        spec="",
        dims=_dims(indices.read_mapping(client, journal.source) or {}),
        pipeline=_pipeline(set_name, journal.source),
        own_vectors=journal.own_vectors,
        returning=True,
        asks=journal.asks,
        arriving=journal.leaving,
        leaving=journal.arriving,
        since=journal.later,
    )


def _live_index(client: Elasticsearch, set_name: str) -> str:
    alias = Names(set_name).alias
    found = indices.read_alias(client, alias)
    if found.is_index or len(found.indices) != 1 or generation_of(found.indices[0]) is None:
        there = ", ".join(found.indices) or "nothing"
        raise ConflictError(
            f"{alias} does not lead to one generation of documents but to {there}",
            hint="Look at it with: esrag plan",
        )
    return found.indices[0]


def _finish(survey: Survey, journal: Move) -> Intent:
    """The alias has moved already; only the last steps are missing."""
    actions = tuple(
        Action("update", "search template", item.name, f"for {journal.target} alone")
        for item in journal.arriving
        if item.kind == "search template"
    )
    after = tuple(action for action in survey.plan.actions if action.kind in ENDPOINTS)
    return Intent(survey, journal, Plan((*actions, *after)), Plan(()), Plan(after), resumed=True)


def _intent(
    survey: Survey,
    move: Move,
    reasons: tuple[str, ...],
    *,
    resumed: bool,
    discards: str | None = None,
) -> Intent:
    base = tuple(action for action in survey.plan.actions if action.kind != "index")
    before = tuple(action for action in base if action.kind not in _AFTER_THE_SWITCH)
    after = tuple(_said(action, move) for action in base if action.kind in _AFTER_THE_SWITCH)
    how = "with the vectors it has" if move.own_vectors else "each embedded anew"
    going_on = "; goes on where it was cut off" if resumed else ""
    copied = Action(
        "update" if resumed else "create",
        "index",
        move.target,
        f"copy all chunks of {move.source}, {how}{going_on}",
        details=reasons,
    )
    alias = Names(move.set).alias
    switched = Action(
        "update",
        "index",
        move.source,
        f"hands {alias} over to {move.target} and is kept; writes wait meanwhile",
    )
    discarded = (
        (Action("delete", "index", discards, "an unfinished copy made with other settings"),)
        if discards
        else ()
    )
    return Intent(
        survey,
        move,
        Plan((*before, *discarded, copied, switched, *after)),
        Plan(before),
        Plan(tuple(action for action in after if action.kind != "search template")),
        resumed=resumed,
        discards=discards,
    )


def _said(action: Action, move: Move) -> Action:
    """A search template's change in words: the two texts would show nothing."""
    if action.kind != "search template" or action.verb != "update":
        return action
    model = move.asks[move.target]
    return replace(action, reason=f"asks {model}, after the switch", details=())


def _require_side_by_side(survey: Survey) -> None:
    """Both models must run while documents are copied, under names of their own."""
    stops = [
        action
        for action in survey.plan.changes
        if action.kind in _MODEL_KINDS and action.destructive
    ]
    if not stops:
        return
    raise ConflictError(
        "this would interrupt the model that questions are embedded with now:\n"
        + "\n".join(f"  {action.describe()}" for action in stops),
        hint="A new model needs a name of its own: --model-id NAME. Other sizes of a deployment "
        "are set by: esrag setup",
    )


def _new_move(client: Elasticsearch, survey: Survey, source: str, *, embed_again: bool) -> Move:
    desired, observed = survey.desired, survey.observed
    arriving = tuple(
        CommonBody(item.kind, item.name, item.body)
        for item in desired.bodies
        if item.kind in _COMMON
    )
    leaving = tuple(
        replace(item, body=_as_put(found))
        for item in arriving
        if (found := observed.bodies.get((item.kind, item.name))) is not None
    )
    pipeline = desired.names.embed_pipeline(desired.generation)
    move = Move(
        set=desired.choices.set,
        source=source,
        target=desired.index,
        spec=_spec(desired),
        dims=_dims(desired.mapping),
        pipeline=pipeline,
        own_vectors=not embed_again and _same_vectors(client, survey, source),
        returning=False,
        asks={},
        arriving=arriving,
        leaving=leaving,
    )
    return replace(move, asks=_asks(survey, leaving, move))


def _as_put(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A body that was read, without what the server added and would refuse."""
    return {name: value for name, value in body.items() if not _ADDED_BY_SERVER.match(name)}


def _asks(survey: Survey, leaving: tuple[CommonBody, ...], move: Move) -> Mapping[str, str]:
    """The deployment that embeds questions, for both indices, as their search templates say."""
    name = Names(move.set).search_template("semantic")
    found = {
        index: next((parameter_default(i.body, "model_id") for i in bodies if i.name == name), "")
        for index, bodies in ((move.source, leaving), (move.target, move.arriving))
    }
    embedded = own_meta(survey.observed.mapping or {}).get("model_id")
    found[move.source] = found[move.source] or str(embedded or "")
    if not all(found.values()):
        raise UsageError(
            f"search template {name} does not say which model embeds questions",
            hint="It needs the parameter model_id with a default, as in pipelines/search/.",
        )
    return found


def _spec(desired: DesiredState) -> str:
    """A hash of everything that decides what the new generation holds."""
    embed = next(
        item.body
        for item in desired.bodies
        if item.name == desired.names.embed_pipeline(desired.generation)
    )
    facts: list[Any] = [
        desired.choices.model_id,
        desired.bundle.fingerprint if desired.bundle else "",
        desired.mapping,
        {
            name: value
            for name, value in desired.index_settings.items()
            if name != "index.default_pipeline"
        },
        _anonymous(embed.get("processors"), desired.names, desired.generation),
    ]
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _anonymous(processors: Any, names: Names, generation: int) -> Any:
    """A pipeline's processors without the number of the generation they are for."""
    neutral = {
        names.index(generation): "index",
        names.embed_pipeline(generation): "pipeline",
    }
    return renamed({"processors": processors}, neutral)


def _same_vectors(client: Elasticsearch, survey: Survey, source: str) -> bool:
    """Whether the chunks would get the vectors that they have: same model, same text embedded."""
    desired, observed = survey.desired, survey.observed
    meta = own_meta(observed.mapping or {})
    if meta.get("model_id") != desired.choices.model_id:
        return False
    if _dims(observed.mapping or {}) != _dims(desired.mapping):
        return False
    wanted = _fingerprint(client, desired)
    if meta.get("fingerprint") and wanted and not wanted.startswith(meta["fingerprint"]):
        return False
    number = generation_of(source) or 0
    old = pipelines.read_pipeline(client, desired.names.embed_pipeline(number))
    if old is None:
        return False
    new = next(
        item.body
        for item in desired.bodies
        if item.name == desired.names.embed_pipeline(desired.generation)
    )
    return bool(
        _anonymous(old.get("processors"), desired.names, number)
        == _anonymous(new.get("processors"), desired.names, desired.generation)
    )


def _fingerprint(client: Elasticsearch, desired: DesiredState) -> str:
    if desired.bundle is not None:
        return desired.bundle.fingerprint
    if desired.tier.embedding == "client":
        return ""
    found = models.read_model(client, desired.choices.model_id)
    return found.fingerprint if found is not None else ""


def _dims(mapping: Mapping[str, Any]) -> int:
    field = mapping.get("properties", {}).get("embedding", {})
    return int(field.get("dims") or 0)


def _pipeline(set_name: str, index: str) -> str:
    return Names(set_name).embed_pipeline(generation_of(index) or 0)


def search_templates(set_name: str) -> tuple[str, ...]:
    """The names of a set's search templates."""
    return tuple(Names(set_name).search_template(kind) for kind in SEARCH_KINDS)
