"""A socket with a limit: each wait ends at a moment that is set beforehand, however slowly bytes
drip, and another thread can end it at once.

Presents itself to ``http.client`` as a socket.  It knows nothing of what is said.
"""

from __future__ import annotations

import io
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

_BUFFER = 65_536


@dataclass(frozen=True, slots=True)
class Limit:
    """The moment until which something has to be done, and the words when it has not.

    ``doing`` completes "while"; ``setting`` is what allows more time.
    """

    at: float
    seconds: float
    doing: str
    setting: str

    @classmethod
    def after(cls, seconds: float, doing: str, setting: str) -> Limit:
        """The limit so many seconds from now."""
        return cls(time.monotonic() + seconds, seconds, doing, setting)

    @property
    def left(self) -> float:
        """Seconds until then; negative when it has passed."""
        return self.at - time.monotonic()

    def or_earlier(self, other: Limit) -> Limit:
        """Whichever comes first."""
        return self if self.at <= other.at else other


class TooSlowError(Exception):
    """The limit passed."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(f"more than {limit.seconds:g} s while {limit.doing}")
        self.limit = limit


class Wire:
    """One connection.  ``limit`` may be set anew before each wait; ``abort`` by any thread."""

    def __init__(self, sock: socket.socket, limit: Limit) -> None:
        self.limit = limit
        self._sock = sock

    def replace(self, sock: socket.socket) -> None:
        """Go on with the same connection wrapped otherwise: TLS."""
        self._sock = sock

    def wait_at_most(self) -> float:
        """The seconds left; raises TooSlowError when there are none."""
        left = self.limit.left
        if left <= 0:
            raise TooSlowError(self.limit)
        return left

    def sendall(self, data: bytes) -> None:
        """Send everything within the limit."""
        self._sock.settimeout(self.wait_at_most())
        try:
            self._sock.sendall(data)
        except TimeoutError as error:
            raise TooSlowError(self.limit) from error

    def recv_into(self, buffer: memoryview) -> int:
        """Receive what there is, waiting no longer than the limit."""
        self._sock.settimeout(self.wait_at_most())
        try:
            return self._sock.recv_into(buffer)
        except TimeoutError as error:
            raise TooSlowError(self.limit) from error

    def makefile(self, mode: str) -> io.BufferedReader:
        """What ``http.client`` reads an answer from; closing it does not close the connection."""
        del mode
        return io.BufferedReader(_Incoming(self), _BUFFER)

    def abort(self) -> None:
        """End the connection at once; a thread that waits for it wakes."""
        with suppress(OSError):
            # the plain socket's: that of TLS takes its state away under the reader's hands
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back; by the thread that reads from it."""
        self._sock.close()

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read: no farewell, and no rest of an older answer."""
        try:
            self._sock.settimeout(0)
            # the plain socket's, since that of TLS does not peek
            socket.socket.recv(self._sock, 1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


class _Incoming(io.RawIOBase):
    """The reading side as a file."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Bytes from the connection."""
        return self._wire.recv_into(buffer)
