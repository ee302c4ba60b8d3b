"""The members' log files: their ends, and keeping them from growing for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

_ROTATE_AT = 10 * 1024 * 1024
_BLOCK = 64 * 1024
_POLL_SECONDS = 0.3


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log; empty when there is none."""
    if lines <= 0 or not path.is_file():
        return []
    with path.open("rb") as file:
        position = file.seek(0, 2)
        end = b""
        while position > 0 and end.count(b"\n") <= lines:
            step = min(_BLOCK, position)
            position = file.seek(position - step)
            end = file.read(step) + end
    return end.decode("utf-8", "replace").splitlines()[-lines:]


def follow(path: Path) -> Iterator[str]:
    """Lines as they are appended from now on, for ever; a rotated log is taken up again."""
    position = path.stat().st_size if path.is_file() else 0
    unfinished = ""
    while True:
        size = path.stat().st_size if path.is_file() else 0
        if size < position:
            position = 0
        if size > position:
            with path.open("rb") as file:
                file.seek(position)
                text = unfinished + file.read().decode("utf-8", "replace")
                position = file.tell()
            *whole, unfinished = text.split("\n")
            yield from whole
        else:
            time.sleep(_POLL_SECONDS)


def rotate(path: Path) -> None:
    """Put a long log aside before a member starts; one predecessor is kept."""
    if path.is_file() and path.stat().st_size > _ROTATE_AT:
        path.replace(path.with_name(f"{path.name}.1"))
