"""Compares a body with what the server made of it.  Pure.

Elasticsearch gives bodies back in its own spelling: settings nested or dotted, with or without
``index.``, numbers and booleans as text, one value as a list of one, field names nested, dates of
creation added, defaults left out or added.  Both sides are brought into one spelling and the
differences are listed, so that a plan can say what changed, and says nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from esrag.state.field_defaults import defaults_of, is_changeable
from esrag.templating import unsealed

_ADDED_BY_SERVER = re.compile(r"^(created|modified)_date(_millis)?$")
_EMPTY: tuple[Any, ...] = (None, [], {})
_UNORDERED = ("index_patterns",)
_SECRET = re.compile(r"(api_key|password|passphrase|secret|token)$", re.IGNORECASE)
_SHOWN_CHARACTERS = 60
# In the outer two levels of a body a server may add what is empty; deeper, {} is a thing.
_OUTER_LEVELS = 2


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which two bodies differ; None where one side has nothing."""

    path: str
    found: Any
    wanted: Any

    def __str__(self) -> str:
        """``path: found -> wanted``, short, and never with a secret."""
        if _SECRET.search(self.path):
            return f"{self.path}: (secret)"
        return f"{self.path}: {_short(self.found)} -> {_short(self.wanted)}"


@dataclass(frozen=True, slots=True)
class FieldDifferences:
    """How the fields of an index differ: what it lacks, can be given, and can never become."""

    missing: tuple[Difference, ...] = ()
    changeable: tuple[Difference, ...] = ()
    fixed: tuple[Difference, ...] = ()


def body_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Where two whole bodies differ, whoever manages them."""
    return tuple(_differences(_respelt(wanted), _respelt(found)))


def setting_differences(
    wanted: Mapping[str, Any], found: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """Settings that an index lacks or has otherwise; what it has besides is its own."""
    has = flat_settings(found)
    return tuple(
        Difference(name, has.get(name), value)
        for name, value in sorted(flat_settings(wanted).items())
        if not _same(value, has.get(name))
    )


def field_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> FieldDifferences:
    """How the mapping of an index differs from the wanted one, with dotted paths.

    Fields that an index has besides are its own.  A parameter that one side does not state has
    its default there, if we know it, and is taken as agreed if we do not.
    """
    missing: list[Difference] = []
    changeable: list[Difference] = []
    fixed: list[Difference] = []

    def compare(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str) -> None:
        for group in ("properties", "fields"):
            wants, has = _nested_names(wanted.get(group)), _nested_names(found.get(group))
            for name, field in wants.items():
                here = f"{path}{name}"
                if name not in has:
                    missing.append(Difference(here, None, field.get("type", "object")))
                    continue
                for difference in _parameter_differences(field, has[name], here):
                    parameter = difference.path.removeprefix(f"{here}.")
                    (changeable if is_changeable(parameter) else fixed).append(difference)
                compare(field, has[name], f"{here}.")

    compare(wanted, found, "")
    if "dynamic" in wanted and not _same(wanted["dynamic"], found.get("dynamic", True)):
        changeable.append(Difference("dynamic", found.get("dynamic", "true"), wanted["dynamic"]))
    return FieldDifferences(tuple(missing), tuple(changeable), tuple(fixed))


def flat_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Index settings by dotted name, each beginning with ``index.``; values as they are given."""
    flat: dict[str, Any] = {}
    for path, value in _leaves(settings):
        name = path if path.startswith("index.") else f"index.{path}"
        flat[name] = value
    return flat


def _parameter_differences(
    wanted: Mapping[str, Any], found: Mapping[str, Any], path: str
) -> Iterator[Difference]:
    wanted_type, found_type = wanted.get("type", "object"), found.get("type", "object")
    if wanted_type != found_type:
        yield Difference(f"{path}.type", found.get("type"), wanted.get("type"))
        return
    defaults = defaults_of(wanted_type)
    for name in sorted({*wanted, *found} - {"properties", "fields", "type"}):
        known = name in defaults
        if name == "meta":
            yield from _meta_differences(wanted.get(name), found.get(name), f"{path}.{name}")
        elif (name in wanted and name in found) or known:
            default = defaults.get(name)
            yield from _differences(
                wanted.get(name, default), found.get(name, default), f"{path}.{name}"
            )


