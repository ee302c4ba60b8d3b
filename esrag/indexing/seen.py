"""What a run has met, kept on disk for as long as it lasts, so that memory stays flat.

A private SQLite file without a name: it is never synced, and gone with the process.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from esrag.cluster.stored_documents import HeldDocument
from esrag.errors import UnavailableError
from esrag.ledger import storable

_INSIDE = "#!/"  # what stands between the name of a file and what was found in it


class Seen:
    """Names of documents and of files, and where each was met first."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._do("PRAGMA journal_mode = OFF")
        self._do(
            "CREATE TABLE seen (name TEXT PRIMARY KEY, place TEXT NOT NULL, kept INTEGER NOT NULL)"
            " WITHOUT ROWID"
        )
        self._do("CREATE TABLE outdated (id TEXT PRIMARY KEY)")
        self._do("CREATE TABLE vanished (id TEXT, origin TEXT, chunks INTEGER)")
        self._do("BEGIN")

    def _do(self, statement: str, values: Sequence[str] = ()) -> sqlite3.Cursor:
        with _writable():
            return self._database.execute(statement, values)

    def _do_many(self, statement: str, rows: Iterable[tuple[str, str, int]]) -> None:
        with _writable():
            self._database.executemany(statement, rows)

    def claim(self, document_id: str, place: str) -> str:
        """Say that this document was met at ``place``; where it had been met before, or ""."""
        done = self._do(
            "INSERT INTO seen VALUES (?, ?, 0)"
            " ON CONFLICT DO UPDATE SET place = excluded.place WHERE place = ''",
            (storable(document_id), storable(place)),
        )
        if done.rowcount:
            return ""
        row = self._do("SELECT place FROM seen WHERE name = ?", (storable(document_id),)).fetchone()
        return str(row[0])

    def keep(self, name: str) -> None:
        """An input was listed and rejected: neither it nor what is in it has disappeared."""
        self._do(
            "INSERT INTO seen VALUES (?, '', 1) ON CONFLICT DO UPDATE SET kept = 1",
            (storable(name),),
        )

    def has_met(self, document_id: str) -> bool:
        """Whether the document was met, or a file was rejected that may hold it."""
        files = [document_id[:at] for at, each in enumerate(document_id) if each in _INSIDE]
        marks = ", ".join("?" * len(files))
        row = self._do(
            f"SELECT 1 FROM seen WHERE name = ? OR (kept = 1 AND name IN ({marks}))",  # noqa: S608 - marks only
            (document_id, *files),
        ).fetchone()
        return row is not None

    def note_outdated(self, document_id: str) -> None:
        """The index holds an older version of what was rejected."""
        self._do("INSERT OR IGNORE INTO outdated VALUES (?)", (document_id,))

    def outdated(self, *, at_once: int) -> Iterator[list[str]]:
        """Those that no other input of this run has replaced, in batches."""
        rows = self._do(
            "SELECT id FROM outdated WHERE id NOT IN (SELECT name FROM seen WHERE place != '')"
        )
        while batch := [str(row[0]) for row in rows.fetchmany(at_once)]:
            yield batch

    def note_vanished(self, documents: Iterable[HeldDocument]) -> None:
        """Documents that the index holds and this run did not meet."""
        self._do_many(
            "INSERT INTO vanished VALUES (?, ?, ?)", ((d.id, d.origin, d.chunks) for d in documents)
        )

    def vanished(self, origin: str, *, at_once: int) -> Iterator[list[str]]:
        """The ids of those, in batches."""
        rows = self._do("SELECT id FROM vanished WHERE origin = ?", (origin,))
        while batch := [str(row[0]) for row in rows.fetchmany(at_once)]:
            yield batch


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise UnavailableError(
            f"what this run has met cannot be noted in {tempfile.gettempdir()}: {error}",
            hint="Is the disk full? TMPDIR names another folder.",
        ) from error
