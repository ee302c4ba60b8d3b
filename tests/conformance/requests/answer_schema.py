"""Holds answers against the published OpenAPI of Elasticsearch (``openapi.json`` beside this).

Two verdicts: what is wrong (a required field is missing, a value is of another type), and which
fields the specification does not know.  Unions of the specification overlap, so one alternative
that fits is enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("openapi.json")
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "integer": (int,),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the specification says about a value."""

    wrong: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(self.wrong + other.wrong, self.unknown + other.unknown)


@dataclass(slots=True)
class _Shape:
    """The members of an object, gathered from all parts that it is made of."""

    properties: dict[str, Any] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    others: Any = None  # the schema of members without a name; False: none are allowed


@cache
def _document() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    return content["responses"], content["schemas"]


@cache
def _patterns() -> list[tuple[str, int, re.Pattern[str]]]:
    found = []
    for operation in _document()[0]:
        method, path = operation.split(" ")
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
        found.append((operation, path.count("{"), re.compile(f"{method} {pattern}")))
    return sorted(found, key=lambda one: one[1])


def operation_of(method: str, path: str) -> str:
    """The operation as the specification names it, or nothing if the excerpt lacks it."""
    path = path.partition("?")[0].rstrip("/") or "/"
    if path.startswith("/_search/template"):
        method = "POST"  # GET with a body is the same operation
    if re.search(r"/_(search|msearch|render|simulate)\b", path) and method == "GET":
        method = "POST"
    for operation, _, pattern in _patterns():
        if pattern.fullmatch(f"{method} {path}"):
            reserved = path.count("/_") > operation.count("/_")
            if not reserved:
                return operation
    return ""


def judge(operation: str, value: Any) -> Verdict:
    """Hold an answer against the specification of its operation."""
    return _judge(_document()[0][operation], value, "")


def _resolve(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while isinstance(schema.get("$ref"), str):
        schema = _document()[1][schema["$ref"]]
    return schema


def _judge(schema: Mapping[str, Any], value: Any, place: str) -> Verdict:
    schema = _resolve(schema)
    if value is None:
        # the specification seldom says that a field may be null
        return Verdict()
    for union in ("oneOf", "anyOf"):
        if union in schema and "properties" not in schema:
            return _best(schema[union], value, place)
    shape = _shape_of(schema)
    if shape is not None and not (shape.properties or schema.get("additionalProperties")):
        return Verdict()  # the specification writes a value of any kind as an empty object
    if shape is not None:
        return _judge_object(schema, shape, value, place)
    if "allOf" in schema:
        parts = [_judge(part, value, place) for part in schema["allOf"]]
        return sum(parts, Verdict())
    return _judge_plain(schema, value, place)


def _best(alternatives: list[Any], value: Any, place: str) -> Verdict:
    verdicts = [_judge(one, value, place) for one in alternatives]
    return min(verdicts, key=lambda one: (len(one.wrong), len(one.unknown)))


def _judge_plain(schema: Mapping[str, Any], value: Any, place: str) -> Verdict:
    kind = schema.get("type")
    if kind in _TYPES and not _is_of(kind, value):
        return Verdict(wrong=(f"{place or 'answer'} is not of type {kind}: {value!r:.80}",))
    if "enum" in schema and str(value).lower() not in {str(one).lower() for one in schema["enum"]}:
        return Verdict(wrong=(f"{place} is none of {schema['enum']}: {value!r}",))
    if kind == "array" and "items" in schema:
        parts = [_judge(schema["items"], one, f"{place}[{n}]") for n, one in enumerate(value)]
        return sum(parts, Verdict())
    return Verdict()


def _is_of(kind: str, value: Any) -> bool:
    if kind in ("number", "integer") and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[kind])


def _shape_of(schema: Mapping[str, Any]) -> _Shape | None:
    """The object that a schema describes, with the parts of ``allOf`` put together."""
    parts = [_resolve(part) for part in schema.get("allOf", [])]
    if "allOf" in schema:
        shapes = [_shape_of(part) for part in parts]
        if not shapes or any(shape is None for shape in shapes):
            return None
    elif schema.get("type") == "object" or "properties" in schema:
        shapes = []
    else:
        return None
    whole = _Shape(dict(schema.get("properties", {})), set(schema.get("required", [])))
    whole.others = schema.get("additionalProperties")
    if not whole.properties and whole.others is None and not shapes:
        whole.others = {}
    for shape in shapes:
        if shape is not None:
            whole.properties |= shape.properties
            whole.required |= shape.required
            whole.others = shape.others if whole.others is None else whole.others
    return whole


def _judge_object(schema: Mapping[str, Any], shape: _Shape, value: Any, place: str) -> Verdict:
    if not isinstance(value, dict):
        return Verdict(wrong=(f"{place or 'answer'} is not an object: {value!r:.80}",))
    wrong = [f"{place}.{name} is missing" for name in sorted(shape.required - set(value))]
    if schema.get("maxProperties") == 1 and len(value) > 1:
        wrong.append(f"{place} has more than one member: {', '.join(value)}")
    return sum(_members(shape, value, place), Verdict(wrong=tuple(wrong)))


def _members(shape: _Shape, value: Mapping[str, Any], place: str) -> Iterator[Verdict]:
    for name, one in value.items():
        if name in shape.properties:
            yield _judge(shape.properties[name], one, f"{place}.{name}")
        elif isinstance(shape.others, dict):
            yield _judge(shape.others, one, f"{place}.{name}")
        elif not shape.others:
            yield Verdict(unknown=(re.sub(r"\[\d+\]", "[]", f"{place}.{name}"),))
