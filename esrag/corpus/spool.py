"""A folder for what comes from elsewhere until it has been read.

Each run has a folder of its own in it, locked while the run lives; what a killed run left is
removed when the next one begins.  Whoever has read a spooled file removes it.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from esrag.corpus.records import Unreadable
from esrag.errors import UnavailableError

_LOCK = "lock"


class Spool:
    """Makes files in a folder of this run; a context manager that lasts as long as the run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._own: Path | None = None
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._remove_orphans()
            own = Path(tempfile.mkdtemp(prefix="run-", dir=self._folder))
            self._lock = _locked(own)
        except OSError as error:
            raise _cannot_write(self._folder, error) from error
        self._own = own
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            os.close(self._lock)
            self._own = None

    def place(self, ending: str) -> Path:
        """A path for a new file; ``ending`` says what it is, as in ``.md``."""
        if self._own is None:
            raise ValueError("the spool is not open")
        return self._own / f"{next(self._numbers):08}{ending}"

    def write(self, parts: Iterable[bytes], *, ending: str, max_bytes: int) -> Path:
        """A new file with these bytes; raises Unreadable when they are more than ``max_bytes``.

        Whatever goes wrong, nothing of the file is left.
        """
        path = self.place(ending)
        try:
            with path.open("xb") as file:
                for part in _limited(parts, max_bytes):
                    self._put(file.fileno(), part)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _put(self, descriptor: int, part: bytes) -> None:
        rest = memoryview(part)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError as error:
            raise _cannot_write(self._folder, error) from error

    def _remove_orphans(self) -> None:
        for folder in self._folder.glob("run-*"):
            try:
                lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
            except OSError:
                continue  # a run that begins just now has not made it yet
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except OSError:
                continue  # that run lives
            finally:
                os.close(lock)


def _locked(folder: Path) -> int:
    """A lock that is held before anybody can see it: else another run could take it first."""
    begun = folder / f"{_LOCK}.new"
    lock = os.open(begun, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    begun.rename(folder / _LOCK)
    return lock


def _limited(parts: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    read = 0
    for part in parts:
        read += len(part)
        if read > max_bytes:
            limit = f"{max_bytes / 1_048_576:.0f} MiB"
            raise Unreadable("too_large", f"more than the limit of {limit} a file", stage="read")
        yield part


def _cannot_write(folder: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"{folder} cannot be written: {error.strerror or error}",
        hint="What comes from elsewhere is kept there until it has been read; make room, or name "
        "another data_dir.",
    )
