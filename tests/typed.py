"""A command at a terminal of its own: what is typed reaches it, and all that it writes is kept."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

# what esrag and readline may send: colours, the line cleared, pasted text marked as such
_MEANT = re.compile(rb"\x1b\[[0-9;]*m|\r\x1b\[K|\x1b\[K|\x1b\[\?2004[hl]|\r\n|\r")


class Typed:
    """A context manager; ``seen`` is everything that was written, as bytes."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, columns: int = 80
    ) -> None:
        self.seen = b""
        self._read = 0
        self._side, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self._process = subprocess.Popen(
            list(command),
            env={**os.environ, **environment, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=lambda: _own_terminal(theirs),
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._side, text.encode())

    def interrupt(self, words: str) -> None:
        """Press ^C at a prompt until these words come.

        A signal that arrives in the moment before readline begins to wait is seen with the next
        one only; whoever sits there presses again.  Keys pressed before must have been read, so
        wait for their echo: ^C makes the terminal forget them, and where readline was told of
        them, it reads on until another key comes, deaf to signals (once in some hundred times).
        """
        for _ in range(5):
            self.type("\x03")
            try:
                self.wait_for(words, seconds=3)
            except AssertionError:
                continue
            return
        raise AssertionError(f"{words!r} did not come: {self.seen[self._read :]!r}")

    def wait_for(self, words: str, *, seconds: float = 30) -> str:
        """All that came until these words, since the last call; AssertionError without them."""
        end = time.monotonic() + seconds
        wanted = words.encode()
        while wanted not in self.seen[self._read :]:
            if not self._more(end - time.monotonic()):
                raise AssertionError(f"{words!r} did not come: {self.seen[self._read :]!r}")
        found = self.seen.index(wanted, self._read) + len(wanted)
        part, self._read = self.seen[self._read : found], found
        return part.decode()

    def end(self, *, seconds: float = 30) -> int:
        """The exit code, once the command has ended by itself."""
        end = time.monotonic() + seconds
        while self._more(end - time.monotonic()):
            pass
        return self._process.wait(max(0.1, end - time.monotonic()))

    @property
    def steering(self) -> bytes:
        """Control characters among all that came, apart from those that are meant."""
        rest = _MEANT.sub(b"", self.seen).replace(b"\t", b"").replace(b"\n", b"")
        text = rest.decode("utf-8", "replace")
        return "".join(c for c in text if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0).encode()

    def _more(self, seconds: float) -> bool:
        """Whether anything came; False at the end of the output, and when time has run out."""
        ready, _, _ = select.select([self._side], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            part = os.read(self._side, 65536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.seen += part
        return bool(part)

    def __enter__(self) -> Typed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        os.close(self._side)


def _own_terminal(terminal: int) -> None:
    """Make it the terminal from which ^C comes."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
