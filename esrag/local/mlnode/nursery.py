"""Where the children of deployments come from: a process that has imported torch, and is forked.

    ML node process ──► nursery ──► (a moment's parent) ──► child
          ▲                                                   │
          └─────────────────── adopts ◄───────────────────────┘

Importing torch takes seconds, a fork takes milliseconds.  The nursery starts with the first child,
never sees a model, and is ended when nobody has asked for a child for a minute.  Children become
the ML node process's own, by the kernel's way for orphans, so that it sees how each of them ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from esrag.local.mlnode.frames import PeerEnded, receive_frame

IDLE_SECONDS = 60.0
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


class Child:
    """A child process that is there or on its way; every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pid: int | None = None
        self._code: int | None = None
        self._killed = False

    def kill(self) -> None:
        """End it now, or as soon as it is there."""
        with self._changed:
            self._killed = True
            if self._pid is not None and self._code is None:
                os.kill(self._pid, signal.SIGKILL)
            self._changed.notify_all()

    def wait(self) -> int:
        """Block until it is gone; returns its exit code, or less than 0 for a signal."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._killed or self._pid is not None or self._code is not None
            )
            if self._code is not None:
                return self._code
            if self._pid is None:  # killed on its way: whoever hears of it collects it
                return -signal.SIGKILL
            pid = self._pid
        # Without collecting it, so that the number stays its own until ``kill`` is kept away.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return self._collect(pid)

    def arrived(self, pid: int) -> None:
        """It is there."""
        with self._changed:
            self._pid = pid
            unwanted = self._killed
            self._changed.notify_all()
        if unwanted:
            self.kill()
            self._collect(pid)

    def lost(self) -> None:
        """It will never be there."""
        with self._changed:
            self._code = -signal.SIGKILL
            self._changed.notify_all()

    def _collect(self, pid: int) -> int:
        with self._changed:
            if self._code is None:
                _, status = os.waitpid(pid, 0)
                self._code = os.waitstatus_to_exitcode(status)
            return self._code


@dataclass(frozen=True, slots=True)
class _Running:
    """The process, and whom it has been asked for and not answered yet."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    expected: deque[Child] = field(default_factory=deque)


class Nursery:
    """Gives children; starts and ends the process that they are forked from."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._last_asked = 0.0
        self._closed = False

    def child(self, descriptors: Sequence[int]) -> Child:
        """A child that will hold copies of these; raises OSError when there can be none."""
        with self._lock:
            if self._closed:
                raise OSError("the process is ending")
            running = self._running = self._running or self._start()
            child = Child()
            running.expected.append(child)
            self._last_asked = time.monotonic()
            try:
                socket.send_fds(running.control, [b"c"], descriptors)
            except OSError:
                self._running = None  # it has died; the next call starts another
                raise
            return child

    def close(self) -> None:
        """End the process, and give no children any more; those there are live on."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                self._running.process.kill()
                self._running.process.wait()

    def _start(self) -> _Running:
        if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "this process cannot adopt children")
        ours, theirs = socket.socketpair()
        with theirs:
            running = _Running(_spawn(theirs), ours)
        threading.Thread(target=self._listen, args=[running], name="nursery", daemon=True).start()
        return running

    def _listen(self, running: _Running) -> None:
        """Hear of children, in the order in which they were asked for, until the end."""
        with contextlib.suppress(PeerEnded, KeyError):
            while self._wait_for_news(running):
                pid = int(receive_frame(running.control)[0]["pid"])
                with self._lock:
                    child = running.expected.popleft()
                child.arrived(pid)
        with self._lock:
            if self._running is running:
                self._running = None
            running.control.close()
        for child in running.expected:
            child.lost()
        running.process.kill()
        running.process.wait()

    def _wait_for_news(self, running: _Running) -> bool:
        """True when there is something to read, False when nobody has asked for long enough."""
        with selectors.DefaultSelector() as selector:
            selector.register(running.control, selectors.EVENT_READ)
            while not selector.select(self._idle_seconds):
                with self._lock:
                    idle = time.monotonic() - self._last_asked >= self._idle_seconds
                    if idle and not running.expected:
                        self._running = None
                        return False
        return True


def _spawn(theirs: socket.socket) -> subprocess.Popen[bytes]:
    environment = {
        # Children get nothing of our environment, secrets may live there.
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        # One thread until the fork, as no other survives it; each child then sets its own number.
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning ruins a machine that has other work to do
        # Activations come and go with every batch; give their pages back only in large lumps.
        "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    }
    return subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "esrag.local.mlnode.nursery_process"),
            *(str(theirs.fileno()), str(os.getpid())),
        ],
        pass_fds=[theirs.fileno()],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
