"""Turns the shipped bodies into the bodies of one document set.  Pure: dicts in, dicts out.

    mappings/ pipelines/  --(names, model, language, vectors)-->  bodies for one set, sealed

The files on disk hold working default values, so that they can be pasted into Kibana's console.
Values are replaced where they stand in the structure; in a search template, whose source is
text because mustache is not JSON, only the default of a named parameter is replaced.
A sealed body says who manages it and carries a hash of what it asks for.  This module does not
know where bodies come from nor what a cluster has.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from esrag.errors import UsageError

Body = dict[str, Any]
Vectors = Literal["float", "int8", "bbq"]

OWNER = "esrag"
GRAPH_TYPES: Mapping[Vectors, str] = {"float": "hnsw", "int8": "int8_hnsw", "bbq": "bbq_hnsw"}
# Hits fetched per hit wanted, to be ranked anew by the whole vectors: benchmarks/vectors.py
OVERSAMPLE: Mapping[Vectors, int] = {"int8": 2, "bbq": 3}
BBQ_LEAST_DIMS = 64
# options of a vector's index that older servers refuse, and the first that takes them
_NEWER_OPTIONS = {"rescore_vector": (9, 1), "flat_index_threshold": (9, 4)}
SHIPPED_LANGUAGE = "english"

_KNN = '"knn": '
# the filters that a fused retriever lays on all of its legs
_SHARED_FILTER = re.compile(
    r'\{\{#only\}\}"filter": .*?\{\{/only\}\}\s*\{\{\^only\}\}.*?\{\{/only\}\}', re.DOTALL
)
_MODEL_PARAMETER = re.compile(r"\{\{model_id\}\}\{\{\^model_id\}\}[^{}]*\{\{/model_id\}\}")
_SEAL_COMMENT = re.compile(r"\{\{! managed by esrag; (?P<facts>[^{}]*) \}\}\n?")


@dataclass(frozen=True, slots=True)
class Seal:
    """What a managed object says about itself."""

    set: str
    version: str
    spec_hash: str

    def as_meta(self) -> dict[str, str]:
        """The value of ``_meta.esrag``."""
        return {
            "owner": OWNER,
            "set": self.set,
            "version": self.version,
            "spec_hash": self.spec_hash,
        }


def renamed(body: Body, names: Mapping[str, str]) -> Body:
    """A copy in which every string value that is a key of ``names`` became its value."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    changed: Body = walk(body)
    return changed


def with_field_choices(body: Body, *, dims: int | None, language: str, vectors: Vectors) -> Body:
    """A component template's field types with this vector length, analyzer and vector storage.

    Only fields that carry the shipped analyzer, or are vectors with a graph, are touched, so that
    a project's own choices stay.  Raises UsageError when the vectors are too short to be stored so.
    """
    changed = copy.deepcopy(body)
    for field in _fields(changed.get("template", {}).get("mappings", {})):
        if field.get("analyzer") == SHIPPED_LANGUAGE:
            field["analyzer"] = language
        if field.get("type") == "dense_vector":
            field["dims"] = field.get("dims") if dims is None else dims
            options = field.get("index_options")
            if isinstance(options, dict) and options.get("type") in GRAPH_TYPES.values():
                _store_as(options, vectors, dims=int(field["dims"] or 0))
    return changed


def _store_as(options: Body, vectors: Vectors, *, dims: int) -> None:
    """Change the storage of a vector; what the file says of its own storage stays."""
    if vectors == "bbq" and dims < BBQ_LEAST_DIMS:
        raise UsageError(
            f"vectors of {dims} dimensions cannot be stored as bbq, which needs {BBQ_LEAST_DIMS}",
            hint="Choose int8 or float: index.vectors, or --vectors.",
        )
    if options["type"] == GRAPH_TYPES[vectors]:
        return
    options["type"] = GRAPH_TYPES[vectors]
    options.pop("rescore_vector", None)
    if vectors in OVERSAMPLE:
        options["rescore_vector"] = {"oversample": OVERSAMPLE[vectors]}


