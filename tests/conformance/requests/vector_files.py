"""Reads the vectors: requests with the answers that the real server gives, as YAML.

A file under ``vectors/<area>/`` holds the vectors of one group of APIs:

    what: one line about the group
    needs: [embedder]              what must be there, see workshop.py; gives $embedder
    vectors:
      - name: unknown-field        unique within the file
        request: PUT /_ml/trained_models/$x      $x is a name that only this vector has
        body: {frobnicate: 1}      or text: (sent as it is), or lines: (newline-delimited JSON)
        as: {cluster: [monitor]}   a user with these privileges; nobody: no login
        status: 400                200 if left out
        error: x_content_parse_exception
        reason: "[1:2] [trained_model_config] unknown field […"
        because: "words"           the reason of one of the causes below it
        answer: {…}                parts that the answer must have
        absent: [a.b]              parts that it must not have
        has: ["words"]             words of an answer that is not JSON
        header: {content-type: …}
        differs: name              the known difference that the stack shows here

``before`` lists requests that must succeed first; ``steps`` makes one vector of several requests.
In expected texts "…" stands for any text; "<int>", "<number>", "<text>", "<bool>", "<list>",
"<object>" for any value of that type.  A list that ends in "…" may go on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

FOLDER = Path(__file__).with_name("vectors")
_EXPECTED = ("status", "error", "reason", "because", "answer", "absent", "has", "header")
_SENT = ("request", "body", "text", "lines", "headers", "as", "media_type")
_STEP = frozenset(_SENT + _EXPECTED)
_VECTOR = _STEP | {"name", "needs", "before", "steps", "differs", "source"}
_KINDS: dict[str, tuple[type, ...]] = {
    "<int>": (int,),
    "<number>": (int, float),
    "<text>": (str,),
    "<bool>": (bool,),
    "<list>": (list,),
    "<object>": (dict,),
}


@dataclass(frozen=True, slots=True)
class Vector:
    """One request, or a few in order, each with what must come back."""

    group: str
    name: str
    needs: tuple[str, ...]
    before: tuple[Mapping[str, Any], ...]
    steps: tuple[Mapping[str, Any], ...]
    differs: str

    @property
    def id(self) -> str:
        """Area, file and name."""
        return f"{self.group}:{self.name}"


def vectors() -> Iterator[Vector]:
    """All of them, in the order of files."""
    for file in sorted(FOLDER.rglob("*.yaml")):
        group = file.relative_to(FOLDER).with_suffix("").as_posix()
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        names = [entry["name"] for entry in content["vectors"]]
        twice = {name for name in names if names.count(name) > 1}
        if twice or set(content) - {"what", "needs", "vectors"}:
            raise ValueError(f"{file}: repeated names {twice} or unknown keys")
        for entry in content["vectors"]:
            yield _vector(group, entry, content.get("needs", []))


def _vector(group: str, entry: Mapping[str, Any], needs: list[str]) -> Vector:
    steps = entry.get("steps") or [{key: entry[key] for key in entry if key in _STEP}]
    before = [{"request": one} if isinstance(one, str) else one for one in entry.get("before", [])]
    strange = set(entry) - _VECTOR
    for step in (*steps, *before):
        strange |= set(step) - _STEP
    if strange:
        raise ValueError(f"{group}:{entry['name']} has the unknown keys {sorted(strange)}")
    return Vector(
        group=group,
        name=entry["name"],
        needs=(*needs, *entry.get("needs", [])),
        before=tuple(before),
        steps=tuple(steps),
        differs=entry.get("differs", ""),
    )


def filled_in(value: Any, names: Mapping[str, str]) -> Any:
    """The value with every $name replaced."""
    if isinstance(value, str):
        return Template(value).safe_substitute(names)
    if isinstance(value, list):
        return [filled_in(one, names) for one in value]
    if isinstance(value, dict):
        return {filled_in(key, names): filled_in(one, names) for key, one in value.items()}
    return value


def complaints(expected: Any, got: Any, place: str = "") -> list[str]:
    """Where ``got`` lacks what is expected; more than expected is fine in objects."""
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return [f"{place}: expected an object, got {got!r:.200}"]
        found = []
        for key, one in expected.items():
            if key not in got:
                found.append(f"{place}.{key} is missing; there are {list(got)}")
            else:
                found += complaints(one, got[key], f"{place}.{key}")
        return found
    if isinstance(expected, list):
        return _list_complaints(expected, got, place)
    return [] if same(expected, got) else [f"{place}: expected {expected!r}, got {got!r:.600}"]


def _list_complaints(expected: list[Any], got: Any, place: str) -> list[str]:
    open_ended = bool(expected) and expected[-1] == "…"
    wanted = expected[:-1] if open_ended else expected
    if not isinstance(got, list):
        return [f"{place}: expected a list, got {got!r:.200}"]
    if len(got) < len(wanted) or (len(got) > len(wanted) and not open_ended):
        return [f"{place}: expected {len(wanted)} items, got {len(got)}: {got!r:.300}"]
    found = []
    for number, one in enumerate(wanted):
        found += complaints(one, got[number], f"{place}[{number}]")
    return found


def same(expected: Any, got: Any) -> bool:
    """Whether a single value is what is expected."""
    if isinstance(expected, str) and expected in _KINDS:
        if isinstance(got, bool):
            return expected == "<bool>"
        return isinstance(got, _KINDS[expected])
    if isinstance(expected, str) and isinstance(got, str):
        parts = (re.escape(part) for part in expected.split("…"))
        return re.fullmatch(".*".join(parts), got, re.DOTALL) is not None
    if isinstance(expected, bool) or isinstance(got, bool) or got is None or expected is None:
        return expected is got
    if isinstance(expected, int | float) and isinstance(got, int | float):
        return math.isclose(expected, got, rel_tol=1e-5, abs_tol=1e-6)
    return bool(expected == got)


def reasons_below(error: Any) -> Iterator[str]:
    """The reasons of all causes below an error, the root causes among them."""
    if isinstance(error, dict):
        for key, value in error.items():
            if key == "reason" and isinstance(value, str):
                yield value
            else:
                yield from reasons_below(value)
    elif isinstance(error, list):
        for one in error:
            yield from reasons_below(one)
