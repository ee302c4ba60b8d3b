"""JSON schemas: TGI's checks in TGI's words, and what it silently assumes said aloud.

TGI turns a schema into one regular expression.  That expression knows only the properties that
are named, so an object with ``properties`` is closed, and takes ``type`` for granted.
"""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import orjson

from esrag.local.tgi.errors import ValidationFailed
from esrag.local.tgi.grammar.reading import NamedSchema

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_COMBINED = ("$ref", "allOf", "anyOf", "oneOf", "if")
_OF_ONE = ("items", "additionalProperties")
_OF_MANY = ("anyOf", "oneOf", "prefixItems")
_BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "$functions")


def checked(value: Any) -> dict[str, Any]:
    """The schema of a grammar; raises ValidationFailed as TGI's router does."""
    schema = value.schema if isinstance(value, NamedSchema) else _from_json(value)
    try:
        meta = schema | {"$schema": _DRAFT} if isinstance(schema, dict) else schema
        jsonschema_rs.meta.validate(meta)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise _invalid(getattr(error, "message", str(error))) from error
    if not isinstance(schema, dict) or "properties" not in schema:
        raise _invalid("Grammar must have a 'properties' field")
    return schema


def closed(schema: Any) -> Any:
    """The same schema with the objects that name their properties taking no others."""
    if not isinstance(schema, dict):
        return schema
    result = dict(schema)
    for name in _OF_ONE:
        if name in result:
            result[name] = closed(result[name])
    for name in _OF_MANY:
        if isinstance(result.get(name), list):
            result[name] = [closed(one) for one in result[name]]
    for name in _BY_NAME:
        if isinstance(result.get(name), dict):
            result[name] = {key: closed(one) for key, one in result[name].items()}
    if "properties" in result and not any(name in result for name in _COMBINED):
        result.setdefault("type", "object")
        if "patternProperties" not in result:
            result.setdefault("additionalProperties", False)
    return result


def _from_json(value: Any) -> Any:
    """A schema may come as a string of JSON."""
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise _invalid(f"expected value at line {error.lineno} column {error.colno}") from error
    if not isinstance(value, dict):
        raise ValidationFailed("grammar is not supported")
    return value


def _invalid(reason: str) -> ValidationFailed:
    return ValidationFailed(f"grammar is not valid: {reason}")
