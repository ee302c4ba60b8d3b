"""Removes what a finished or given-up move leaves behind: old generations and their models.

Only objects of esrag's own go, and only where nothing uses them: a generation that some alias
still leads to, or a model that another set, pipeline or endpoint names, stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from elasticsearch import ApiError

from esrag.cluster import deployments, indices, models
from esrag.cluster.client import explained, reason
from esrag.cluster.indices import own_meta
from esrag.errors import ConflictError
from esrag.names import Names, generation_of
from esrag.reembedding.journal import Move, read_journal, write_journal
from esrag.reembedding.moving import open_again, put_bodies
from esrag.reembedding.run import discard
from esrag.state.actions import Action, ObjectKind, Plan
from esrag.templating import OWNER

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_NO_SUCH_API = (400, 404, 405)
_ALL_SETS = "esrag-docs-*"


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What can go: generations, and models with the deployments that run them."""

    set: str
    generations: tuple[str, ...]
    models: tuple[str, ...]
    deployments: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        """The steps in order: users of a thing before the thing."""
        names = Names(self.set)
        actions: list[Action] = []
        for index in self.generations:
            number = generation_of(index) or 0
            actions.append(_delete("index", index, "an old generation; its documents go with it"))
            for pipeline in (names.intake_pipeline(number), names.embed_pipeline(number)):
                actions.append(_delete("ingest pipeline", pipeline, f"of {index}"))
        for name in self.deployments:
            actions.append(_delete("deployment", name, "no document set uses it"))
        for name in self.models:
            actions.append(_delete("trained model", name, "no document set uses it"))
        return Plan(tuple(actions))


def find_leftovers(client: Elasticsearch, set_name: str) -> Leftovers:
    """The generations of a set that no alias leads to, and the models that only they used."""
    names = Names(set_name)
    live = indices.read_alias(client, names.alias).indices
    if not live:
        raise ConflictError(
            f"{names.alias} leads nowhere, so every generation might be the one that is needed",
            hint="Look at it with: esrag plan",
        )
    journal = read_journal(client, set_name)
    under_way = {journal.source, journal.target} if journal and not journal.finished else set()
    found = _aliases(client, names.index_pattern)
    kept: list[str] = []
    going: list[str] = []
    for index, aliases in sorted(found.items()):
        if index in live or not _is_ours(client, index):
            continue
        if index in under_way:
            kept.append(f"{index}: a re-embedding is under way")
        elif aliases:
            kept.append(f"{index}: the alias {', '.join(sorted(aliases))} leads to it")
        else:
            going.append(index)
    unused, running = _unused_models(client, set_name, going)
    return Leftovers(set_name, tuple(going), unused, running, tuple(kept))


def remove_leftovers(client: Elasticsearch, found: Leftovers) -> None:
    """Delete them; a run that is cut off is completed by the next."""
    for index in found.generations:
        discard(client, found.set, index)
    for name in found.deployments:
        deployments.undeploy(client, name)
    for name in found.models:
        models.delete_model(client, name)


def give_up(client: Elasticsearch, set_name: str) -> Move:
    """End a move that was cut off: all is as it was before it, the copy is deleted.

    Raises ConflictError when none is under way, or when the alias has moved already.
    """
    move = read_journal(client, set_name)
    if move is None or move.finished:
        raise ConflictError(f"no re-embedding of {set_name} is under way")
    live = indices.write_index(client, Names(set_name).alias)
    if live != move.source:
        command = "esrag reembed --rollback" if move.returning else "esrag reembed"
        raise ConflictError(
            f"{Names(set_name).alias} leads to {live} already",
            hint=f"Finish it with: {command}. A rollback then leads back.",
        )
    put_bodies(client, move.leaving)
    open_again(client, move.source)
    if not move.returning:
        discard(client, set_name, move.target)
    ended = replace(move, phase="given up")
    write_journal(client, ended)
    return ended


def _unused_models(
    client: Elasticsearch, set_name: str, going: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Models of ours that only the going generations used, and the deployments of these."""
    names, gone = Names(set_name), set(going)
    candidates = {_model_of(client, index) for index in gone} - {""}
    if not candidates:
        return (), ()
    own = {
        pipeline
        for index in gone
        for pipeline in (
            names.embed_pipeline(generation_of(index) or 0),
            names.intake_pipeline(generation_of(index) or 0),
        )
    }
    used = {_model_of(client, index) for index in _aliases(client, _ALL_SETS) if index not in gone}
    used |= _named_in_pipelines(client, except_for=own) | _named_in_endpoints(client)
    running = deployments.list_deployments(client)
    unused = []
    for model_id in sorted(candidates):
        mine = {each.deployment_id for each in running if each.model_id == model_id}
        model = models.read_model(client, model_id)
        if model is not None and model.managed and not used & {model_id, *mine}:
            unused.append(model_id)
    stopped = tuple(each.deployment_id for each in running if each.model_id in unused)
    return tuple(unused), stopped


def _aliases(client: Elasticsearch, pattern: str) -> dict[str, list[str]]:
    with explained(f"listing indices {pattern}"):
        answer = client.indices.get_alias(index=pattern, allow_no_indices=True)
    return {index: list(facts["aliases"]) for index, facts in answer.body.items()}


def _is_ours(client: Elasticsearch, index: str) -> bool:
    return own_meta(indices.read_mapping(client, index) or {}).get("owner") == OWNER


def _model_of(client: Elasticsearch, index: str) -> str:
    return str(own_meta(indices.read_mapping(client, index) or {}).get("model_id") or "")


def _named_in_pipelines(client: Elasticsearch, *, except_for: set[str]) -> set[str]:
    """Model and deployment ids that ingest pipelines call, whoever made them."""
    with explained("reading ingest pipelines"):
        found: Mapping[str, Any] = client.ingest.get_pipeline().body
    return {
        model_id
        for name, body in found.items()
        if name not in except_for
        for model_id in _values(body, "model_id")
    }


def _named_in_endpoints(client: Elasticsearch) -> set[str]:
    """Model and deployment ids behind inference endpoints; none where there is no such API."""
    with explained("reading inference endpoints"):
        try:
            found = client.inference.get().body
        except ApiError as error:
            no_licence = error.meta.status == 403 and "non-compliant" in reason(error)
            if error.meta.status not in _NO_SUCH_API and not no_licence:
                raise  # who cannot see the endpoints cannot tell that none uses a model
            return set()
    return {*_values(found, "model_id"), *_values(found, "deployment_id")}


def _values(body: Any, key: str) -> Iterable[str]:
    """Every text under ``key``, at any depth."""
    if isinstance(body, Mapping):
        for name, value in body.items():
            if name == key and isinstance(value, str):
                yield value
            else:
                yield from _values(value, key)
    elif isinstance(body, list):
        for value in body:
            yield from _values(value, key)


def _delete(kind: ObjectKind, name: str, reason: str) -> Action:
    return Action("delete", kind, name, reason, destructive=True)
