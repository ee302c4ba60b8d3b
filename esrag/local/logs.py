"""The members' log files: their ends, and keeping them from growing for ever."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

_ROTATE_AT = 10 * 1024 * 1024
_BLOCK = 64 * 1024
_POLL_SECONDS = 0.3
_WIDEST = 500
_ERROR = re.compile(r"\[(ERROR|FATAL) ?\]|^(ERROR|Error|Traceback|Exception)\b| ERROR ")
_NOISE = re.compile(r"\tat |\t\.\.\. |ERROR: Elasticsearch did not exit normally|\s*$")


def tail(path: Path, lines: int, *, since: int = 0) -> list[str]:
    """The last lines of a log, none of them from before byte ``since``; empty without a log."""
    if lines <= 0 or not path.is_file():
        return []
    with path.open("rb") as file:
        position = file.seek(0, 2)
        end = b""
        while position > since and end.count(b"\n") <= lines:
            step = min(_BLOCK, position - since)
            position = file.seek(position - step)
            end = file.read(step) + end
    return end.decode("utf-8", "replace").splitlines()[-lines:]


def explanation(path: Path, lines: int, *, since: int) -> list[str]:
    """Why a member ended, as far as its log says: from the first error on, else the end.

    Java's stack frames are left out, as they would push the reason out of sight.
    """
    found = [
        line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…"
        for line in tail(path, 20 * lines, since=since)
        if not _NOISE.match(line)
    ]
    first = next((n for n, line in enumerate(found) if _ERROR.search(line)), None)
    return found[-lines:] if first is None else found[first : first + lines]


def size(path: Path) -> int:
    """Where the log ends now."""
    return path.stat().st_size if path.is_file() else 0


def follow(path: Path) -> Iterator[str]:
    """Lines as they are appended from now on, for ever; a rotated log is taken up again."""
    position = size(path)
    unfinished = ""
    while True:
        end = size(path)
        if end < position:
            position = 0
        if end > position:
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
