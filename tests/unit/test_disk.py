"""Writing to the disk: whole or not at all, held by one, and errors that say why not."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from esrag.disk import disk_errors, held, replace_text
from esrag.errors import ConflictError, EsragError, PermissionDeniedError, UnavailableError


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, UnavailableError, "the disk is full"),
        (errno.EDQUOT, UnavailableError, "the disk is full"),
        (errno.EACCES, PermissionDeniedError, "Permission denied"),
        (errno.EROFS, PermissionDeniedError, "Read-only"),
        (errno.ENOTDIR, UnavailableError, "Not a directory"),
    ],
)
def test_what_the_system_says_is_told_with_its_place(
    number: int, kind: type[EsragError], says: str
) -> None:
    """A full disk is 4, what may not be written 5."""
    with (
        pytest.raises(kind, match=rf"the run x cannot be written: .*{says}") as told,
        disk_errors("the run x"),
    ):
        raise OSError(number, os.strerror(number))
    assert told.value.hint


def test_a_full_disk_says_what_the_caller_advises() -> None:
    """Each kind of work goes on in its own way."""
    with (
        pytest.raises(UnavailableError) as told,
        disk_errors("x", when_full="It goes on from the last checkpoint."),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert told.value.hint == "It goes on from the last checkpoint."


def test_an_error_that_a_library_wrapped_is_found() -> None:
    """safetensors keeps the number of the system's error in a text."""
    with pytest.raises(UnavailableError, match="the disk is full"), disk_errors("x"):
        raise RuntimeError("I/O error: No space left on device (os error 28)")


def test_a_full_disk_under_sqlite_is_one(tmp_path: Path) -> None:
    """And another error of SQLite stays what it is."""
    with sqlite3.connect(tmp_path / "file") as file:
        file.execute("PRAGMA max_page_count = 2")
        file.execute("CREATE TABLE rows (row TEXT)")
        with pytest.raises(UnavailableError, match="the disk is full"), disk_errors("x"):
            file.execute("INSERT INTO rows VALUES (?)", ("x" * 20_000,))
        with pytest.raises(sqlite3.OperationalError, match="no such table"), disk_errors("x"):
            file.execute("SELECT * FROM others")
    file.close()


def test_errors_that_are_not_the_disk_s_go_through() -> None:
    """A network's, a bug's and our own."""
    for error in (ConnectionResetError("reset"), ValueError("bug"), ConflictError("taken")):
        with pytest.raises(type(error)), disk_errors("x"):
            raise error


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    """The second is told in the caller's words; afterwards it is free again."""
    folder = tmp_path / "new"
    with (
        held(folder, taken="at work", hint="Wait."),
        pytest.raises(ConflictError, match="at work"),
        held(folder, taken="at work", hint="Wait."),
    ):
        pass
    with held(folder, taken="at work", hint="Wait."):
        pass


def test_a_text_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """And nothing half written beside it."""
    file = tmp_path / "card.json"
    replace_text(file, "old")
    (tmp_path / ".card.json.new").mkdir()
    with pytest.raises(UnavailableError, match="Is a directory"):
        replace_text(file, "new")
    assert file.read_text(encoding="utf-8") == "old"
