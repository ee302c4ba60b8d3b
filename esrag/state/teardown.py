"""Removes one document set: what esrag made for it, and what it shared once nobody else uses it.

    take stock ─► plan (shown) ─► lock ─► take stock again ─► remove, users before what they use

Documents stay unless their alias is named.  Where something says which model the set used is
removed last, so that a removal that was cut off is finished by the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from esrag.cluster import deployments, indices, models, pipelines
from esrag.cluster.capabilities import Capabilities
from esrag.cluster.indices import own_meta
from esrag.errors import UsageError
from esrag.names import ALL_SEARCH_KINDS, DLQ_INDEX, META_INDEX, Names
from esrag.state.actions import Action, ObjectKind, Plan
from esrag.state.desired import BodyKind, Choices
from esrag.state.kinds import KINDS
from esrag.state.ownership import Records, read_records
from esrag.state.usage import Users, find_users
from esrag.templating import OWNER, seal_of

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

ENDPOINT: Final = "inference endpoint"
SEARCH_DEPLOYMENT = "_search"  # ends the id of a model's second deployment


@dataclass(frozen=True, slots=True)
class Wish:
    """Which set is to go.  ``documents``: with its indices."""

    choices: Choices
    capabilities: Capabilities
    documents: bool

    @property
    def names(self) -> Names:
        """The set's names."""
        return Names(self.choices.set)


def checked_wish(
    choices: Choices, capabilities: Capabilities, *, with_documents: str | None
) -> Wish:
    """The wish; raises UsageError when documents are named otherwise than by the set's alias."""
    alias = Names(choices.set).alias
    if with_documents not in (None, alias):
        raise UsageError(
            f"--with-documents names {with_documents}; the documents of set {choices.set} are "
            f"behind {alias}",
            hint=f"To delete them as well: esrag teardown --set {choices.set} "
            f"--with-documents {alias}",
        )
    return Wish(choices, capabilities, documents=with_documents is not None)


def plan_teardown(client: Elasticsearch, wish: Wish) -> Plan:
    """What would go, in order, and what stays and why; nothing is changed."""
    names = wish.names
    records = read_records(client)
    generations = {
        index: indices.read_index(client, index) or {}
        for index in indices.read_generations(client, names.index_pattern)
    }
    own_pipelines = _own_pipelines(client, names)
    own_endpoints = [n for kind, n in records if kind == ENDPOINT and _is_own(records, n, names)]
    users = find_users(
        client,
        except_set=names.set,
        except_pipelines=own_pipelines,
        except_endpoints=own_endpoints,
        has_endpoints=wish.capabilities.tier.endpoints,
    )
    return Plan(
        (
            *_templates(client, names, [names.search_template(kind) for kind in ALL_SEARCH_KINDS]),
            *(_delete(ENDPOINT, name, "of this document set") for name in sorted(own_endpoints)),
            *_detached(generations),
            *(_delete("ingest pipeline", n, "of this document set") for n in own_pipelines),
            *_models(client, wish, generations, records, users),
            *_documents(client, wish, generations),
            *_answers(client, wish),
            *_layout(client, names),
            *_shared(client, wish, records, users),
        )
    )


def _own_pipelines(client: Elasticsearch, names: Names) -> list[str]:
    """Pipelines of all generations, intake before embed, as the one calls the other."""
    found = []
    for name, body in pipelines.list_pipelines(client).items():
        number = name.rpartition("-")[2]
        seal = seal_of(body)
        if number.isdigit() and seal is not None and seal.set == names.set:
            order = (names.intake_pipeline(int(number)), names.embed_pipeline(int(number)))
            if name in order:
                found.append((order.index(name), name))
    return [name for _, name in sorted(found)]


def _templates(client: Elasticsearch, names: Names, wanted: list[str]) -> Iterator[Action]:
    for name in wanted:
        yield from _body(client, "search template", name, names)


def _layout(client: Elasticsearch, names: Names) -> Iterator[Action]:
    yield from _body(client, "index template", names.index_template, names)
    yield from _body(client, "component template", names.settings_template, names)
    yield from _body(client, "component template", names.mappings_template, names)


def _body(client: Elasticsearch, kind: BodyKind, name: str, names: Names) -> Iterator[Action]:
    body = KINDS[kind].read(client, name)
    if body is None:
        return
    seal = KINDS[kind].seal(body)
    if seal is not None and seal.set == names.set:
        yield _delete(kind, name, "of this document set")
    else:
        yield _keep(kind, name, "not made by esrag for this document set")


