"""Writing to this machine's disk: whole or not at all, one process at a time, and why it fails.

Used by what makes files that last: data sets, runs, adapters.  What the files are, others know.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from esrag.errors import ConflictError, EsragError, PermissionDeniedError, UnavailableError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
# safetensors wraps the system's error into one of its own, with the number in its text
_WRAPPED = re.compile(r"os error (\d+)")
_SQLITE_SHUT = ("SQLITE_CANTOPEN", "SQLITE_READONLY")
_SQLITE_FULL = ("SQLITE_FULL", "SQLITE_IOERR")


@contextmanager
def disk_errors(
    what: object, *, when_full: str = "Make room and give the same command again."
) -> Iterator[None]:
    """Turn what the system says of ``what`` into an error of esrag's.

    Raises UnavailableError for a full disk, with the hint ``when_full``, and for other failures,
    PermissionDeniedError for what may not be written.  Errors of a network go through.
    """
    try:
        yield
    except (EsragError, ConnectionError, TimeoutError):
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise _explained(what, error.errno, reason, when_full) from error
    except sqlite3.OperationalError as error:
        name = error.sqlite_errorname
        if not name.startswith((*_SQLITE_FULL, *_SQLITE_SHUT)):
            raise
        number = errno.EACCES if name.startswith(_SQLITE_SHUT) else errno.ENOSPC
        raise _explained(what, number, str(error), when_full) from error
    except Exception as error:
        found = _WRAPPED.search(str(error))
        if found is None:
            raise
        raise _explained(what, int(found[1]), os.strerror(int(found[1])), when_full) from error


def _explained(what: object, number: int | None, reason: str, when_full: str) -> EsragError:
    if number in _FULL:
        return UnavailableError(
            f"{what} cannot be written: the disk is full ({reason})", hint=when_full
        )
    if number in _FORBIDDEN:
        return PermissionDeniedError(
            f"{what} cannot be written: {reason}",
            hint="Look at the rights of that folder; ESRAG_DATA_DIR names another data folder.",
        )
    return UnavailableError(
        f"{what} cannot be written: {reason}", hint="Look at the disk and at that path."
    )


@contextmanager
def held(folder: Path, *, taken: str, hint: str) -> Iterator[None]:
    """Make ``folder`` and hold it; the kernel lets go of it however the process ends.

    Raises ConflictError, in these words, when another process holds it.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(taken, hint=hint) from error
        yield


def replace_text(file: Path, text: str) -> None:
    """Put a text in the place of a file: a reader finds the old one or the new one, whole."""
    beside = file.with_name(f".{file.name}.new")
    with disk_errors(file):
        try:
            with beside.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(file)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            raise


def settle(folder: Path) -> None:
    """Force a folder's files to the disk, so that a rename cannot outlive their contents."""
    for path in sorted(folder.rglob("*")):
        flush(path)
    flush(folder)


def flush(path: Path) -> None:
    """Force one file, or the names in one folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
