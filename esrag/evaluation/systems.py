"""Which systems are compared: a TOML file, or the built-in ones; and the settings of each.

    [systems.NAME]
    kind = "rag"            # or extractive, closed_book, retrieval
    adapter = "hr"          # a registered adapter, or model = "…"
    runs = ["hr-2026"]      # training runs whose costs are this system's
    note = "…"
    [systems.NAME.settings]
    answer.verify = "off"   # any setting that changes what is replied

A system's settings are those of the command with its own on top.  Knows no server.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from esrag.errors import UsageError
from esrag.evaluation.records import System, SystemKind
from esrag.settings import Settings, with_overrides

KINDS: tuple[SystemKind, ...] = get_args(SystemKind)
GENERATING: tuple[SystemKind, ...] = ("rag", "closed_book")
SEARCHING: tuple[SystemKind, ...] = ("rag", "extractive", "retrieval")

# the sections whose settings change what a system replies
_SECTIONS = ("generator", "retrieval", "answer", "model", "index", "embedding")
_KEYS = ("kind", "adapter", "model", "runs", "note", "settings")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_MOST_SYSTEMS = 40
# what a model makes of passages, with nothing taken out and nothing put in its place
_AS_WRITTEN = {"answer.verify": "off", "answer.refuse": False, "answer.quote": False}


def built_in_systems(adapters: Sequence[str] = ()) -> tuple[System, ...]:
    """The article's arms: quoting, from memory, from passages; the last two with each adapter.

    ``rag`` is what the model writes with the passages before it, ``rag-shown`` what a user of the
    same model is shown.  Raises UsageError for an adapter that is named twice.
    """
    systems = [
        System("extractive", "extractive", note="The documents' own sentences; no model writes."),
        System("closed-book", "closed_book", note="The base model from memory, no passages."),
        System("rag", "rag", _AS_WRITTEN, note="The base model with passages, as written."),
        System("rag-shown", "rag", note="The same, verified: what a user is shown."),
    ]
    for adapter in adapters:
        asked = {"generator.model": adapter}
        tag = _tag(adapter)
        systems += [
            System(
                f"closed-book-{tag}",
                "closed_book",
                asked,
                note=f"The adapter {adapter} from memory, no passages.",
                adapter=adapter,
            ),
            System(
                f"rag-{tag}",
                "rag",
                {**_AS_WRITTEN, **asked},
                note=f"The adapter {adapter} with passages, as written.",
                adapter=adapter,
            ),
        ]
    names = [system.name for system in systems]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"two systems would have the name {twice[0]}",
            hint="Name each --adapter once, or give the systems names in a --systems file.",
        )
    return tuple(systems)


def read_systems(file: Path) -> tuple[System, ...]:
    """The systems of a TOML file, in its order.

    Raises UsageError naming the line of what cannot be used.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        found = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}", hint=_SEE) from error
    reading = _Reading(file, text)
    for name in found:
        if name != "systems":
            raise reading.wrong(f"unknown name {name!r}; there is only systems", key=name)
    tables = found.get("systems")
    if not isinstance(tables, dict) or not tables:
        raise UsageError(f"{file} has no systems", hint=_SEE)
    if len(tables) > _MOST_SYSTEMS:
        raise UsageError(f"{file} has {len(tables)} systems; {_MOST_SYSTEMS} is the most")
    return tuple(_system(name, table, reading) for name, table in tables.items())


def with_adapters(systems: Sequence[System], adapters: Sequence[str]) -> tuple[System, ...]:
    """The systems of a file, and those of adapters beside them."""
    extra = built_in_systems(adapters)[4:] if adapters else ()
    names = {system.name for system in systems}
    for system in extra:
        if system.name in names:
            raise UsageError(f"--adapter makes a system {system.name}, which the file has as well")
    return (*systems, *extra)


def settings_of(system: System, settings: Settings) -> Settings:
    """The settings that hold for a system.

    Raises UsageError when one of its own cannot be used.
    """
    own = dict(system.overrides)
    # an evaluation leaves nothing in the log of answers
    forced: dict[str, object] = {"answer.log": False}
    if system.kind in ("rag", "extractive"):
        forced["answer.generate"] = system.kind == "rag"
    try:
        return with_overrides(settings, {**own, **forced})
    except UsageError as error:
        raise UsageError(f"system {system.name}: {error.message}", hint=error.hint) from error


_SEE = "docs/compare.md shows a systems file."


class _Reading:
    """The file as text, to name the line of what is wrong."""

    def __init__(self, file: Path, text: str) -> None:
        self.file = file
        self._lines = text.splitlines()

    def wrong(self, what: str, *, system: str = "", key: str = "") -> UsageError:
        """An error that says where, as well as can be told."""
        line = self._line(system, key)
        place = f", line {line}" if line else ""
        return UsageError(f"{self.file}{place}: {what}", hint=_SEE)

    def _line(self, system: str, key: str) -> int:
        """The line of a key in the tables of a system, else of the system; 0 when not found."""
        inside, header = not system, 0
        last = re.escape(key.rpartition(".")[2])
        for number, line in enumerate(self._lines, start=1):
            stripped = line.strip()
            if stripped.startswith("["):
                names = re.findall(r"[\w.-]+|\"[^\"]*\"", stripped.partition("]")[0])
                path = ".".join(name.strip("\"'") for name in names)
                inside = (
                    not system
                    or path == f"systems.{system}"
                    or (path.startswith(f"systems.{system}."))
                )
                header = header or (number if inside else 0)
                if key and inside and re.search(rf"\b{last}\b", path):
                    return number
            elif key and inside and re.search(rf"(?:^|[.\s{{,\"']){last}[\"']?\s*=", line):
                return number
        return header


def _system(name: str, table: Any, reading: _Reading) -> System:
    if not _NAME.fullmatch(name):
        raise reading.wrong(
            f"{name!r} cannot name a system: small letters, digits, dots, - and _, at most 40",
            system=name,
        )
    if not isinstance(table, dict):
        raise reading.wrong(f"{name} is no table", key=name)
    for key in table:
        if key not in _KEYS:
            raise reading.wrong(
                f"unknown name {key!r} in system {name}; known are {', '.join(_KEYS)}",
                system=name,
                key=key,
            )
    kind = table.get("kind")
    if kind not in KINDS:
        said = "has no kind" if kind is None else f"cannot be of kind {kind!r}"
        raise reading.wrong(
            f"system {name} {said}; there are {', '.join(KINDS)}", system=name, key="kind"
        )
    words = {key: _word(table, key, name, reading) for key in ("adapter", "model", "note")}
    system = System(
        name,
        kind,
        _overrides(table, words, name, reading),
        runs=_runs(table, name, reading),
        note=words["note"],
        adapter=words["adapter"],
    )
    return _checked(system, reading)


def _word(table: Mapping[str, Any], key: str, name: str, reading: _Reading) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise reading.wrong(f"{key} of system {name} has to be a text", system=name, key=key)
    return value


def _runs(table: Mapping[str, Any], name: str, reading: _Reading) -> tuple[str, ...]:
    runs = table.get("runs", [])
    if not isinstance(runs, list) or not all(isinstance(run, str) for run in runs):
        raise reading.wrong(
            f"runs of system {name} has to be a list of names", system=name, key="runs"
        )
    return tuple(runs)


def _overrides(
    table: Mapping[str, Any], words: Mapping[str, str], name: str, reading: _Reading
) -> dict[str, object]:
    """The settings of a table by ``section.name``, with what adapter or model mean."""
    own = table.get("settings", {})
    if not isinstance(own, dict):
        raise reading.wrong(f"settings of system {name} is no table", system=name, key="settings")
    found = dict(_flat(own))
    if words["adapter"] and words["model"]:
        raise reading.wrong(
            f"system {name} names both an adapter and a model", system=name, key="model"
        )
    asked = words["adapter"] or words["model"]
    if asked and "generator.model" in found:
        raise reading.wrong(
            f"system {name} names its model twice", system=name, key="generator.model"
        )
    if asked and table["kind"] not in GENERATING:
        raise reading.wrong(
            f"system {name} is {table['kind']}: no model answers there",
            system=name,
            key="adapter" if words["adapter"] else "model",
        )
    return {**found, **({"generator.model": asked} if asked else {})}


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    """``{"answer": {"verify": …}}`` and ``{"answer.verify": …}`` alike as ``answer.verify``."""
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        path = f"{prefix}{key}"
        found += _flat(value, f"{path}.") if isinstance(value, dict) else [(path, value)]
    return found


def _checked(system: System, reading: _Reading) -> System:
    """The system, when there are such settings and they can be used."""
    for path, value in system.overrides.items():
        section, _, setting = path.partition(".")
        model = Settings.model_fields[section].default if section in _SECTIONS else None
        fields = type(model).model_fields if model is not None else {}
        if setting not in fields:
            raise reading.wrong(
                f"system {system.name}: {path} is no setting that a system can have"
                + (f"; sections are {', '.join(_SECTIONS)}" if model is None else ""),
                system=system.name,
                key=path,
            )
        if "SecretStr" in str(fields[setting].annotation) or isinstance(value, SecretStr):
            raise reading.wrong(
                f"system {system.name}: {path} is a secret and belongs into esrag.toml",
                system=system.name,
                key=path,
            )
        alone = replace(system, overrides={path: value})
        try:
            settings_of(alone, Settings.model_construct())
        except UsageError as error:
            raise reading.wrong(error.message, system=system.name, key=path) from error
    return system


def _tag(adapter: str) -> str:
    """An adapter's name as a part of a system's."""
    tag = re.sub(r"[^a-z0-9._-]+", "-", adapter.casefold()).strip("-")[:24]
    if not tag:
        raise UsageError(f"{adapter!r} cannot name an adapter")
    return tag
