"""One embedding child: start it, hand it lines, read its lines, end it.  See ``__main__``."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from esrag.errors import UnavailableError, UnsupportedError
from esrag.settings import environment

COMMAND = (sys.executable, "-P", "-m", "esrag.embedding")
_KEPT_MEMORY = 256 * 1024 * 1024
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR", "HOME")


class ChildEnded(Exception):
    """The child is gone."""


class Child:
    """One child process, and a thread that reads its lines."""

    def __init__(
        self, order: Mapping[str, Any], *, threads: int, command: Sequence[str] = COMMAND
    ) -> None:
        self._talk: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._ready = False
        # The child gets nothing of our environment but what finds libraries: secrets live there.
        ours = environment()
        settings = {name: ours[name] for name in _KEPT_VARIABLES if name in ours} | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",
            # What lies between two layers is megabytes, given back and asked for again all the
            # time: kept, it need not be cleared by the kernel.
            "MALLOC_MMAP_THRESHOLD_": str(_KEPT_MEMORY),
            "MALLOC_TRIM_THRESHOLD_": str(_KEPT_MEMORY),
            "TOKENIZERS_PARALLELISM": "false",
        }
        self._process = subprocess.Popen(
            [*command, json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._talk,
            env=settings,
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_ready(self, seconds: float, dims: int) -> None:
        """Block until the model is loaded."""
        if self._ready:
            return
        said = self.receive(seconds, "loading the model")
        if said.get("event") == "error":
            raise UnsupportedError(str(said.get("message")), hint=str(said.get("hint", "")))
        if said.get("event") != "ready" or said.get("dims") != dims:
            raise nonsense(said)
        self._ready = True

    def send(self, message: Mapping[str, Any]) -> None:
        """Hand the child one line."""
        pipe = self._process.stdin
        try:
            if pipe is not None:
                pipe.write(json.dumps(message).encode("ascii") + b"\n")
                pipe.flush()
        except (OSError, ValueError) as error:  # closed by either side
            raise ChildEnded from error

    def receive(self, seconds: float, doing: str) -> dict[str, Any]:
        """The child's next line."""
        started = time.monotonic()
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise UnavailableError(
                f"the process that embeds gave no answer within "
                f"{time.monotonic() - started:.0f} s while {doing}",
                hint="Is this machine overloaded? Try again, or raise embedding.threads.",
            ) from None
        if line is None:
            raise ChildEnded
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise nonsense(line[:80])
        return said

    def last_words(self) -> str:
        """The end of what it wrote to standard error, and how it ended."""
        try:
            status: object = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            status = "none yet"
        if self._talk.closed:
            return "  it was ended"
        self._talk.seek(0)
        lines = self._talk.read().decode("utf-8", "replace").splitlines()[-8:]
        return "\n".join([*(f"  {line}" for line in lines), f"  exit status {status}"])

    def end(self) -> None:
        """End it now."""
        self._process.kill()
        self._process.wait()
        # what was still to be written is of no use any more
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._talk.close()

    def _listen(self) -> None:
        pipe = self._process.stdout
        if pipe is not None:
            with pipe:
                for line in pipe:
                    self._lines.put(line)
        self._lines.put(None)


def nonsense(said: object) -> UnavailableError:
    """The error for an answer that is none."""
    return UnavailableError(
        f"the process that embeds answered something that makes no sense: {str(said)[:120]}",
        hint="Try again; if it stays, make the bundle anew: esrag model build --force",
    )
