"""Folders that appear whole: written aside, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esrag.disk import flush
from esrag.errors import ConflictError

PART = ".part-"


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
    clear(target)
    working = target.parent / f".{target.name}{PART}{os.getpid()}"
    working.mkdir()
    try:
        yield working
        _name(working, target)
        flush(target.parent)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise


def _name(working: Path, target: Path) -> None:
    try:
        working.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise ConflictError(
            f"{target} was made by another command meanwhile", hint="Name another folder."
        ) from error


def clear(target: Path) -> None:
    """Remove what processes left that were killed while they filled this folder."""
    for leftover in target.parent.glob(f".{target.name}{PART}*"):
        number = leftover.name.rpartition("-")[2]
        if number.isdigit() and (int(number) == os.getpid() or not _lives(int(number))):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
