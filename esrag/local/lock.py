"""One command at a time changes a stack, and one stack at a time fills a software folder.

The kernel holds the lock (flock) and lets go of it when the holder ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esrag.errors import ConflictError


@contextmanager
def held(path: Path, *, doing: str) -> Iterator[None]:
    """Hold ``path`` while the block runs; raises ConflictError when somebody else holds it."""
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 200, 0).decode("utf-8", "replace").strip() or "another command"
            raise ConflictError(
                f"{holder} is at work on {path.parent}", hint="Try again when it has ended."
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"`esrag local {doing}` (process {os.getpid()})".encode(), 0)
        yield


@contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Hold ``path`` while the block runs, after waiting for whoever holds it."""
    with _opened(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)
