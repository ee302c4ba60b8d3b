"""The parent's side of one child: start it, hand it files, hear it, end it, say why it ended.

Nothing here waits: the pool asks with ``poll`` which children have something to say.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from esrag.corpus.records import Listed
from esrag.parsing.limits import MIB, Limits
from esrag.parsing.messages import file_frame
from esrag.parsing.task import Outcome
from esrag.parsing.wire import FrameBuffer

COMMAND = (sys.executable, "-P", "-m", "esrag.parsing")
_LAST_WORDS = 4096  # bytes of standard error that are kept
_PIPE_BYTES = MIB
_READ_BYTES = MIB


@dataclass(slots=True, eq=False)
class Job:
    """A file that a child has, and what came of it so far.

    ``arrived`` counts what the present child said, ``accepted`` what was taken from any: a second
    child repeats what the first had said already.
    """

    number: int
    listed: Listed
    outcomes: deque[tuple[Outcome, int]] = field(default_factory=deque)  # with their sizes
    arrived: int = 0
    accepted: int = 0
    waited: float = 0.0
    finished: bool = False
    process: ParserProcess | None = None


class ParserProcess:
    """One child.  ``jobs`` are what it was handed and has not finished, in order."""

    def __init__(self, order: bytes, folder: Path, command: Sequence[str] = COMMAND) -> None:
        self.jobs: deque[Job] = deque()
        self.ready = False
        self.done = 0  # files that it has finished
        self.waited = 0.0  # seconds without an answer since the last one
        self.frames = FrameBuffer()
        self._words = b""
        self._child = subprocess.Popen(
            [*command, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(folder),
            cwd="/",
            bufsize=0,
            start_new_session=True,  # ^C is for the parent, which ends the child in order
        )
        self._input, output, errors = self._pipes()
        self.output, self.errors = output.fileno(), errors.fileno()
        os.set_blocking(self.output, False)
        os.set_blocking(self.errors, False)
        with contextlib.suppress(AttributeError, OSError):  # only Linux has it, and grants it
            fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._write(order)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def hand(self, job: Job) -> None:
        """Queue a file; the frames of a few files fit into the pipe, so this does not wait."""
        job.process, job.arrived = self, 0
        if not self.jobs:
            self.waited = 0.0
        self.jobs.append(job)
        self._write(file_frame(job.listed))

    def hear(self) -> bytes | None:
        """What it said since; empty at the end of its output, None when it said nothing."""
        try:
            return os.read(self.output, _READ_BYTES)
        except BlockingIOError:
            return None

    def hear_errors(self) -> None:
        """Keep the end of what it wrote to standard error."""
        with contextlib.suppress(OSError):
            while self.errors >= 0:
                found = os.read(self.errors, 65_536)
                self._words = (self._words + found)[-_LAST_WORDS:]
                if not found:
                    self.errors = -1  # closed; the pipe itself is closed with the others

    def end(self) -> int:
        """End it now, whatever it does; its exit status."""
        self._child.kill()
        status = self._child.wait()
        self.hear_errors()
        for pipe in self._pipes():
            with contextlib.suppress(OSError):
                pipe.close()
        return status

    def left(self) -> int:
        """The exit status of a child whose output has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=5)
        return self.end()

    def last_words(self) -> list[str]:
        """The last lines that it wrote to standard error, fit to be shown; the last comes first."""
        lines = reversed(self._words.decode("utf-8", "replace").split("\n"))
        shown = ("".join(c if c.isprintable() else "?" for c in line.strip()) for line in lines)
        return [line[:300] for line in shown if line and not line.startswith("note: ")][:5]

    def _pipes(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        child = self._child
        if child.stdin is None or child.stdout is None or child.stderr is None:
            raise AssertionError("all three were asked for")
        return child.stdin, child.stdout, child.stderr

    def _write(self, frame: bytes) -> None:
        # A child that is gone is noticed where its output ends.
        with contextlib.suppress(OSError):
            view = memoryview(frame)
            while view:
                view = view[self._input.write(view) :]


def verdict(status: int, words: list[str], limits: Limits) -> tuple[str, str]:
    """Code and reason for a file whose child ended with ``status``."""
    if status == -signal.SIGXCPU:
        return "parser_limit", f"takes more than {limits.cpu_seconds} s of processor time"
    if status == -signal.SIGKILL:
        return "parser_limit", "the system killed the parser, most likely for want of memory"
    if any(
        "memory" in line.lower() for line in words
    ):  # libraries that cannot get any abort with such a line
        return "parser_limit", f"takes more than {limits.memory_bytes // MIB} MiB of memory"
    how = f"exit status {status}"
    if status < 0:
        with contextlib.suppress(ValueError):
            how = signal.Signals(-status).name
    return "parser_crashed", f"the parser died of it ({': '.join([how, *words[:1]])})"


def _environment(folder: Path) -> dict[str, str]:
    """What the child gets of our environment: nothing; secrets live there."""
    return {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "TOKENIZERS_PARALLELISM": "false",
        "RAYON_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }
