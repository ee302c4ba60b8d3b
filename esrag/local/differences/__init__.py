"""The known differences between the local stack and the servers that it stands in for.

One TOML file for each area lies beside this module; a difference is an entry of five sentences.
``esrag local coverage`` prints them, ``docs/differences.md`` is made from them, and the
conformance tests refer to them by name.  Nothing here looks at a server: whether a difference is
still there is what those tests say.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from esrag.errors import UsageError

AREAS: dict[str, str] = {
    "core": "The server as a whole",
    "models": "Trained models and deployments",
    "inference": "Inference endpoints",
    "ingest": "Ingest processors and reindexing",
    "search": "Search, retrievers and templates",
    "tgi": "Text Generation Inference",
}
_FIELDS = ("name", "where", "server", "stack", "reason")
_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that the local stack does otherwise, and why that is so."""

    name: str
    area: str
    where: str
    server: str
    stack: str
    reason: str


def known_differences(folder: Path = _FOLDER) -> tuple[Difference, ...]:
    """All of them, by area in the order of ``AREAS``, then in the order of the file."""
    strange = sorted(path.name for path in folder.glob("*.toml") if path.stem not in AREAS)
    if strange:
        raise UsageError(
            f"no area of known differences has the file {strange[0]} in {folder}",
            hint=f"Areas are {', '.join(AREAS)}.",
        )
    found = tuple(one for area in AREAS for one in _of_area(folder / f"{area}.toml", area))
    twice = [name for name, count in Counter(one.name for one in found).items() if count > 1]
    if twice:
        raise UsageError(f"two known differences have the name {twice[0]} in {folder}")
    return found


def _of_area(file: Path, area: str) -> tuple[Difference, ...]:
    if not file.is_file():
        return ()
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error
    entries = content.pop("difference", [])
    if content or not isinstance(entries, list):
        raise UsageError(f"{file} may only hold [[difference]] tables")
    return tuple(_difference(entry, area, f"{file}, entry {n}") for n, entry in enumerate(entries))


def _difference(entry: object, area: str, place: str) -> Difference:
    if not isinstance(entry, dict) or set(entry) != set(_FIELDS):
        raise UsageError(f"{place}: a difference has exactly the fields {', '.join(_FIELDS)}")
    values = {field: _sentence(entry[field], f"{place}, {field}") for field in _FIELDS}
    if not _KEBAB.fullmatch(values["name"]):
        raise UsageError(f"{place}: {values['name']!r} is not in kebab case")
    return Difference(area=area, **values)


def _sentence(value: object, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{place} must be a text that is not empty")
    return " ".join(value.split())