def for_server(body: Body, version: str) -> Body:
    """A component template without options that a server of this version refuses.

    Without them it searches with its own defaults.  "" stands for the newest.
    """
    numbers = re.findall(r"\d+", version)[:2]
    changed = copy.deepcopy(body)
    if len(numbers) < 2:
        return changed
    server = (int(numbers[0]), int(numbers[1]))
    for field in _fields(changed.get("template", {}).get("mappings", {})):
        options = field.get("index_options")
        for name, since in _NEWER_OPTIONS.items():
            if isinstance(options, dict) and server < since:
                options.pop(name, None)
    return changed


def with_vector_meta(body: Body, meta: Mapping[str, str]) -> Body:
    """A component template whose vector fields say in their ``meta`` who makes and searches them.

    An empty value says nothing and is left out; what a project put there besides stays.  The
    fingerprint of the model stands in ``_meta.esrag`` as well, beside the model's id.
    """
    changed = copy.deepcopy(body)
    told = {name: value for name, value in meta.items() if value}
    mappings = changed.get("template", {}).get("mappings", {})
    for field in _fields(mappings):
        if field.get("type") == "dense_vector":
            field["meta"] = {**field.get("meta", {}), **told}
    own = mappings.get("_meta", {}).get("esrag")
    if own is not None and "model" in told:
        own["fingerprint"] = told["model"]
    return changed


