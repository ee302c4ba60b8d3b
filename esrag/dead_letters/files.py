"""The dead letters of a data folder, one file a run: ``<data folder>/dlq/<alias>/<run>.jsonl``.

A run only appends to its own file.  A letter is taken away when a later run has settled its input,
or when it is purged; a file without letters disappears.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from esrag.cluster.dead_letters import letter_id
from esrag.errors import UnavailableError
from esrag.ledger import DeadLetter

_FIELDS = {field.name: field for field in fields(DeadLetter)}
_REQUIRED = ("run_id", "path", "code", "reason")


@dataclass(frozen=True, slots=True)
class Filed:
    """A letter of this data folder.  ``id`` is that of its copy in the index."""

    id: str
    letter: DeadLetter
    file: Path


class LetterFolder:
    """The letter files of one document set."""

    def __init__(self, folder: Path, alias: str) -> None:
        self._folder = folder
        self.alias = alias
        self.unreadable: list[str] = []  # places of lines that are no letters, as found by ``read``

    def read(self) -> Iterator[Filed]:
        """All letters, oldest run first; a line that a crash cut off is noted, not raised."""
        self.unreadable = []
        for file in self._files():
            for number, line in enumerate(_lines(file), start=1):
                letter = _letter(line)
                if letter is None:
                    self.unreadable.append(f"{file}, line {number}")
                else:
                    yield Filed(self.id_of(letter), letter, file)

    def id_of(self, letter: DeadLetter) -> str:
        """The id of a letter, here and in the index."""
        return letter_id(self.alias, letter.run_id, letter.path, letter.place, letter.document_id)

    def file_of(self, run_id: str) -> Path:
        """Where a run writes its letters."""
        return self._folder / f"{run_id}.jsonl"

    def remove(self, goes: Callable[[Filed], bool]) -> list[str]:
        """Take away the letters that ``goes`` names; returns their ids."""
        gone: list[str] = []
        for file in self._files():
            found = {
                filed.id
                for letter in map(_letter, _lines(file))
                if letter is not None and goes(filed := Filed(self.id_of(letter), letter, file))
            }
            if found:
                self._rewrite(file, without=found)
                gone += sorted(found)
        return gone

    def _rewrite(self, file: Path, *, without: set[str]) -> None:
        draft = file.with_suffix(".part")
        kept = 0
        try:
            with draft.open("w", encoding="utf-8") as written:
                for line in _lines(file):
                    letter = _letter(line)
                    if letter is None or self.id_of(letter) not in without:
                        written.write(line)
                        kept += 1
                written.flush()
                os.fsync(written.fileno())
            draft.replace(file)
            if not kept:
                file.unlink()
        except OSError as error:
            raise UnavailableError(
                f"the dead letters {file} cannot be rewritten: {error}"
            ) from error

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.jsonl"))


def as_document(letter: DeadLetter, alias: str) -> dict[str, Any]:
    """The letter as the index keeps it, its input's text beside the reason when there is one."""
    error = {
        "index": alias,
        "message": letter.reason,
        "time": letter.at,
        "id": letter.document_id,
        "code": letter.code,
        "stage": letter.stage,
        "status": letter.status,
        "attempts": letter.attempts,
        "run_id": letter.run_id,
        "path": letter.path,
        "place": letter.place,
        "sha256": letter.sha256,
        "origin": letter.origin,
        "uri": letter.uri,
    }
    body: dict[str, Any] = {
        "error": {name: value for name, value in error.items() if value not in ("", 0)}
    }
    if letter.content:
        body["text"] = letter.content
    return body


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open(encoding="utf-8") as opened:
            yield from opened
    except OSError as error:
        raise UnavailableError(f"the dead letters {file} cannot be read: {error}") from error


def _letter(line: str) -> DeadLetter | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, Mapping) or any(name not in found for name in _REQUIRED):
        return None
    empty: dict[str, Any] = {"place": "", "document_id": "", "sha256": "", "stage": ""}
    return DeadLetter(**empty | {name: found[name] for name in found if name in _FIELDS})
