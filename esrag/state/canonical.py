"""Compares a body with what the server made of it.  Pure.

Elasticsearch gives bodies back in its own spelling: settings nested or dotted, numbers as text,
dates of creation added, defaults left out.  Both sides are brought into one spelling and the
differences are listed as paths, so that a plan can say what changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from esrag.templating import unsealed

_ADDED_BY_SERVER = re.compile(r"^(created|modified)_date(_millis)?$")
_EMPTY: tuple[Any, ...] = (None, [], {})
_SECRET = re.compile(r"(api_key|password|passphrase|secret|token)$", re.IGNORECASE)
_SHOWN_CHARACTERS = 60

# parameters of a field that PUT _mapping changes in place
_CHANGEABLE = ("meta", "ignore_above", "ignore_malformed", "coerce")


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
    return _differences(_canonical_body(wanted), _canonical_body(found))


def setting_differences(
    wanted: Mapping[str, Any], found: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """Settings that an index lacks or has otherwise; what it has besides is its own."""
    has = flat_settings(found)
    return tuple(
        Difference(name, has.get(name), value)
        for name, value in sorted(flat_settings(wanted).items())
        if has.get(name) != value
    )


def field_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> FieldDifferences:
    """How the mapping of an index differs from the wanted one, with dotted paths.

    A parameter that the server leaves out of its answer has its default value and is taken as
    agreed; one that it states must be equal.
    """
    missing: list[Difference] = []
    changeable: list[Difference] = []
    fixed: list[Difference] = []

    def compare(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str) -> None:
        for group in ("properties", "fields"):
            has = found.get(group) or {}
            for name, field in (wanted.get(group) or {}).items():
                here = f"{path}{name}"
                if name not in has:
                    missing.append(Difference(here, None, field.get("type", "object")))
                    continue
                for difference in _parameter_differences(field, has[name], here):
                    parameter = difference.path.removeprefix(f"{here}.").partition(".")[0]
                    (changeable if parameter in _CHANGEABLE else fixed).append(difference)
                compare(field, has[name], f"{here}.")

    compare(wanted, found, "")
    if "dynamic" in wanted and _text(found.get("dynamic", "true")) != _text(wanted["dynamic"]):
        changeable.append(Difference("dynamic", found.get("dynamic", "true"), wanted["dynamic"]))
    return FieldDifferences(tuple(missing), tuple(changeable), tuple(fixed))


def flat_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Index settings by dotted name, each beginning with ``index.``, values as text."""
    flat: dict[str, str] = {}
    for path, value in _leaves(settings):
        name = path if path.startswith("index.") else f"index.{path}"
        flat[name] = _text(value)
    return flat


def _parameter_differences(
    wanted: Mapping[str, Any], found: Mapping[str, Any], path: str
) -> Iterator[Difference]:
    # The server leaves "type" out for objects only, and a field that we give is none.
    if wanted.get("type") != found.get("type"):
        yield Difference(f"{path}.type", found.get("type"), wanted.get("type"))
        return
    for name, value in wanted.items():
        if name in ("properties", "fields", "type") or (name not in found and name != "meta"):
            continue
        yield from _differences(_canonical(value), _canonical(found.get(name)), f"{path}.{name}")


def _canonical_body(body: Mapping[str, Any]) -> dict[str, Any]:
    plain = {
        name: value for name, value in unsealed(body).items() if not _ADDED_BY_SERVER.match(name)
    }
    template = plain.get("template")
    if isinstance(template, dict) and isinstance(template.get("settings"), dict):
        plain["template"] = {**template, "settings": flat_settings(template["settings"])}
    canonical: dict[str, Any] = _canonical(plain)
    return canonical


def _canonical(value: Any) -> Any:
    """Scalars as text, and nothing where there is an empty object or list."""
    if isinstance(value, Mapping):
        items = {key: _canonical(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in _EMPTY}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "\n".join(_text(item) for item in value)
    return str(value)


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        if isinstance(item, Mapping):
            yield from _leaves(item, here)
        else:
            yield here, item


def _differences(wanted: Any, found: Any, path: str = "") -> tuple[Difference, ...]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        names = sorted({*wanted, *found})
        inner = [
            _differences(wanted.get(name), found.get(name), f"{path}.{name}" if path else name)
            for name in names
        ]
        return tuple(difference for group in inner for difference in group)
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return tuple(
            d for i, (one, other) in pairs for d in _differences(one, other, f"{path}[{i}]")
        )
    return () if wanted == found else (Difference(path, found, wanted),)


def _short(value: Any) -> str:
    """A value in one line; of a long one its beginning."""
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
