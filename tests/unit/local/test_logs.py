"""Reading logs from the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.local import logs


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of many lines, longer than one block."""
    path = tmp_path / "x.log"
    path.write_text("".join(f"line {number}\n" for number in range(20_000)))
    return path


def test_the_tail_is_the_last_lines(log: Path) -> None:
    """However long the log is."""
    assert logs.tail(log, 2) == ["line 19998", "line 19999"]


def test_more_lines_than_there_are_give_all(log: Path) -> None:
    """The whole log, once."""
    assert len(logs.tail(log, 30_000)) == 20_000


def test_lines_of_earlier_starts_are_left_out(log: Path) -> None:
    """Only what was written since counts."""
    since = logs.size(log)
    with log.open("a") as file:
        file.write("new\n")
    assert logs.tail(log, 10, since=since) == ["new"]


def test_a_missing_log_has_no_lines(tmp_path: Path) -> None:
    """No error: the member may never have been started."""
    assert logs.tail(tmp_path / "none.log", 5) == []


def test_an_explanation_begins_at_the_error_and_has_no_stack_frames(tmp_path: Path) -> None:
    """The reason is what a reader wants to see."""
    log = tmp_path / "x.log"
    log.write_text("[INFO ] fine\n[ERROR] fatal\n\tat a.B.c(B.java:1)\nCaused by: disk\n")
    assert logs.explanation(log, 30, since=0) == ["[ERROR] fatal", "Caused by: disk"]


def test_without_an_error_the_explanation_is_the_end(log: Path) -> None:
    """Better than nothing."""
    assert logs.explanation(log, 1, since=0) == ["line 19999"]


def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    """One predecessor is kept."""
    log = tmp_path / "x.log"
    log.write_bytes(b"x" * (11 * 1024 * 1024))
    logs.rotate(log)
    assert [path.name for path in tmp_path.iterdir()] == ["x.log.1"]


def test_a_short_log_is_continued(log: Path) -> None:
    """Nothing happens to it."""
    logs.rotate(log)
    assert log.exists()
