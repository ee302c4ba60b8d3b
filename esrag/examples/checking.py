"""Looks whether a data set still holds: in itself, and beside the index it was made from.

    rows ──► within: ids, splits, near misses   ──► Finding
    rows + index ──► documents that went, changed, or may not be used any more

The index is read once, page by page, and only ids, hashes and readers are kept of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from esrag.examples.card import read_card
from esrag.examples.duplicates import question_key
from esrag.examples.folder import CARD, sha256_of
from esrag.examples.passages import Passage, Passages
from esrag.examples.rows import read_examples
from esrag.types import Example

GONE = "its document is gone from the index"
CHANGED = "its document has changed"
NOT_ALLOWED = "its document may not be used"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one row, or with the file when ``row`` is empty."""

    row: str
    what: str
    document: str = ""


def findings_in_file(file: Path) -> Iterator[Finding]:
    """What is wrong with the rows themselves; raises UsageError for a line that is no example.

    The file is read twice, and what is remembered of a row is its id and its question's content.
    """
    yield from _card(file)
    with sqlite3.connect("") as seen:  # a temporary file, so that memory does not grow
        seen.execute("CREATE TABLE ids (id TEXT PRIMARY KEY) WITHOUT ROWID")
        seen.execute("CREATE TABLE used (what TEXT, split TEXT, PRIMARY KEY (what, split))")
        for example in read_examples(file):
            if not seen.execute("INSERT OR IGNORE INTO ids VALUES (?)", (example.id,)).rowcount:
                yield Finding(example.id, "its id is used twice")
            if example.messages[-1].content != example.answer:
                yield Finding(example.id, "its answer is not what the assistant says")
            if example.split != "recall":
                seen.executemany(
                    "INSERT OR IGNORE INTO used VALUES (?, ?)",
                    ((what, example.split) for what in _used(example)),
                )
        for example in read_examples(file):
            if example.split == "recall":
                continue
            for what in _used(example):
                (splits,) = seen.execute(
                    "SELECT count(*) FROM used WHERE what = ?", (what,)
                ).fetchone()
                if splits > 1:
                    sort, _, name = what.partition("\0")
                    document = name if sort == "document" else ""
                    yield Finding(example.id, f"its {sort} stands in several splits", document)


def findings_beside(
    file: Path,
    passages: Iterable[Passage],
    forbidden: Callable[[str], bool],
) -> Iterator[Finding]:
    """Rows whose documents are not in the index as they were.

    ``passages`` are those that may be used; ``forbidden`` says of a chunk that is not among them
    whether it is there and may not be used.
    """
    with sqlite3.connect("") as table:
        held = Passages(table, passages)
        for example in read_examples(file):
            yield from _beside(example, held, forbidden)


def _beside(
    example: Example, held: Passages, forbidden: Callable[[str], bool]
) -> Iterator[Finding]:
    hashes = dict(zip(example.source.documents, example.source.hashes, strict=True))
    chunks = [(each, held.get(each)) for each in example.source.chunks]
    for chunk_id, passage in chunks:
        if passage is None:
            what = NOT_ALLOWED if forbidden(chunk_id) else GONE
            yield Finding(example.id, what, ", ".join(example.source.documents))
            return
    for _, passage in chunks:
        if passage and hashes.get(passage.document_id) != passage.document_hash:
            yield Finding(example.id, CHANGED, passage.document_id)
            return


def _used(example: Example) -> Sequence[str]:
    documents = (f"document\0{name}" for name in example.source.documents)
    return (*documents, f"question\0{question_key(example.question)}")


def _card(file: Path) -> Iterator[Finding]:
    if not (file.parent / CARD).exists():
        return
    card: Mapping[str, object] = read_card(file.parent, whole=False)
    if card.get("file") == file.name and card["sha256"] != sha256_of(file):
        yield Finding("", "the file is not the one that its card describes")
