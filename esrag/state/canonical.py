"""Compares a body with what the server made of it.  Pure.

Elasticsearch gives bodies back in its own spelling: settings nested or dotted, numbers as text,
dates of creation added, defaults left out.  Both sides are brought into one spelling and the
differences are listed as paths, so that a plan can say what changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from esrag.templating import unsealed

_ADDED_BY_SERVER = re.compile(r"^(created|modified)_date(_millis)?$")
_EMPTY: tuple[Any, ...] = (None, [], {})


def body_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    """Paths in which two whole bodies differ, whoever manages them."""
    return _differences(_canonical_body(wanted), _canonical_body(found))


def setting_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of settings that an index lacks or has otherwise; what it has besides is its own."""
    has = flat_settings(found)
    return tuple(
        name for name, value in sorted(flat_settings(wanted).items()) if has.get(name) != value
    )


def field_differences(
    wanted: Mapping[str, Any], found: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fields an index lacks, and fields it has otherwise, as dotted paths.

    A parameter that the server leaves out of its answer has its default value and is taken as
    agreed; one that it states must be equal.
    """
    missing: list[str] = []
    changed: list[str] = []
    for group in ("properties", "fields"):
        has = found.get(group) or {}
        for name, field in (wanted.get(group) or {}).items():
            if name not in has:
                missing.append(name)
                continue
            if _parameters_differ(field, has[name]):
                changed.append(name)
            inner_missing, inner_changed = field_differences(field, has[name])
            missing += [f"{name}.{inner}" for inner in inner_missing]
            changed += [f"{name}.{inner}" for inner in inner_changed]
    return tuple(missing), tuple(changed)


def flat_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Index settings by dotted name, each beginning with ``index.``, values as text."""
    flat: dict[str, str] = {}
    for path, value in _leaves(settings):
        name = path if path.startswith("index.") else f"index.{path}"
        flat[name] = _text(value)
    return flat


def _parameters_differ(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    # The server leaves "type" out for objects only, and a field that we give is none.
    if wanted.get("type") != found.get("type"):
        return True
    return any(
        name in found and _canonical(found[name]) != _canonical(value)
        for name, value in wanted.items()
        if name not in ("properties", "fields")
    )


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


def _differences(wanted: Any, found: Any, path: str = "") -> tuple[str, ...]:
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
    return () if wanted == found else (path,)