def _detached(generations: dict[str, dict[str, Any]]) -> Iterator[Action]:
    """The server keeps a pipeline that an index names, so the indices let go of it first."""
    for index, body in generations.items():
        settings = (body.get("settings") or {}).get("index") or {}
        if _is_ours(body) and settings.get("default_pipeline") not in (None, "_none"):
            reason = f"lets go of {settings['default_pipeline']}, its default pipeline"
            yield Action("update", "index", index, reason)


def _models(
    client: Elasticsearch,
    wish: Wish,
    generations: dict[str, dict[str, Any]],
    records: Records,
    users: Users,
) -> Iterator[Action]:
    """Models that this set embedded with, when they are ours and nobody else uses them."""
    if not wish.capabilities.machine_learning:
        return
    named = [own_meta(body.get("mappings") or {}).get("model_id") for body in generations.values()]
    running = deployments.list_deployments(client)
    for model_id in sorted({wish.choices.model_id, *(str(name) for name in named if name)}):
        model = models.read_model(client, model_id)
        if model is None:
            continue
        mine = {model_id, f"{model_id}{SEARCH_DEPLOYMENT}"}
        mine |= {name for kind, name in records if kind == "deployment"}
        of_model = [each.deployment_id for each in running if each.model_id == model_id]
        others = [f"deployment {name}" for name in of_model if name not in mine]
        using = (*users.users_of([model_id, *of_model]), *others)
        if using:
            yield _keep("trained model", model_id, f"used by {', '.join(using)}")
            continue
        if not model.managed:
            if ("trained model", model_id) in records:
                why = "was taken over; it stays, and is no longer noted as managed"
                yield Action("update", "trained model", model_id, why)
            else:
                yield _keep("trained model", model_id, "not made by esrag")
            continue
        for name in sorted(of_model):
            yield _delete("deployment", name, "nobody else uses it")
        yield _delete("trained model", model_id, "nobody else uses it")


def _documents(
    client: Elasticsearch, wish: Wish, generations: dict[str, dict[str, Any]]
) -> Iterator[Action]:
    for index, body in generations.items():
        if not _is_ours(body):
            yield _keep("index", index, "not made by esrag")
            continue
        count = indices.count_documents(client, index)
        if wish.documents:
            yield _delete("index", index, f"with {count} chunks", destructive=True)
        else:
            hint = f"--with-documents {wish.names.alias} deletes it"
            yield _keep("index", index, f"holds {count} chunks; {hint}")


def _answers(client: Elasticsearch, wish: Wish) -> Iterator[Action]:
    """The index that keeps answers; it holds what the documents say, and goes with them."""
    name, kind = wish.names.answers, KINDS["service index"]
    body = kind.read(client, name)
    if not body:
        return
    if kind.seal(body) is None:
        yield _keep("service index", name, "not made by esrag")
        return
    count = indices.count_documents(client, name)
    if not count:
        yield _delete("service index", name, "of this document set; empty")
    elif wish.documents:
        yield _delete("service index", name, f"with {count} entries", destructive=True)
    else:
        hint = f"--with-documents {wish.names.alias} deletes it"
        yield _keep("service index", name, f"holds {count} entries; {hint}")


def _shared(client: Elasticsearch, wish: Wish, records: Records, users: Users) -> Iterator[Action]:
    """What all document sets share goes with the last of them."""
    in_use = ", ".join(users.other_sets)
    kind = KINDS["service index"]
    for name in (DLQ_INDEX, META_INDEX):
        body = kind.read(client, name)
        if body is None:
            continue
        if kind.seal(body) is None:
            yield _keep("service index", name, "not made by esrag")
        elif in_use:
            yield _keep("service index", name, f"used by document set {in_use}")
        elif name == DLQ_INDEX and not wish.documents and indices.count_documents(client, name):
            yield _keep("service index", name, "holds dead letters")
        elif name == META_INDEX and _other_notes(records, wish.names):
            yield _keep("service index", name, "holds notes of other document sets")
        else:
            yield _delete("service index", name, "no document set is left")


def _other_notes(records: Records, names: Names) -> bool:
    return any(record.set not in (names.set, "*") for record in records.values())


def _is_own(records: Records, name: str, names: Names) -> bool:
    return records[(ENDPOINT, name)].set == names.set


def _is_ours(body: dict[str, Any]) -> bool:
    return own_meta(body.get("mappings") or {}).get("owner") == OWNER


def _delete(kind: ObjectKind, name: str, reason: str, *, destructive: bool = False) -> Action:
    return Action("delete", kind, name, reason, destructive)


def _keep(kind: ObjectKind, name: str, reason: str) -> Action:
    return Action("none", kind, name, reason)
