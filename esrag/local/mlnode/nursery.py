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


class Nursery:
    """Gives children; starts and ends the process that they are forked from."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._expected: deque[Child] = deque()
        self._last_asked = 0.0
        self._closed = False

    def child(self, descriptors: Sequence[int]) -> Child:
        """A child that will hold copies of these; raises OSError when there can be none."""
        with self._lock:
            if self._closed:
                raise OSError("the process is ending")
            control = self._control or self._start()
            child = Child()
            self._expected.append(child)
            self._last_asked = time.monotonic()
            try:
                socket.send_fds(control, [b"c"], descriptors)
            except OSError:
                self._expected.remove(child)
                self._control = None  # it has died; the next call starts another
                raise
            return child

    def close(self) -> None:
        """End the process, and give no children any more; those there are live on."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def _start(self) -> socket.socket:
        if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "this process cannot adopt children")
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = _spawn(theirs)
        threading.Thread(
            target=self._listen, args=(self._control, self._process), name="nursery", daemon=True
        ).start()
        return self._control

    def _listen(self, control: socket.socket, process: subprocess.Popen[bytes]) -> None:
        """Hear of children, in the order in which they were asked for, until the end."""
        with contextlib.suppress(PeerEnded, KeyError):
            while self._wait_for_news(control):
                pid = int(receive_frame(control)[0]["pid"])
                with self._lock:
                    child = self._expected.popleft()
                child.arrived(pid)
        with self._lock:
            lost, self._expected = [*self._expected], deque()
            if self._control is control:
                self._control = None
            control.close()
        for child in lost:
            child.lost()
        process.kill()
        process.wait()

    def _wait_for_news(self, control: socket.socket) -> bool:
        """True when there is something to read, False when nobody has asked for long enough."""
        with selectors.DefaultSelector() as selector:
            selector.register(control, selectors.EVENT_READ)
            while not selector.select(self._idle_seconds):
                with self._lock:
                    idle = time.monotonic() - self._last_asked >= self._idle_seconds
                    if idle and not self._expected:
                        self._control = None
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
