"""The long demos as a person runs them: begun, watched until something is there, and ended."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Stack

_SECONDS = 2400
_MAIN = "\nfrom esrag.cli import main\nmain()\n"


def begin(stack: Stack, option: str, *, shorter: str) -> subprocess.Popen[str]:
    """``esrag demo`` in a process group of its own; the code ``shorter`` cuts its recipe first."""
    return subprocess.Popen(
        [sys.executable, "-c", shorter + _MAIN, "demo", option],
        env={**stack.environment, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(process: subprocess.Popen[str], is_there: Callable[[], bool]) -> None:
    """Until something is there that the demo makes, which goes on meanwhile."""
    deadline = time.monotonic() + _SECONDS
    while not is_there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output, talk."""
    output, talk = process.communicate(timeout=_SECONDS)
    assert "Traceback" not in talk
    return process.returncode, output, talk
