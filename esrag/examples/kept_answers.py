"""What a teacher has answered, kept in a SQLite file: a build that is run again asks nothing twice.

So a build that broke off goes on where it was, and one that is repeated with the same passages
gives the same rows, though no server promises the same words twice.  An answer is found by what
was asked, of whom.  It notes the documents whose text was in the question, so that it can be
forgotten with them.  This module asks nobody.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from esrag.errors import UnavailableError
from esrag.types import Message

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, finish TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, generated_tokens INTEGER NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    document TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (document, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS models (asked TEXT PRIMARY KEY, told TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it came: its text, why it ended, and what it took."""

    text: str
    finish: str
    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0


class KeptAnswers:
    """The answers in one file, readable for its owner alone; for any number of threads.

    Raises UnavailableError when the file cannot be read or written.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        with self._usable():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600, exist_ok=True)  # it holds what its documents say
            self._books = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            try:
                # a power cut may lose the last answers, which are then asked for again
                self._books.execute("PRAGMA journal_mode=WAL")
                self._books.execute("PRAGMA synchronous=NORMAL")
                self._books.execute("PRAGMA secure_delete=ON")
                self._books.executescript(_SCHEMA)
            except sqlite3.DatabaseError:
                self._books.close()
                raise

    def find(self, key: str) -> KeptAnswer | None:
        """The answer that is kept under ``key``, if there is one."""
        with self._usable():
            row = self._books.execute(
                "SELECT text, finish, prompt_tokens, generated_tokens, seconds FROM answers"
                " WHERE key = ?",
                (key,),
            ).fetchone()
        return KeptAnswer(*row) if row else None

    def keep(self, key: str, answer: KeptAnswer, *, documents: Sequence[str] = ()) -> None:
        """Keep an answer, which is on the disk when this returns, with its documents."""
        row = (answer.text, answer.finish, answer.prompt_tokens, answer.generated_tokens)
        with self._usable(), self._books:
            self._books.execute("BEGIN")
            self._books.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (key, *row, answer.seconds),
            )
            self._books.executemany(
                "INSERT OR IGNORE INTO documents VALUES (?, ?)",
                [(document, key) for document in documents],
            )

    def forget(self, *, kept: Callable[[str], bool]) -> int:
        """Remove the answers about documents that are not ``kept``; returns how many there were."""
        gone = [(document,) for document in self.documents() if not kept(document)]
        with self._usable(), self._books:
            self._books.execute("BEGIN")
            before = self._count()
            for document in gone:
                self._books.execute(
                    "DELETE FROM answers WHERE key IN"
                    " (SELECT key FROM documents WHERE document = ?)",
                    document,
                )
            self._books.execute("DELETE FROM documents WHERE key NOT IN (SELECT key FROM answers)")
            removed = before - self._count()
        if removed:
            with self._usable():  # or the words would stand in the journal still
                self._books.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed

    def documents(self) -> tuple[str, ...]:
        """The documents whose text was in what was asked."""
        with self._usable():
            found = self._books.execute("SELECT DISTINCT document FROM documents").fetchall()
        return tuple(document for (document,) in found)

    def model_told(self, asked: str, told: str = "") -> str:
        """What the server said ``asked`` to be; notes it when ``told`` is given."""
        with self._usable():
            if told:
                self._books.execute("INSERT OR REPLACE INTO models VALUES (?, ?)", (asked, told))
                return told
            row = self._books.execute(
                "SELECT told FROM models WHERE asked = ?", (asked,)
            ).fetchone()
        return str(row[0]) if row else ""

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._books.close()

    def __len__(self) -> int:
        with self._usable():
            return self._count()

    def __enter__(self) -> KeptAnswers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _count(self) -> int:
        return int(self._books.execute("SELECT count(*) FROM answers").fetchone()[0])

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """One thread at a time, and errors of the file in words."""
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            raise UnavailableError(
                f"the teacher's answers cannot be kept in {self._file}: {error}",
                hint="Is the disk full? What is kept there stays; a damaged file may be removed, "
                "then the teacher is asked again.",
            ) from error
        except OSError as error:
            raise UnavailableError(
                f"the teacher's answers cannot be kept in {self._file}: {error.strerror or error}",
                hint="Is the disk full, or the folder somebody else's?",
            ) from error


def key_of(model: str, messages: Sequence[Message], *, max_tokens: int) -> str:
    """What tells one question to a model from every other."""
    asked = [model, max_tokens, [[message.role, message.content] for message in messages]]
    return sha256(json.dumps(asked, ensure_ascii=True).encode()).hexdigest()
