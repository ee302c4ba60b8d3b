"""Texts that wait for their vectors, of all threads that asked; processes take them in turn.

Whoever asks puts in a ``Request`` and waits for it.  A process takes many texts at a time, of
several requests if need be: the more it sees at once, the better they can be sorted by length.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Place = tuple["Request", int]


class Request:
    """The texts of one call, the matrix that their vectors go into, and whether it is complete."""

    def __init__(self, texts: Sequence[str], dims: int) -> None:
        import numpy

        self.texts = texts
        self.vectors: NDArray[Any] = numpy.zeros((len(texts), dims), dtype=numpy.float32)
        self._missing = len(texts)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._error: BaseException | None = None

    def fill(self, number: int, vector: NDArray[Any]) -> None:
        """Note the vector of one text."""
        self.vectors[number] = vector
        with self._lock:
            self._missing -= 1
            if self._missing == 0:
                self._done.set()

    def fail(self, error: BaseException) -> None:
        """Let the caller go with this error; the first one counts."""
        with self._lock:
            self._error = self._error or error
            self._done.set()

    def wait(self) -> NDArray[Any]:
        """The vectors, when all are there; raises what went wrong."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self.vectors


class WaitingTexts:
    """What was asked and not yet taken, oldest first."""

    def __init__(self) -> None:
        self._places: deque[Place] = deque()
        self._changed = threading.Condition()
        self._closed: BaseException | None = None

    def put(self, request: Request) -> None:
        """Add the texts of a request."""
        with self._changed:
            if self._closed is not None:
                request.fail(self._closed)
                return
            self._places.extend((request, number) for number in range(len(request.texts)))
            self._changed.notify_all()

    def take(self, most: int, *, sharers: int, block: bool) -> list[Place]:
        """Up to ``most`` texts, a fair part where several take; none when closed.

        Without ``block`` also none when nothing waits.
        """
        with self._changed:
            while block and not self._places and self._closed is None:
                self._changed.wait()
            fair = -(-len(self._places) // sharers)
            count = min(len(self._places), most, max(_LEAST, fair))
            return [self._places.popleft() for _ in range(count)]

    def close(self, error: BaseException) -> None:
        """Nothing is taken any more; whoever waits, or asks later, gets this error."""
        with self._changed:
            self._closed = error
            for request, _ in self._places:
                request.fail(error)
            self._places.clear()
            self._changed.notify_all()


_LEAST = 64  # texts; fewer are not worth a share of their own
