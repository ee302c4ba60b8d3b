"""What a run has met, kept on disk for as long as it lasts, so that memory stays flat.

A private SQLite file without a name: it is never synced, and gone with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from esrag.cluster.stored_documents import HeldDocument

_INSIDE = "#!/"  # what stands between the name of a file and what was found in it


class Seen:
    """Names of documents and of files, and where each was met first."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(
            "CREATE TABLE seen (name TEXT PRIMARY KEY, place TEXT NOT NULL, kept INTEGER NOT NULL)"
            " WITHOUT ROWID"
        )
        self._database.execute("CREATE TABLE outdated (id TEXT PRIMARY KEY)")
        self._database.execute("CREATE TABLE vanished (id TEXT, origin TEXT, chunks INTEGER)")
        self._database.execute("BEGIN")

    def claim(self, document_id: str, place: str) -> str:
        """Say that this document was met at ``place``; where it had been met before, or ""."""
        done = self._database.execute(
            "INSERT INTO seen VALUES (?, ?, 0)"
            " ON CONFLICT DO UPDATE SET place = excluded.place WHERE place = ''",
            (document_id, place),
        )
        if done.rowcount:
            return ""
        row = self._database.execute(
            "SELECT place FROM seen WHERE name = ?", (document_id,)
        ).fetchone()
        return str(row[0])

    def keep(self, name: str) -> None:
        """An input was listed and rejected: neither it nor what is in it has disappeared."""
        self._database.execute(
            "INSERT INTO seen VALUES (?, '', 1) ON CONFLICT DO UPDATE SET kept = 1", (name,)
        )

    def has_met(self, document_id: str) -> bool:
        """Whether the document was met, or a file was rejected that may hold it."""
        files = [document_id[:at] for at, each in enumerate(document_id) if each in _INSIDE]
        marks = ", ".join("?" * len(files))
        row = self._database.execute(
            f"SELECT 1 FROM seen WHERE name = ? OR (kept = 1 AND name IN ({marks}))",  # noqa: S608 - marks only
            (document_id, *files),
        ).fetchone()
        return row is not None

    def note_outdated(self, document_id: str) -> None:
        """The index holds an older version of what was rejected."""
        self._database.execute("INSERT OR IGNORE INTO outdated VALUES (?)", (document_id,))

    def outdated(self, *, at_once: int) -> Iterator[list[str]]:
        """Those that no other input of this run has replaced, in batches."""
        rows = self._database.execute(
            "SELECT id FROM outdated WHERE id NOT IN (SELECT name FROM seen WHERE place != '')"
        )
        while batch := [str(row[0]) for row in rows.fetchmany(at_once)]:
            yield batch

    def note_vanished(self, documents: Iterable[HeldDocument]) -> None:
        """Documents that the index holds and this run did not meet."""
        self._database.executemany(
            "INSERT INTO vanished VALUES (?, ?, ?)", ((d.id, d.origin, d.chunks) for d in documents)
        )

    def vanished(self, origin: str, *, at_once: int) -> Iterator[list[str]]:
        """The ids of those, in batches."""
        rows = self._database.execute("SELECT id FROM vanished WHERE origin = ?", (origin,))
        while batch := [str(row[0]) for row in rows.fetchmany(at_once)]:
            yield batch
