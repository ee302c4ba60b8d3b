"""The objects in the cluster, held against the plan: missing, changed, somebody else's, broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esrag.cluster import pipelines, templates
from esrag.cluster.client import explained
from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.errors import ConflictError, EsragError
from esrag.names import ALL_SEARCH_KINDS, generation_of
from esrag.state.actions import ObjectKind
from esrag.state.canonical import field_differences, setting_differences
from esrag.state.desired import DesiredBody
from esrag.state.plan import foreign_objects
from esrag.state.plan_bodies import plan_body
from esrag.state.smoke import QUESTION, SAMPLE

_MISSING = {
    "ingest pipeline": "pipeline-missing",
    "search template": "search-template-missing",
    "inference endpoint": "endpoint-missing",
}
_SHOWN = 6


def bodies(case: Case) -> Iterator[Finding]:
    """Is every object there, ours, and as it was put?"""
    desired, observed = case.look
    if observed.index is None and not _own_bodies(case):
        yield found("not-set-up", f"document set {case.choices.set}", "nothing of it is there")
        return
    foreign = set(foreign_objects(desired, observed))
    for kind, name in sorted(foreign):
        if kind == "index" and observed.alias.is_index:
            words = "it is an index, and is to be the alias of our index"
            yield found("alias-is-index", name, words, f"Copy what you need, then: DELETE /{name}")
        else:
            yield found("foreign-object", f"{kind} {name}", "it bears no mark of esrag")
    wrong = len(foreign)
    moving = _changed_by_a_move(case)
    for item in desired.bodies:
        if (item.kind, item.name) in foreign | moving or _of_next_generation(case, item):
            continue
        finding = _body(case, item)
        if finding is not None:
            wrong += 1
            yield finding
    if not wrong:
        yield well("objects", f"{len(desired.bodies)} are there and as they were put")


def index(case: Case) -> Iterator[Finding]:
    """Is there an index behind the alias, and do writes go to it?"""
    names, (desired, observed) = case.names, case.look
    if observed.alias.is_index:
        return  # said by ``bodies``
    if observed.index is None:
        if _own_bodies(case):  # otherwise nothing is set up, which ``bodies`` says
            yield found("index-missing", f"index {desired.index}", "there is none of this set")
        return
    where = f"alias {names.alias}"
    behind = observed.alias.indices
    if not behind:
        yield found("alias-missing", where, f"{observed.index} is there, and nothing leads to it")
        return
    with explained(f"reading alias {names.alias}"):
        aliases = case.client.indices.get_alias(name=names.alias).body
    writers = [
        name
        for name, facts in aliases.items()
        if facts["aliases"][names.alias].get("is_write_index", len(behind) == 1)
    ]
    others = ", ".join(behind)
    if not writers:
        yield found("alias-not-writable", where, f"it leads to {others}, and writes go to none")
    elif writers != [behind[-1]]:
        words = f"it leads to {others}, and writes go to {', '.join(writers)}"
        yield found("alias-not-writable", where, words)
    elif len(behind) > 1:
        yield found("alias-many-indices", where, f"it leads to {others}")
    else:
        yield well(where, f"leads to {behind[0]}")


def mapping(case: Case) -> Iterator[Finding]:
    """Does the index have the fields and settings that are wanted, of the model that is set?"""
    desired, observed = case.look
    if observed.index is None or observed.alias.is_index:
        return
    where = f"index {observed.index}"
    has = observed.mapping or {}
    embedded = ((has.get("_meta") or {}).get("esrag") or {}).get("model_id")
    if embedded and embedded != case.choices.model_id:
        words = f"its vectors are of {embedded}, and model.id is {case.choices.model_id}"
        yield found("index-other-model", where, words)
        return
    made_by, made_here = _vectors_of(has), _vectors_of(desired.mapping)
    if made_by and made_here and made_by != made_here:
        words = f"its vectors are of another {embedded} ({made_by}) than the one here ({made_here})"
        yield found("index-other-model", where, words)
        return
    fields = field_differences(desired.mapping, has)
    differences = [
        *(str(item) for item in (*fields.missing, *fields.changeable, *fields.fixed)),
        *(
            str(item)
            for item in setting_differences(desired.index_settings, observed.settings or {})
            if not item.path.startswith("index.blocks.")
        ),
    ]
    if differences:
        remedy = "It cannot be changed in place: esrag reembed" if fields.fixed else ""
        yield found("mapping-drift", where, _listed(differences), remedy)
    extra = tuple(_extra_fields(desired.mapping, has))
    if extra:
        yield found("mapping-foreign-fields", where, f"fields {', '.join(extra)}")
    if not differences and not extra:
        yield well(where, f"fields and settings as wanted, vectors of {embedded}")


def search_templates(case: Case) -> Iterator[Finding]:
    """Does every search template render to a query?"""
    _, observed = case.look
    looked = broken = 0
    for kind in ALL_SEARCH_KINDS:
        name = case.names.search_template(kind)
        if observed.bodies.get(("search template", name)) is None:
            continue  # said by ``bodies``
        looked += 1
        try:
            templates.render_search_template(case.client, name, {"query": QUESTION, "size": 1})
        except EsragError as error:
            broken += 1
            yield found("search-template-broken", f"search template {name}", error.message)
    if looked and not broken:
        yield well("search templates", f"{looked} render to queries")


def pipeline(case: Case) -> Iterator[Finding]:
    """Does the ingest pipeline prepare a simple text?"""
    desired, observed = case.look
    generation = generation_of(observed.index or "")
    if generation is None:
        return
    name = case.names.embed_pipeline(generation)
    if observed.bodies.get(("ingest pipeline", name)) is None:
        return  # said by ``bodies``
    where = f"ingest pipeline {name}"
    try:
        made = pipelines.simulate_pipeline(case.client, name, SAMPLE)
    except EsragError as error:
        yield found("pipeline-broken", where, error.message)
        return
    vector = made.get("embedding")
    if desired.tier.embedding == "cluster" and not (isinstance(vector, list) and any(vector)):
        yield found("pipeline-broken", where, "it makes no vector of a simple text")
        return
    unknown = sorted(set(made) - set(desired.mapping["properties"]))
    if unknown:
        words = f"it leaves fields that the index does not have: {', '.join(unknown)}"
        yield found("pipeline-broken", where, words)
    else:
        yield well(where, "prepares a simple text")


def old_generations(case: Case) -> Iterator[Finding]:
    """Which indices of former generations are kept?"""
    _, observed = case.look
    if not observed.alias.indices:
        return
    target = case.move.target if case.move else ""
    behind = (*observed.alias.indices, target)
    old = [name for name in observed.generations if name not in behind]
    if old:
        yield found("old-generations", f"alias {case.names.alias}", f"kept: {', '.join(old)}")


def _vectors_of(mapping: Mapping[str, Any]) -> str:
    """The fingerprint of the model that made the vectors; "" where it is not said."""
    field = (mapping.get("properties") or {}).get("embedding") or {}
    return str((field.get("meta") or {}).get("model", ""))


def _own_bodies(case: Case) -> bool:
    """Whether anything of this set alone is there; the service indices are all sets'."""
    bodies = case.look[1].bodies
    return any(body and kind != "service index" for (kind, _), body in bodies.items())


