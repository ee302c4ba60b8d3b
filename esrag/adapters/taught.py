"""Finds what was taught a document: data sets, runs and adapters of the data folder.

    ids of documents ──► DATA_DIR/{datasets,runs,adapters} ──► Taught

What an index forgets, a model does not: whoever removes a document is told where else it is.
Only what lies in the data folder is known; a model that was merged and written elsewhere is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esrag.adapters.registry import named_in
from esrag.errors import EsragError, UsageError
from esrag.examples.folder import EXAMPLES, TEACHER
from esrag.examples.kept_answers import KeptAnswers
from esrag.examples.rows import read_examples
from esrag.examples.teacher import FILE
from esrag.model_files import MANIFEST, read_manifest
from esrag.training.run_folder import DOCUMENTS

Kind = Literal["data set", "run", "adapter"]
_PUBLISHED = ("adapter", "model")


@dataclass(frozen=True, slots=True)
class Taught:
    """Something that holds ``documents`` of those that were asked for.

    ``unreadable`` says why it could not be looked through; it may hold any of them then.
    """

    kind: Kind
    name: str
    documents: int = 0
    unreadable: str = ""


def taught(data_dir: Path, asked: Callable[[str], bool], *, set_name: str = "") -> list[Taught]:
    """All that holds a document that is ``asked`` for, by kind and name.

    ``set_name`` leaves out rows of data sets of other document sets; runs and adapters do not say
    of which set their documents were, so one of the same id counts.
    """
    ways: tuple[tuple[Kind, str, Callable[[Path], Iterable[str]]], ...] = (
        ("data set", "datasets", lambda folder: _of_dataset(folder, set_name)),
        ("run", "runs", _of_run),
        ("adapter", "adapters", _of_manifest),
    )
    found = []
    for kind, place, documents in ways:
        for folder in _folders(data_dir / place):
            try:
                count = len({name for name in documents(folder) if asked(name)})
            except EsragError as error:
                found.append(Taught(kind, folder.name, unreadable=error.message))
                continue
            if count:
                found.append(Taught(kind, folder.name, count))
    return found


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return sorted(each for each in place.iterdir() if each.is_dir() and each.name[0] != ".")


def _of_dataset(folder: Path, set_name: str) -> Iterator[str]:
    if (folder / EXAMPLES).is_file():
        for example in read_examples(folder / EXAMPLES):
            if not set_name or example.source.set == set_name:
                yield from example.source.documents
    for file in sorted((folder / TEACHER).glob(f"*/{FILE}")):
        with KeptAnswers(file) as kept:
            yield from kept.documents()


def _of_run(folder: Path) -> Iterator[str]:
    for name in _PUBLISHED:
        yield from _of_manifest(folder / name)
    file = folder / DOCUMENTS
    if not file.is_file():
        return
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    if not isinstance(listed, list):
        raise UsageError(f"{file} holds no list")
    yield from map(str, listed)


def _of_manifest(folder: Path) -> Iterator[str]:
    if (folder / MANIFEST).is_file():
        yield from named_in(read_manifest(folder).facts, "documents")
