"""Sorts the names of one folder, and remembers what was listed: both on disk when there is much.

SQLite's temporary databases live in memory while they are small and in a file without a name
afterwards, so that neither a folder of a million files nor a million arguments need memory.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain, islice

IN_MEMORY = 20_000
_CACHE = "PRAGMA cache_size = -16000"  # KiB


def in_order(
    items: Iterable[tuple[str, str]], *, in_memory: int = IN_MEMORY
) -> Iterator[tuple[str, str]]:
    """The pairs sorted by their first part, which may hold undecodable bytes."""
    rest = iter(items)
    first = list(islice(rest, in_memory))
    if len(first) < in_memory:
        yield from sorted(first)
        return
    table = _temporary("CREATE TABLE item (name BLOB, kind TEXT)")
    try:
        table.executemany(
            "INSERT INTO item VALUES (?, ?)",
            ((os.fsencode(name), kind) for name, kind in chain(first, rest)),
        )
        first.clear()
        for name, kind in table.execute("SELECT name, kind FROM item ORDER BY name"):
            yield os.fsdecode(name), kind
    finally:
        table.close()


class Seen:
    """A set of texts of any number."""

    def __init__(self) -> None:
        self._table = _temporary("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, text: str) -> bool:
        """Put ``text`` in; False when it was in already."""
        digest = hashlib.blake2b(os.fsencode(text), digest_size=16).digest()
        return self._table.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount > 0

    def close(self) -> None:
        """Give the memory or the file back."""
        self._table.close()


def _temporary(table: str) -> sqlite3.Connection:
    # one thread at a time uses it, though not always the one that made it
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    connection.execute(_CACHE)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute(table)
    connection.execute("BEGIN")
    return connection
