"""A data set on disk: its folder, its lock, and the files in it.

    DATA_DIR/datasets/NAME/examples.jsonl   the rows
                           card.json        what the rows are, and of what they were made
                           README.md        the same to be read
                           teacher/         what a teacher answered, so that it is not asked again

While a data set is built its table lies in the folder as well, and goes with the build.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esrag.errors import ConflictError, UnavailableError, UsageError

EXAMPLES, CARD, README, TEACHER = "examples.jsonl", "card.json", "README.md", "teacher"
_LOCK, _TABLE = ".lock", ".table.sqlite"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_FULL = (errno.ENOSPC, errno.EDQUOT)


def dataset_folder(data_dir: Path, name: str) -> Path:
    """Where the data set of a name lies; raises UsageError for what cannot be one."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a data set: letters, digits, dots, _ and -, up to 80 of them"
        )
    return data_dir / "datasets" / name


def examples_file(data_dir: Path, name_or_path: str) -> Path:
    """The rows of a data set, by its name, its folder or the file itself.

    Raises UsageError when there are none.
    """
    path = Path(name_or_path)
    file = path / EXAMPLES if path.is_dir() else path
    if not file.is_file() and _NAME.fullmatch(name_or_path):
        # a folder that only happens to be called so here is no data set
        file = dataset_folder(data_dir, name_or_path) / EXAMPLES
    if not file.is_file():
        raise UsageError(
            f"there is no data set {name_or_path}: {file} does not exist",
            hint="Make it: esrag dataset build; esrag dataset list names those that there are.",
        )
    return file


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder while the block runs; the kernel lets go of it however it ends.

    Raises ConflictError when another build holds it.
    """
    with kept_space(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                f"another build is at work on {folder}",
                hint="Wait until it ends, or build under another name.",
            ) from error
        yield
    finally:
        os.close(handle)


@contextmanager
def table(folder: Path) -> Iterator[sqlite3.Connection]:
    """An empty SQLite file for one build, removed when the block ends.

    What a killed build left is thrown away: the index is read anew, since it may have changed.
    """
    path = folder / _TABLE
    _remove(path)
    with kept_space(folder):
        file = sqlite3.connect(path)
        try:
            file.execute("PRAGMA journal_mode = OFF")  # nobody reads it after a crash
            file.execute("PRAGMA synchronous = OFF")
            yield file
        finally:
            file.close()
            _remove(path)


@contextmanager
def kept_space(folder: Path) -> Iterator[None]:
    """Tell what it means when the disk is full, or may not be written to."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" not in str(error) and "I/O" not in str(error):
            raise
        raise _full(folder, str(error)) from error
    except PermissionError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror}") from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _full(folder, error.strerror or str(error)) from error


def sha256_of(file: Path) -> str:
    """The fingerprint of a file; raises UsageError when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def write_whole(file: Path, text: str) -> None:
    """Write a file so that a reader finds the old one or the new one."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def _full(folder: Path, why: str) -> UnavailableError:
    return UnavailableError(
        f"the data set cannot be written to {folder}: {why}",
        hint="Make room, then run the same command again; a data set that was there is untouched.",
    )


def _remove(path: Path) -> None:
    for leftover in (path, path.with_name(f"{path.name}-journal")):
        leftover.unlink(missing_ok=True)
