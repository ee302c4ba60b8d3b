"""A data set on disk: its folder, its lock, and the files in it.

    DATA_DIR/datasets/NAME/examples.jsonl   the rows
                           card.json        what the rows are, and of what they were made
                           README.md        the same to be read
                           teacher/         what a teacher answered, so that it is not asked again

While a data set is built its table lies in the folder as well, and goes with the build.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from esrag.disk import disk_errors, flush, held, settle
from esrag.errors import UsageError

EXAMPLES, CARD, README, TEACHER = "examples.jsonl", "card.json", "README.md", "teacher"
_TABLE = ".table.sqlite"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


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
    try:
        path = Path(name_or_path)
        file = path / EXAMPLES if path.is_dir() else path
        if not file.is_file() and _NAME.fullmatch(name_or_path):
            # a folder that only happens to be called so here is no data set
            file = dataset_folder(data_dir, name_or_path) / EXAMPLES
        is_there = file.is_file()
    except (OSError, ValueError) as error:  # a name that no system takes
        raise UsageError(f"{name_or_path!r} names no data set: {error}") from error
    if not is_there:
        raise UsageError(
            f"there is no data set {name_or_path}: {file} does not exist",
            hint="Make it: esrag dataset build; esrag dataset list names those that there are.",
        )
    return file


def locked(folder: Path) -> AbstractContextManager[None]:
    """Hold the folder while the block runs; raises ConflictError when another build holds it."""
    return held(
        folder,
        taken=f"another build is at work on {folder}",
        hint="Wait until it ends, or build under another name.",
    )


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


def kept_space(folder: Path) -> AbstractContextManager[None]:
    """Tell what it means when the disk is full, or may not be written to."""
    return disk_errors(
        f"the data set in {folder}",
        when_full="Make room, then run the same command again; a data set that was there is "
        "untouched.",
    )


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A folder to fill beside ``target``; its files take their places when the block ends well.

    What was at ``target`` stays as it was until then, and what a killed command left is cleared.
    """
    working = target.parent / f".{target.name}.new-{os.getpid()}"
    with kept_space(target):
        for leftover in target.parent.glob(f".{target.name}.new-*"):
            if not _is_alive(leftover.name.rpartition("-")[2]):
                shutil.rmtree(leftover, ignore_errors=True)
        working.mkdir(parents=True)
        try:
            yield working
            target.mkdir(exist_ok=True)
            settle(working)
            for file in sorted(working.iterdir()):
                file.replace(target / file.name)
            flush(target)
        finally:
            shutil.rmtree(working, ignore_errors=True)


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except PermissionError:
        return True  # somebody else's
    except (ValueError, OSError, OverflowError):
        return False
    return int(process) != os.getpid()


def sha256_of(file: Path) -> str:
    """The fingerprint of a file; raises UsageError when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def _remove(path: Path) -> None:
    for leftover in (path, path.with_name(f"{path.name}-journal")):
        leftover.unlink(missing_ok=True)