def _body(case: Case, item: DesiredBody) -> Finding | None:
    where = f"{item.kind} {item.name}"
    try:
        action = plan_body(item, case.look[1])
    except ConflictError as error:
        return found("object-drift", where, error.message, error.hint)
    if action.verb == "none":
        return None
    if action.verb == "create":
        return found(_MISSING.get(item.kind, "object-missing"), where, "it is missing")
    details = _listed(action.details)
    words = f"{action.reason}: {details}" if details else action.reason
    changed_by_others = action.reason.startswith("somebody")
    return found("object-drift" if changed_by_others else "object-outdated", where, words)


def _changed_by_a_move(case: Case) -> set[tuple[ObjectKind, str]]:
    """What a re-embedding under way has made fit for two generations at once."""
    try:
        move = case.move
    except EsragError:
        return set()  # said by the check of re-embeddings
    return {(item.kind, item.name) for item in move.arriving} if move else set()


def _of_next_generation(case: Case, item: DesiredBody) -> bool:
    """Whether an object belongs to the generation that setup would begin; it is not there yet."""
    desired, observed = case.look
    current = generation_of(observed.index or "")
    return current not in (None, desired.generation) and item.name.endswith(
        f"-{desired.generation:06d}"
    )


def _extra_fields(
    wanted: Mapping[str, Any], has: Mapping[str, Any], path: str = ""
) -> Iterator[str]:
    """Fields that an index has and nobody wants, by dotted name."""
    known = wanted.get("properties") or {}
    for name, field in (has.get("properties") or {}).items():
        if name not in known:
            yield f"{path}{name}"
        else:
            yield from _extra_fields(known[name], field, f"{path}{name}.")


def _listed(lines: list[str] | tuple[str, ...]) -> str:
    shown = "; ".join(lines[:_SHOWN])
    return f"{shown}; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else shown
