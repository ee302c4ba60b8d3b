"""Frozen records to plain JSON values and back, by their types; strict in both directions.

What has a default may be missing, so that a field can be added without breaking older files; what
is not known is refused.  No number is infinite or NaN.  Knows no file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


class NotPlainError(ValueError):
    """A value that is not what the record says; the text begins with where it stands."""


def as_plain(value: Any) -> Any:
    """A record, or what it is made of, as lists, objects, texts and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): as_plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [as_plain(each) for each in value]
    if isinstance(value, str):
        # a lone half of a pair of surrogates cannot be written as UTF-8
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        raise NotPlainError(f"{value} is no number that can be kept")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise NotPlainError(f"a {type(value).__name__} cannot be kept")


def from_plain(kind: type[Record], value: Any) -> Record:
    """The record of this kind; raises NotPlainError for what does not fit it."""
    return _read(kind, value, "")  # type: ignore[no-any-return]


def parsed(text: str) -> Any:
    """JSON without NaN and infinity; raises NotPlainError."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotPlainError(f"no JSON: {error}") from error


def written(value: Any) -> str:
    """A record in one line of JSON."""
    return json.dumps(as_plain(value), ensure_ascii=False, allow_nan=False)


def _refuse(constant: str) -> Any:
    raise NotPlainError(f"{constant} is no number")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, value: Any, where: str) -> Any:
    """``value`` as the type ``kind`` says; ``where`` is the path to it."""
    if is_dataclass(kind):
        return _record(kind, value, where)
    origin = get_origin(kind)
    if origin is Literal:
        return _one_of(get_args(kind), value, where)
    if origin in (Union, UnionType):
        return _any_of(get_args(kind), value, where)
    if origin is tuple:
        return _sequence(get_args(kind), value, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        inner = get_args(kind)[1]
        return {name: _read(inner, each, f"{where}.{name}") for name, each in value.items()}
    return _simple(kind, value, where)


def _simple(kind: Any, value: Any, where: str) -> Any:
    if kind is object or kind is Any:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is type(None):
        if value is None:
            return None
    elif type(value) is kind:
        return value
    raise _wrong(where, _NAMES.get(kind, str(kind)), value)


_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    known: dict[str, Field[Any]] = {each.name: each for each in fields(kind)}
    for name in value:
        if name not in known:
            raise NotPlainError(f"{where or kind.__name__}: unknown name {name!r}")
    for name, each in known.items():
        missing = each.default is MISSING and each.default_factory is MISSING
        if missing and name not in value:
            raise NotPlainError(f"{where or kind.__name__}: lacks {name}")
    hints = _hints(kind)
    return kind(**{n: _read(hints[n], each, f"{where}.{n}") for n, each in value.items()})


def _one_of(allowed: tuple[Any, ...], value: Any, where: str) -> Any:
    if value in allowed:
        return value
    raise _wrong(where, f"one of {', '.join(map(str, allowed))}", value)


def _any_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others[:-1]:
        try:
            return _read(kind, value, where)
        except NotPlainError:
            continue
    return _read(others[-1], value, where)


def _sequence(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(where, "a list", value)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_read(inner[0], each, f"{where}[{n}]") for n, each in enumerate(value))
    if len(inner) != len(value):
        raise _wrong(where, f"a list of {len(inner)}", value)
    pairs = zip(inner, value, strict=True)
    return tuple(_read(kind, each, f"{where}[{n}]") for n, (kind, each) in enumerate(pairs))


def _wrong(where: str, wanted: str, value: Any) -> NotPlainError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
    return NotPlainError(f"{where.lstrip('.') or 'here'}: {wanted} is wanted, not {shown}")
