"""Reads bytes as if they were a file; for the tests of formats and archives."""

from __future__ import annotations

from pathlib import Path

from esrag.corpus.options import ReadingOptions
from esrag.corpus.reading import Outcome, read
from esrag.corpus.records import Listed, Parsed
from esrag.types import Document


def outcomes_of(
    folder: Path, raw: bytes, name: str, options: ReadingOptions | None = None
) -> list[Outcome]:
    """What a file with these bytes becomes."""
    path = folder / name
    path.write_bytes(raw)
    return list(read(Listed(path, name), options))


def one_document(folder: Path, raw: bytes, name: str) -> Document:
    """The only document of such a file."""
    (outcome,) = outcomes_of(folder, raw, name)
    assert isinstance(outcome, Parsed), outcome
    return outcome.document


def shown(document: Document) -> list[tuple[str, int, str]]:
    """Kind, level and text of each block."""
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]
