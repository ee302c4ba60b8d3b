"""A disk that is full after so many bytes, and a process that dies at its n-th operation on it."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_OPERATIONS = (
    (os, "fsync"),
    (os, "open"),
    (Path, "rename"),
    (Path, "replace"),
    (Path, "mkdir"),
    (Path, "open"),
    (Path, "unlink"),
)


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes: as on a full disk, and root is no exception."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def killed_at(operation: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that dies by SIGKILL in that operation on the disk.

    False when it ended before; an error of it is an AssertionError here.  Not for work that
    computes with torch, whose threads a fork does not take along.
    """
    child = os.fork()
    if not child:
        code = 1
        try:
            _count(operation)
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the work failed in the child"
    return False


def _count(deadly: int) -> None:
    done = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def around(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return around

    for place, name in _OPERATIONS:
        setattr(place, name, counted(getattr(place, name)))
