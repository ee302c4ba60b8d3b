"""The parent's side of the embedding child: start it, hand it texts, check what it says.

One child answers one request at a time; callers of several threads take turns.  A child that ends
is started once more for the same texts; one that talks nonsense or takes too long is ended.
"""

from __future__ import annotations

import array
import base64
import binascii
import contextlib
import importlib.util
import json
import math
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any, Literal

from esrag.bundle import ModelBundle
from esrag.errors import UnavailableError, UnsupportedError
from esrag.settings import environment

INSTALL_LINE = "pip install 'esrag[embedding]'"
READY_SECONDS = 180.0  # importing torch on a busy machine takes its time
ANSWER_SECONDS = 300.0
MOST_TEXTS = 64  # of one request: bounds its time and the length of a line
_NEEDED = ("numpy", "tokenizers", "torch")
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR", "HOME")

Vector = list[float]
Purpose = Literal["ingest", "search", "none"]


class _Ended(Exception):
    """The child is gone."""


class Embedder:
    """The model of a bundle in a child process; a context manager that ends it.

    Nothing is started before the first text, unless ``start`` is called to save time.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        *,
        threads: int = 2,
        ready_seconds: float = READY_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        command: Sequence[str] = (sys.executable, "-P", "-m", "esrag.embedding"),
    ) -> None:
        self.bundle = bundle
        self._threads = threads
        self._ready_seconds = ready_seconds
        self._answer_seconds = answer_seconds
        self._command = tuple(command)
        self._child: _Child | None = None
        self._lock = threading.Lock()
        self._number = 0
        self._closed = False

    def start(self) -> None:
        """Have the child loading while the caller does something else.

        Raises UnsupportedError when what it needs is not installed.
        """
        require_installed()
        with self._lock:
            self._running()

    def embed(self, texts: Sequence[str], purpose: Purpose = "none") -> list[Vector]:
        """One vector for each text, in order; ``purpose`` says which prefix string is added.

        Raises UnsupportedError when the model cannot run here, UnavailableError when the child
        ends again and again, is too slow, or gives something that is not a vector.
        """
        require_installed()
        prefix = {
            "ingest": self.bundle.ingest_prefix,
            "search": self.bundle.search_prefix,
            "none": "",
        }[purpose]
        given = [prefix + text for text in texts]
        vectors: list[Vector] = []
        with self._lock:
            for first in range(0, len(given), MOST_TEXTS):
                vectors += self._ask(given[first : first + MOST_TEXTS])
        return vectors

    def close(self) -> None:
        """End the child, if there is one, also in the middle of its work; there is no other."""
        self._closed = True
        child = self._child
        if child is not None:
            child.end()

    def __enter__(self) -> Embedder:
        """The embedder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child."""
        self.close()

    def _ask(self, texts: Sequence[str]) -> list[Vector]:
        for attempt in (1, 2):
            child = self._running()
            try:
                child.wait_ready(self._ready_seconds, self.bundle.dims)
                self._number += 1
                child.send({"id": self._number, "texts": list(texts)})
                answer = child.receive(self._answer_seconds, "embedding")
                return _read(answer, self._number, count=len(texts), dims=self.bundle.dims)
            except _Ended:
                words = child.last_words()
                self._end()
                if attempt == 2:
                    raise UnavailableError(
                        f"the process that embeds with {self.bundle.model_id} ended twice:\n"
                        f"{words}",
                        hint="It needs about 1 GB of memory; is there enough?",
                    ) from None
            except BaseException:
                self._end()  # its state is unknown: the next call starts another
                raise
        raise AssertionError("unreachable")

    def _running(self) -> _Child:
        if self._closed:
            raise UnavailableError("the process that embeds was ended with the command")
        if self._child is None:
            order = {"folder": str(self.bundle.folder.absolute()), "threads": self._threads}
            self._child = _Child(self._command, order, threads=self._threads)
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def require_installed() -> None:
    """Raises UnsupportedError when a package that the child needs is not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UnsupportedError(
            "this cluster does not embed, so texts are embedded on this machine, and that needs "
            f"{', '.join(missing)}",
            hint=f"Install it with: {INSTALL_LINE}",
        )


class _Child:
    """One child process, and a thread that reads its lines."""

    def __init__(self, command: Sequence[str], order: dict[str, Any], *, threads: int) -> None:
        self._talk: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._ready = False
        # The child gets nothing of our environment but what finds libraries: secrets live there.
        ours = environment()
        settings = {name: ours[name] for name in _KEPT_VARIABLES if name in ours} | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",
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
            raise _nonsense(said)
        self._ready = True

    def send(self, message: dict[str, Any]) -> None:
        """Hand the child one line."""
        pipe = self._process.stdin
        try:
            if pipe is not None:
                pipe.write(json.dumps(message).encode("ascii") + b"\n")
                pipe.flush()
        except (OSError, ValueError) as error:  # closed by either side
            raise _Ended from error

    def receive(self, seconds: float, doing: str) -> dict[str, Any]:
        """The child's next line."""
        started = time.monotonic()
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise UnavailableError(
                f"the process that embeds gave no answer within "
                f"{time.monotonic() - started:.0f} s while {doing}",
                hint="Is this machine overloaded? Try again, or raise model.threads.",
            ) from None
        if line is None:
            raise _Ended
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise _nonsense(line[:80])
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


def _read(answer: dict[str, Any], number: int, *, count: int, dims: int) -> list[Vector]:
    """The vectors of an answer; raises UnavailableError when it holds none that can be used."""
    if answer.get("id") != number:
        raise _nonsense(answer)
    if "error" in answer:
        raise UnavailableError(f"the embedding model failed on this machine: {answer['error']}")
    values = array.array("f")
    try:
        values.frombytes(base64.b64decode(answer["vectors"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise _nonsense(answer) from None
    if sys.byteorder == "big":
        values.byteswap()
    if len(values) != count * dims or not all(map(math.isfinite, values)):
        raise _nonsense(f"{len(values)} numbers for {count} texts")
    vectors = [list(values[first : first + dims]) for first in range(0, len(values), dims)]
    if not all(map(any, vectors)):
        raise UnavailableError("the embedding model gave a vector of zeros")
    return vectors


def _nonsense(said: object) -> UnavailableError:
    return UnavailableError(
        f"the process that embeds answered something that makes no sense: {str(said)[:120]}",
        hint="Try again; if it stays, make the bundle anew: esrag model build --force",
    )
