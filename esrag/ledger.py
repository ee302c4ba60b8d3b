"""What became of every input: one SQLite file per target, and a dead-letter file per run.

A line is written before anything is sent and after it is answered, and is on the disk when the
call returns.  So at every end, also after a power cut, ``listed = indexed + unchanged + rejected +
skipped + open`` holds and can be read back.  The ledger records; whether a document is up to date
is decided from the index itself, so that losing the ledger loses no more than the history.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

from esrag.errors import ConflictError, UnavailableError

# listed: not looked at yet; sending: may be in the index, in part; acknowledged: every chunk
# was accepted, not yet verified.  These three are open, the other four are final.
State = Literal["listed", "sending", "acknowledged", "indexed", "unchanged", "rejected", "skipped"]
FINAL: tuple[State, ...] = ("indexed", "unchanged", "rejected", "skipped")

_RUNS_KEPT = 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, started REAL NOT NULL, ended REAL, arguments TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS inputs (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, number INTEGER NOT NULL,
    path TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, sha256 TEXT NOT NULL DEFAULT '',
    document_hash TEXT NOT NULL DEFAULT '', chunks INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '', PRIMARY KEY (run, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, number INTEGER NOT NULL,
    at REAL NOT NULL, state TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS changes_of_run ON changes (run);
PRAGMA user_version = 1;
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many inputs ended how; ``listed`` is counted on its own, not added up."""

    listed: int = 0
    indexed: int = 0
    unchanged: int = 0
    rejected: int = 0
    skipped: int = 0
    open: int = 0

    def __str__(self) -> str:
        parts = (f"{getattr(self, name)} {name}" for name in (*FINAL, "open"))
        return f"{self.listed} listed = {' + '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Change:
    """A new state of one input; fields left empty stay as they were."""

    number: int
    state: State
    sha256: str = ""
    document_hash: str = ""
    chunks: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected input, as the dead-letter file has it."""

    run_id: str
    path: str
    place: str
    document_id: str
    sha256: str
    stage: str
    code: str
    reason: str
    status: int = 0
    attempts: int = 0
    at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


class Ledger:
    """The ledger of one target, locked for this process while it is open."""

    def __init__(self, path: Path) -> None:
        with _writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path.with_suffix(".lock"))
            self._database = sqlite3.connect(path, isolation_level=None)
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                self._database.execute("PRAGMA foreign_keys = ON")
                self._database.executescript(_SCHEMA)
            except sqlite3.DatabaseError:
                self.close()
                raise
        self.path = path

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file and the lock."""
        self._database.close()
        self._lock.close()

    def begin(self, run_id: str, arguments: Sequence[str]) -> None:
        """Open a run; the oldest ones are forgotten."""
        with self._transaction():
            self._database.execute(
                "INSERT INTO runs (id, started, arguments) VALUES (?, ?, ?)",
                (run_id, time.time(), json.dumps(list(arguments))),
            )
            self._database.execute(
                "DELETE FROM runs WHERE id NOT IN"
                " (SELECT id FROM runs ORDER BY started DESC, rowid DESC LIMIT ?)",
                (_RUNS_KEPT,),
            )

    def end(self, run_id: str) -> None:
        """Note that the run came to its own end."""
        with self._transaction():
            self._database.execute("UPDATE runs SET ended = ? WHERE id = ?", (time.time(), run_id))

    def listed(self, run_id: str, inputs: Iterable[tuple[int, str, str]]) -> None:
        """Add inputs: number, path, name."""
        with self._transaction():
            for number, path, name in inputs:
                self._database.execute(
                    "INSERT INTO inputs (run, number, path, name, state) VALUES (?, ?, ?, ?, ?)",
                    (run_id, number, path, name, "listed"),
                )
                self._note(run_id, number, "listed")

    def opened(self, run_id: str, number: int, records: Iterable[tuple[int, str, str]]) -> None:
        """Replace a record file by the records that were found in it."""
        with self._transaction():
            self._database.execute(
                "DELETE FROM inputs WHERE run = ? AND number = ?", (run_id, number)
            )
            for record, path, name in records:
                self._database.execute(
                    "INSERT INTO inputs (run, number, path, name, state) VALUES (?, ?, ?, ?, ?)",
                    (run_id, record, path, name, "listed"),
                )
                self._note(run_id, record, "listed")

    def record(self, run_id: str, changes: Iterable[Change]) -> None:
        """Write new states; all of them are on the disk when this returns."""
        with self._transaction():
            for change in changes:
                self._database.execute(
                    "UPDATE inputs SET state = ?, sha256 = coalesce(nullif(?, ''), sha256),"
                    " document_hash = coalesce(nullif(?, ''), document_hash),"
                    " chunks = coalesce(nullif(?, 0), chunks),"
                    " detail = coalesce(nullif(?, ''), detail) WHERE run = ? AND number = ?",
                    (
                        change.state,
                        change.sha256,
                        change.document_hash,
                        change.chunks,
                        change.detail,
                        run_id,
                        change.number,
                    ),
                )
                self._note(run_id, change.number, change.state)

    def counts(self, run_id: str) -> Counts:
        """How the run's inputs stand."""
        return _counts(
            dict(
                self._database.execute(
                    "SELECT state, count(*) FROM inputs WHERE run = ? GROUP BY state", (run_id,)
                ).fetchall()
            )
        )

    def cut_off_run(self) -> tuple[str, Counts] | None:
        """The latest run, when it neither ended by itself nor finished all its inputs."""
        row = self._database.execute(
            "SELECT id, ended FROM runs ORDER BY started DESC, rowid DESC LIMIT 1"
        ).fetchone()
        if row is None or row[1] is not None:
            return None
        counts = self.counts(row[0])
        return (row[0], counts) if counts.open else None

    def _note(self, run_id: str, number: int, state: State) -> None:
        self._database.execute(
            "INSERT INTO changes (run, number, at, state) VALUES (?, ?, ?, ?)",
            (run_id, number, time.time(), state),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _writable(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


class DeadLetterFile:
    """A JSONL file of one run's rejected inputs; it exists only when there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Append; the lines are on the disk when this returns."""
        if not letters:
            return
        with _writable(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                for letter in letters:
                    line = json.dumps(asdict(letter), ensure_ascii=True, separators=(",", ":"))
                    file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())


def _counts(states: Mapping[str, int]) -> Counts:
    return Counts(
        listed=sum(states.values()),
        indexed=states.get("indexed", 0),
        unchanged=states.get("unchanged", 0),
        rejected=states.get("rejected", 0),
        skipped=states.get("skipped", 0),
        open=sum(states.get(s, 0) for s in ("listed", "sending", "acknowledged")),
    )


def _locked(path: Path) -> IO[str]:
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise ConflictError(
            f"another ingest into the same index is running (it holds {path})",
            hint="Wait until it ends, or stop it.",
        ) from error
    return file


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise UnavailableError(
            f"the ledger {path} cannot be used: {error}",
            hint="Nothing is sent that is not written down. Is the disk full? "
            "The ledger may be moved away; the index itself knows what it holds.",
        ) from error
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="Nothing is sent that is not written down. Is the disk full?",
        ) from error
