"""``grammar`` and ``response_format`` as they come; nothing is judged here beyond types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from esrag.local.tgi.body import Fields, kind_of

_KINDS = ("json", "json_object", "regex", "json_schema")


@dataclass(frozen=True, slots=True)
class Grammar:
    """What the text must look like: a schema (an object, or a string of JSON) or an expression."""

    kind: Literal["json", "regex"]
    value: Any


def read_grammar(fields: Fields, name: str) -> Grammar | None:
    """The grammar of a request; raises BodyRejected where TGI's deserialiser would."""
    grammar = fields.raw(name)
    if grammar is None:
        return None
    if not isinstance(grammar, dict):
        raise fields.rejected(
            name, f"invalid type: {kind_of(grammar)}, expected adjacently tagged enum GrammarType"
        )
    if "type" not in grammar:
        raise fields.rejected(name, "missing field `type`")
    kind = grammar["type"]
    if kind not in _KINDS:
        raise fields.rejected(
            name, f"unknown variant `{kind}`, expected one of `json`, `regex`, `json_schema`"
        )
    if "value" not in grammar:
        raise fields.rejected(name, "missing field `value`")
    value = grammar["value"]
    if kind == "regex":
        if not isinstance(value, str):
            raise fields.rejected(name, f"invalid type: {kind_of(value)}, expected a string")
        return Grammar("regex", value)
    if kind == "json_schema":
        return Grammar("json", _schema_of(fields, name, value))
    return Grammar("json", value)


def _schema_of(fields: Fields, name: str, config: Any) -> Any:
    if not isinstance(config, dict):
        raise fields.rejected(
            name, f"invalid type: {kind_of(config)}, expected struct JsonSchemaConfig"
        )
    label = config.get("name")
    if not isinstance(label, str | None):
        raise fields.rejected(name, f"invalid type: {kind_of(label)}, expected a string")
    if "schema" not in config:
        raise fields.rejected(name, "missing field `schema`")
    return NamedSchema(config["schema"])


@dataclass(frozen=True, slots=True)
class NamedSchema:
    """The schema of a ``json_schema``; unlike that of ``json`` it may not be a string."""

    schema: Any
