"""What became of every input, and what the index should hold: one SQLite file per target.

A line is on the disk before anything of it is sent: writes gather in one transaction, and whoever
sends calls ``commit`` first.  So at every end, also after a power cut, ``listed = indexed +
unchanged + rejected + skipped + open`` holds and can be read back.  The ledger records; whether a
document is up to date is decided from the index itself, so that losing the ledger loses no more
than the history.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from esrag import ledger_schema
from esrag.errors import ConflictError, UnavailableError

# listed: not looked at yet; sending: may be in the index, in part; acknowledged: every chunk
# was accepted, not yet verified.  These three are open, the other four are final.
State = Literal["listed", "sending", "acknowledged", "indexed", "unchanged", "rejected", "skipped"]
FINAL: tuple[State, ...] = ("indexed", "unchanged", "rejected", "skipped")

_RUNS_KEPT = 20
_RUNS_IN_FULL = 3  # older ones keep their counts only
_CHECKPOINT_PAGES = 4000  # of 4 KiB; seldom enough that a long run does not wait for the disk
_INSERT = (
    "INSERT INTO inputs (run, number, path, place, name, state) VALUES (?, ?, ?, ?, ?, 'listed')"
)
_UPDATE = (
    "UPDATE inputs SET state = ?, sha256 = coalesce(nullif(?, ''), sha256),"
    " document_hash = coalesce(nullif(?, ''), document_hash),"
    " chunks = coalesce(nullif(?, 0), chunks), code = coalesce(nullif(?, ''), code),"
    " detail = coalesce(nullif(?, ''), detail) WHERE run = ? AND number = ?"
)
_DOCUMENTS = "SELECT id, origin, hash, chunks, path, sha256, run, removing FROM documents"


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
class Input:
    """A line of the book: a file, or one record of it, at ``place``."""

    number: int
    path: str
    name: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A new state of one input; fields left empty stay as they were."""

    number: int
    state: State
    sha256: str = ""
    document_hash: str = ""
    chunks: int = 0
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """A document that the index should hold; ``removing``: it was on its way out."""

    id: str
    origin: str
    hash: str
    chunks: int
    path: str
    sha256: str
    run: str
    removing: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected input, as the dead-letter file has it.

    ``name``, ``origin`` and ``uri`` are those of the file it came from; ``content`` is its text,
    kept only when that is asked for.
    """

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
    name: str = ""
    origin: str = ""
    uri: str = ""
    at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    content: str = ""

    def as_json(self) -> dict[str, Any]:
        """For a line of the file, or a report; without ``content`` when there is none."""
        fields = asdict(self)
        if not self.content:
            del fields["content"]
        return fields


class Ledger:
    """The ledger of one target, locked for this process while it is open; one thread uses it."""

    def __init__(self, path: Path) -> None:
        with _writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock: IO[str] | None = _locked(path.with_suffix(".lock"))
            self._database = sqlite3.connect(path, isolation_level=None)
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                self._database.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
                ledger_schema.prepare(self._database)
            except BaseException:
                self.close()
                raise
        self.path = path
        self._known_run = ("", -1)

    @classmethod
    def reading(cls, path: Path) -> Ledger:
        """The ledger as it is on the disk, without the lock: for looking while others write."""
        ledger = cls.__new__(cls)
        ledger.path = path
        ledger._known_run = ("", -1)
        ledger._lock = None
        with _writable(path):
            ledger._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
            try:
                (version,) = ledger._database.execute("PRAGMA user_version").fetchone()
            except sqlite3.DatabaseError:
                ledger._database.close()
                raise
        if version != ledger_schema.VERSION:
            ledger._database.close()
            raise ConflictError(
                f"the ledger {path} is that of another version of esrag",
                hint="The next esrag ingest into this index brings it up to date.",
            )
        return ledger

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
        """Write what is still waiting; release the file and the lock."""
        try:
            if self._database.in_transaction:
                self.commit()
        finally:
            self._database.close()
            if self._lock is not None:
                self._lock.close()

    # -- runs -------------------------------------------------------------------------------------

    def begin(self, run_id: str, arguments: Sequence[str]) -> None:
        """Open a run.  Old runs are thinned to their counts, the oldest ones forgotten."""
        with self._writing():
            self._thin()
            self._known_run = ("", -1)
            self._database.execute(
                "INSERT INTO runs (id, started, arguments) VALUES (?, ?, ?)",
                (run_id, time.time(), json.dumps(list(arguments))),
            )
        self.commit()

    def _thin(self) -> None:
        self._database.execute(
            "DELETE FROM runs WHERE number NOT IN"
            " (SELECT number FROM runs ORDER BY number DESC LIMIT ?)",
            (_RUNS_KEPT - 1,),
        )
        old = self._database.execute(
            "SELECT number, id FROM runs WHERE counts = '' ORDER BY number DESC LIMIT -1 OFFSET ?",
            (_RUNS_IN_FULL - 1,),
        ).fetchall()
        for number, run_id in old:
            counts = json.dumps(asdict(self.counts(run_id)))
            self._database.execute("UPDATE runs SET counts = ? WHERE number = ?", (counts, number))
            self._database.execute("DELETE FROM inputs WHERE run = ?", (number,))

    def end(self, run_id: str) -> None:
        """Note that the run came to its own end."""
        with self._writing():
            self._database.execute("UPDATE runs SET ended = ? WHERE id = ?", (time.time(), run_id))
        self.commit()

    def seconds(self, run_ids: Iterable[str]) -> dict[str, float]:
        """How long these runs took on the clock; those that did not end, or are gone, are not."""
        rows = self._database.execute("SELECT id, ended - started FROM runs WHERE ended NOT NULL")
        took = {str(run_id): max(0.0, float(seconds)) for run_id, seconds in rows}
        return {run_id: took[run_id] for run_id in run_ids if run_id in took}

    def cut_off_run(self) -> tuple[str, Counts] | None:
        """The latest run, when it neither ended by itself nor finished all its inputs."""
        row = self._database.execute(
            "SELECT id, ended FROM runs ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if row is None or row[1] is not None:
            return None
        counts = self.counts(row[0])
        return (row[0], counts) if counts.open else None

    # -- inputs -----------------------------------------------------------------------------------

    def listed(self, run_id: str, inputs: Iterable[Input]) -> None:
        """Add inputs, or records that were found in one."""
        with self._writing():
            run = self._number(run_id)
            self._database.executemany(
                _INSERT,
                (
                    (
                        run,
                        each.number,
                        storable(each.path),
                        storable(each.place),
                        storable(each.name),
                    )
                    for each in inputs
                ),
            )

    def opened(self, run_id: str, number: int) -> None:
        """Take out the line of a file whose records have all become lines of their own."""
        with self._writing():
            self._database.execute(
                "DELETE FROM inputs WHERE run = ? AND number = ?", (self._number(run_id), number)
            )

    def record(self, run_id: str, changes: Iterable[Change]) -> None:
        """Note new states; they are on the disk after the next ``commit``."""
        with self._writing():
            run = self._number(run_id)
            self._database.executemany(
                _UPDATE,
                (
                    (
                        change.state,
                        change.sha256,
                        change.document_hash,
                        change.chunks,
                        change.code,
                        storable(change.detail),
                        run,
                        change.number,
                    )
                    for change in changes
                ),
            )

    def counts(self, run_id: str) -> Counts:
        """How the run's inputs stand."""
        row = self._database.execute("SELECT counts FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is not None and row[0]:
            return Counts(**json.loads(row[0]))
        return _counts(self._grouped("state", run_id))

    def rejected_by_code(self, run_id: str) -> dict[str, int]:
        """How many inputs were rejected for which reason code."""
        return self._grouped("code", run_id, state="rejected")

    def skipped_by_rule(self, run_id: str) -> dict[str, int]:
        """How many inputs which rule excluded."""
        return self._grouped("detail", run_id, state="skipped")

    def _grouped(self, column: str, run_id: str, *, state: str = "") -> dict[str, int]:
        only = "" if not state else " AND state = ?"
        parameters = (run_id, state) if state else (run_id,)
        return dict(
            self._database.execute(
                f"SELECT {column}, count(*) FROM inputs"  # noqa: S608 - our own column names
                f" WHERE run = (SELECT number FROM runs WHERE id = ?){only}"
                f" GROUP BY {column} ORDER BY {column}",
                parameters,
            ).fetchall()
        )

    def _number(self, run_id: str) -> int:
        if run_id != self._known_run[0]:
            query = "SELECT number FROM runs WHERE id = ?"
            row = self._database.execute(query, (run_id,)).fetchone()
            self._known_run = (run_id, int(row[0]) if row else -1)
        return self._known_run[1]

    # -- what the index should hold ---------------------------------------------------------------

    def hold(self, documents: Iterable[KnownDocument]) -> None:
        """The index holds these now."""
        with self._writing():
            self._database.executemany(
                "INSERT OR REPLACE INTO documents"
                " (id, origin, hash, chunks, path, sha256, run) VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((d.id, d.origin, d.hash, d.chunks, d.path, d.sha256, d.run) for d in documents),
            )

    def removing(self, document_ids: Iterable[str]) -> None:
        """These are about to be removed; on the disk when this returns."""
        with self._writing():
            self._database.executemany(
                "UPDATE documents SET removing = 1 WHERE id = ?", ((each,) for each in document_ids)
            )
        self.commit()

    def document(self, document_id: str) -> KnownDocument | None:
        """One document that the index should hold, if it should."""
        row = self._database.execute(_DOCUMENTS + " WHERE id = ?", (document_id,)).fetchone()
        return _document(row) if row else None

    def being_removed(self) -> list[str]:
        """Documents whose removal was not finished; some of their chunks may be left."""
        rows = self._database.execute("SELECT id FROM documents WHERE removing = 1 ORDER BY id")
        return [str(row[0]) for row in rows]

    def drop(self, document_ids: Iterable[str]) -> None:
        """The index does not hold these any more."""
        with self._writing():
            self._database.executemany(
                "DELETE FROM documents WHERE id = ?", ((each,) for each in document_ids)
            )

    def documents(self, *, after: str = "", origin: str | None = None) -> Iterator[KnownDocument]:
        """What the index should hold, by id in the order of code points, behind ``after``."""
        page = 1000
        while True:
            rows = self._database.execute(
                _DOCUMENTS + " WHERE id > ? AND (? IS NULL OR origin = ?) ORDER BY id LIMIT ?",
                (after, origin, origin, page),
            ).fetchall()
            yield from map(_document, rows)
            if len(rows) < page:
                return
            after = rows[-1][0]

    def origins(self) -> dict[str, int]:
        """The origins of what the index should hold, and how many documents each has."""
        return dict(
            self._database.execute(
                "SELECT origin, count(*) FROM documents GROUP BY origin ORDER BY origin"
            ).fetchall()
        )

    # -- writing ----------------------------------------------------------------------------------

    def commit(self) -> None:
        """All that was noted is on the disk when this returns."""
        if self._database.in_transaction:
            with _writable(self.path):
                try:
                    self._database.execute("COMMIT")
                except BaseException:
                    self._abandon()
                    raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _writable(self.path):
            if not self._database.in_transaction:
                self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except sqlite3.DatabaseError:
                self._abandon()
                raise

    def _abandon(self) -> None:
        """Nothing half-written stays; what was not on the disk counts as not done."""
        with suppress(sqlite3.DatabaseError):
            self._database.execute("ROLLBACK")


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
                    line = json.dumps(letter.as_json(), ensure_ascii=True, separators=(",", ":"))
                    file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())


def storable(text: str) -> str:
    """``text`` as UTF-8 can express it; reasons and names may hold half of a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def _document(row: tuple[str, str, str, int, str, str, str, int]) -> KnownDocument:
    *fields, removing = row
    return KnownDocument(*fields, removing=bool(removing))  # type: ignore[misc, arg-type]


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