def _fields(mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every field definition in a mapping, sub-fields and object fields included."""
    found: list[dict[str, Any]] = []
    for group in ("properties", "fields"):
        for field in mapping.get(group, {}).values():
            found.append(field)
            found.extend(_fields(field))
    return found


def with_parameter_default(body: Body, parameter: str, default: str) -> Body:
    """A search template whose ``{{^parameter}}…{{/parameter}}`` sections hold this default.

    A template without such a section stays as it is: it does not use the parameter.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", default):
        raise UsageError(f"{default!r} cannot be the default of {parameter} in a search template")
    changed = copy.deepcopy(body)
    opening, closing = "{{^" + parameter + "}}", "{{/" + parameter + "}}"
    before, *sections = template_source(changed).split(opening)
    rest = [section.partition(closing) for section in sections]
    if any(not found for _, found, _ in rest):
        raise UsageError(f"a search template opens {opening} and does not close it")
    changed["script"]["source"] = before + "".join(
        f"{opening}{default}{closing}{after}" for _, _, after in rest
    )
    return changed


def parameter_default(body: Mapping[str, Any], parameter: str) -> str:
    """What stands in the ``{{^parameter}}…{{/parameter}}`` sections; "" when it has none."""
    pattern = (
        r"\{\{\^" + re.escape(parameter) + r"\}\}([^{}]*)\{\{/" + re.escape(parameter) + r"\}\}"
    )
    found = re.search(pattern, template_source(body))
    return found[1] if found else ""


def with_generations(body: Body, models: Mapping[str, str]) -> Body:
    """A search template for the time in which an alias may lead to either of two indices.

    ``models`` holds, for each index, the model that embeds a question asked of it.  The ``knn``
    leg becomes one clause for each index, kept from the others by ``_index``: a shard of another
    index sees at once that it has nothing to say, before lengths of vectors are compared.  What
    the caller names as ``model_id`` is not heard, as it can fit one of the indices at most.  A
    template without a ``knn`` leg stays as it is.
    """
    source = template_source(body)
    opening = source.find(_KNN)
    if opening < 0:
        return copy.deepcopy(body)
    start = opening + len(_KNN)
    end = _closing_brace(source, start)
    if source.find(_KNN, end) >= 0:
        raise UsageError(
            "a search template with two knn legs cannot be led over to another model",
            hint="Give each question one knn leg, or one search template for each.",
        )
    leg_source = _with_shared_filter(source, start, end)
    clauses = ", ".join(
        '{"bool": {"filter": [{"term": {"_index": '
        + json.dumps(index)
        + '}}], "must": [{"knn": '
        + _with_model(leg_source, model)
        + "}]}}"
        for index, model in sorted(models.items())
    )
    leg = '"standard": {"query": {"bool": {"should": [' + clauses + "]}}}"
    changed = copy.deepcopy(body)
    changed["script"]["source"] = source[:opening] + leg + source[end:]
    return changed


def _with_shared_filter(source: str, start: int, end: int) -> str:
    """The leg with the filters of all legs among its own.

    A knn clause inside another query finds its nearest first and is filtered then, so that too few
    would be left; its own filters are heeded while it searches.
    """
    leg = source[start:end]
    shared = _SHARED_FILTER.search(source[:start])
    if shared is None or '"filter"' in leg:
        return leg
    return "{ " + shared[0] + leg[1:]


def _closing_brace(source: str, start: int) -> int:
    """The place after the brace that closes the one at ``start``; mustache's come in pairs."""
    depth = 0
    for place in range(start, len(source)):
        depth += {"{": 1, "}": -1}.get(source[place], 0)
        if not depth:
            return place + 1
    raise UsageError("a search template opens a knn leg and does not close it")


def _with_model(leg: str, model: str) -> str:
    """The leg with this model, whatever the caller names."""
    return _MODEL_PARAMETER.sub(lambda _: model, leg)


def template_source(body: Mapping[str, Any]) -> str:
    """The mustache text of a stored search template."""
    source = body.get("script", {}).get("source")
    if not isinstance(source, str):
        raise UsageError(
            "a search template needs script.source as text",
            hint="Mustache with sections or toJson is not JSON, so the source is one string.",
        )
    return source


def spec_hash(body: Mapping[str, Any]) -> str:
    """A hash of what a body asks for; who manages it does not count."""
    text = json.dumps(unsealed(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sealed(body: Mapping[str, Any], *, set_name: str, version: str) -> Body:
    """The body with its seal: in ``_meta``, or as a comment in a search template.

    Stored scripts have no ``_meta``; a mustache comment is stored with them and renders to nothing.
    The body of an index has its ``_meta`` in the mapping.
    """
    changed = unsealed(body)
    seal = Seal(set=set_name, version=version, spec_hash=spec_hash(body))
    if "script" in changed:
        facts = "; ".join(f"{name}={value}" for name, value in seal.as_meta().items())
        source = template_source(changed)
        changed["script"]["source"] = "{{! managed by esrag; " + facts + " }}\n" + source
    elif "mappings" in changed:
        meta = changed["mappings"].get("_meta", {})
        changed["mappings"]["_meta"] = {**meta, "esrag": seal.as_meta()}
    else:
        changed["_meta"] = {**changed.get("_meta", {}), "esrag": seal.as_meta()}
    return changed


def seal_of(body: Mapping[str, Any]) -> Seal | None:
    """The seal on a body read from a cluster; None when somebody else made the object."""
    if "script" in body:
        comment = _SEAL_COMMENT.match(str(body["script"].get("source", "")))
        if comment is None:
            return None
        facts = dict(part.split("=", 1) for part in comment["facts"].split("; ") if "=" in part)
    else:
        meta = body["mappings"].get("_meta") if "mappings" in body else body.get("_meta")
        facts = meta.get("esrag", {}) if isinstance(meta, Mapping) else {}
    if facts.get("owner") != OWNER:
        return None
    return Seal(
        set=str(facts.get("set", "")),
        version=str(facts.get("version", "")),
        spec_hash=str(facts.get("spec_hash", "")),
    )


def unsealed(body: Mapping[str, Any]) -> Body:
    """A copy without the seal."""
    changed = copy.deepcopy(dict(body))
    if "script" in changed:
        source = changed["script"].get("source")
        if isinstance(source, str):
            changed["script"]["source"] = _SEAL_COMMENT.sub("", source, count=1)
        return changed
    holder = changed.get("mappings", changed)
    if isinstance(holder.get("_meta"), dict):
        holder["_meta"].pop("esrag", None)
        if not holder["_meta"]:
            del holder["_meta"]
    return changed