def _meta_differences(wanted: Any, found: Any, path: str) -> Iterator[Difference]:
    """What a field should say of itself; what it says besides is its own."""
    has = found if isinstance(found, Mapping) else {}
    for name, value in (wanted or {}).items():
        if not _same(value, has.get(name)):
            yield Difference(f"{path}.{name}", has.get(name), value)


def _respelt(body: Mapping[str, Any]) -> dict[str, Any]:
    """A whole body without seal and dates, with flat settings and nested field names."""
    plain = {
        name: value for name, value in unsealed(body).items() if not _ADDED_BY_SERVER.match(name)
    }
    if isinstance(plain.get("template"), Mapping):
        plain["template"] = _respelt_index(plain["template"])
    return _respelt_index(plain)


def _respelt_index(part: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(part)
    if isinstance(part.get("settings"), Mapping):
        changed["settings"] = flat_settings(part["settings"])
    mappings = part.get("mappings")
    if isinstance(mappings, Mapping):
        if set(mappings) == {"_doc"}:
            mappings = mappings["_doc"]
        if isinstance(mappings.get("properties"), Mapping):
            mappings = {**mappings, "properties": _nested_names(mappings["properties"])}
        changed["mappings"] = mappings
    return changed


def _nested_names(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """Field definitions in which ``a.b`` stands as the field b of the object a."""
    nested: dict[str, Any] = {}
    for name, field in (fields or {}).items():
        first, dot, rest = name.partition(".")
        inner: Any = {"properties": {rest: field}} if dot else field
        if isinstance(inner, Mapping) and isinstance(nested.get(first), Mapping):
            both = {
                **nested[first].get("properties", {}),
                **inner.get("properties", {}),
            }
            inner = {**nested[first], **inner, "properties": both}
        nested[first] = inner
    return {
        name: {**field, "properties": _nested_names(field["properties"])}
        if isinstance(field, Mapping) and isinstance(field.get("properties"), Mapping)
        else field
        for name, field in nested.items()
    }


def _differences(wanted: Any, found: Any, path: str = "", level: int = 0) -> Iterator[Difference]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name in sorted({*wanted, *found}):
            one, other = wanted.get(name), found.get(name)
            if level < _OUTER_LEVELS and one in _EMPTY and other in _EMPTY:
                continue
            here = f"{path}.{name}" if path else name
            yield from _differences(one, other, here, level + 1)
        return
    name = path.rpartition(".")[2]
    one, other = _as_list(wanted, name), _as_list(found, name)
    if one is not None and other is not None and len(one) == len(other):
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from _differences(mine, theirs, f"{path}[{place}]", level + 1)
    elif not _same(wanted, found):
        yield Difference(path, found, wanted)


def _as_list(value: Any, name: str) -> Sequence[Any] | None:
    """A list, put in order where the order means nothing; None for what is no list."""
    if not isinstance(value, list | tuple):
        return None
    return sorted(value, key=str) if name in _UNORDERED else value


def _same(wanted: Any, found: Any) -> bool:
    """Whether two values mean the same to Elasticsearch: 2, 2.0 and "2"; true and "true"."""
    wanted, found = _single(wanted), _single(found)
    if isinstance(wanted, list | tuple) and isinstance(found, list | tuple):
        return len(wanted) == len(found) and all(map(_same, wanted, found))
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return not any(_differences(wanted, found, level=_OUTER_LEVELS))
    if wanted is None or found is None:
        return wanted is found
    if isinstance(wanted, Mapping | list | tuple) or isinstance(found, Mapping | list | tuple):
        return False
    if _is_number(wanted) or _is_number(found):
        one, other = _number(wanted), _number(found)
        if one is not None and other is not None:
            return one == other
    return _text(wanted) == _text(found)


def _single(value: Any) -> Any:
    """The one item of a list of one: Elasticsearch takes and gives either."""
    while isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        if isinstance(item, Mapping):
            yield from _leaves(item, here)
        else:
            yield here, item


def _short(value: Any) -> str:
    """A value in one line; of a long one its beginning."""
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
