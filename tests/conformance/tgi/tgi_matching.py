"""Does an answer fit what a vector says of it?  And what a vector means on a given server.

A vector says the least that is true of every TGI: of an object the members that matter, of a
value its exact form or a matcher, an object with one key that begins with ``$``:

    {"$type": "string"}   {"$begins": "…"}   {"$matches": "…"}   {"$length": 3}   {"$absent": true}
    {"$least": 1}   {"$most": 5}   {"$each": …}   {"$last": …}   {"$fits": {JSON schema}}
    {"$joined": …}  the strings of a list, put together

Limits differ from server to server: ``${max_best_of}`` and ``${max_best_of+1}`` stand for what
``/info`` says, as a number where the string is nothing else; ``${long}`` is a prompt of more
tokens than are allowed.
"""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs

_PLACE = re.compile(r"\$\{(\w+)([+-]\d+)?\}")
_TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "list": list}


def filled(value: Any, known: dict[str, Any]) -> Any:
    """The value with its places filled in from what is known of the server."""
    if isinstance(value, dict):
        return {name: filled(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    if whole:
        return _known(whole, known)
    return _PLACE.sub(lambda place: str(_known(place, known)), value)


def _known(place: re.Match[str], known: dict[str, Any]) -> Any:
    value = known[place[1]]
    return value + int(place[2]) if place[2] else value


def misfit(expected: Any, actual: Any, *, where: str = "answer") -> str | None:
    """What does not fit, or None."""
    if isinstance(expected, dict) and len(expected) == 1:
        (name,) = expected
        if name.startswith("$"):
            fits = _matches(name, expected[name], actual, where)
            return None if fits is None else f"{where} {fits}: {_shown(actual)}"
    if isinstance(expected, dict):
        return _members(expected, actual, where)
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return f"{where} should have {len(expected)} items: {_shown(actual)}"
        found = (
            misfit(one, other, where=f"{where}[{place}]")
            for place, (one, other) in enumerate(zip(expected, actual, strict=True))
        )
        return next((problem for problem in found if problem), None)
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return None if same else f"{where} should be {_shown(expected)}: {_shown(actual)}"


def _members(expected: dict[str, Any], actual: Any, where: str) -> str | None:
    if not isinstance(actual, dict):
        return f"{where} should be an object: {_shown(actual)}"
    for name, one in expected.items():
        if one == {"$absent": True}:
            if name in actual:
                return f"{where}.{name} should not be there: {_shown(actual[name])}"
            continue
        if name not in actual:
            return f"{where}.{name} is missing: {_shown(actual)}"
        problem = misfit(one, actual[name], where=f"{where}.{name}")
        if problem:
            return problem
    return None


def _matches(name: str, wanted: Any, actual: Any, where: str) -> str | None:
    """What the actual value should have done, or None where it did."""
    problem: str | None
    match name:
        case "$type":
            ok = isinstance(actual, _TYPES[wanted])
            problem = f"should be of type {wanted}"
        case "$begins":
            ok = isinstance(actual, str) and actual.startswith(wanted)
            problem = f"should begin with {wanted!r}"
        case "$matches":
            ok = isinstance(actual, str) and bool(re.fullmatch(wanted, actual, re.DOTALL))
            problem = f"should match {wanted}"
        case "$length":
            ok = isinstance(actual, str | list) and len(actual) == wanted
            problem = f"should have the length {wanted}"
        case "$least":
            ok = isinstance(actual, int | float) and actual >= wanted
            problem = f"should be at least {wanted}"
        case "$most":
            ok = isinstance(actual, int | float) and actual <= wanted
            problem = f"should be at most {wanted}"
        case "$each":
            found = [misfit(wanted, one, where=where) for one in actual]
            problem = next((one for one in found if one), None)
            ok = problem is None
        case "$last":
            problem = misfit(wanted, actual[-1], where=where)
            ok = problem is None
        case "$joined":
            problem = misfit(wanted, "".join(actual), where=where)
            ok = problem is None
        case "$fits":
            ok = isinstance(actual, str) and _fits(wanted, actual)
            problem = f"should be JSON that fits {_shown(wanted)}"
        case _:
            raise ValueError(f"there is no matcher {name}")
    return None if ok else problem


def _fits(schema: dict[str, Any], text: str) -> bool:
    try:
        return bool(jsonschema_rs.is_valid(schema, json.loads(text)))
    except json.JSONDecodeError:
        return False


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 300 else f"{text[:300]}…"
