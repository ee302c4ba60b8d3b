"""Folders that appear whole: written aside, then renamed; and what a full disk says."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esrag.errors import ConflictError, PermissionDeniedError, UnavailableError

_PART = ".part-"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill; it becomes ``target`` when the block ends well, else it is removed.

    Raises ConflictError when ``target`` is there.
    """
    if target.exists():
        raise ConflictError(
            f"{target} is there already", hint="Name another folder, or remove this one first."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear(target)
    working = target.parent / f".{target.name}{_PART}{os.getpid()}"
    working.mkdir()
    try:
        yield working
        working.rename(target)
        flush(target.parent)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise


def _clear(target: Path) -> None:
    """Remove what processes left that were killed while they filled this folder."""
    for leftover in target.parent.glob(f".{target.name}{_PART}*"):
        number = leftover.name.rpartition("-")[2]
        if number.isdigit() and (int(number) == os.getpid() or not _lives(int(number))):
            shutil.rmtree(leftover, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def flush(folder: Path) -> None:
    """Force the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(folder: Path, *, what: str) -> Iterator[None]:
    """Hold the lock of ``folder``; raises ConflictError when another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                f"another command is changing {what}", hint="Wait until it ends, then try again."
            ) from error
        yield


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """What the operating system says of ``place``, as an error of ours."""
    try:
        yield
    except PermissionError as error:
        raise PermissionDeniedError(f"{place} cannot be written: {error.strerror}") from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise UnavailableError(
            f"{place} cannot be written: {error.strerror or error}",
            hint="Free some space; nothing half made was left behind." if full else "",
        ) from error
