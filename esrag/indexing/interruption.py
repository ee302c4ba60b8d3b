"""How a signal ends a run: at once while it waits, else when the step is done.

A step that writes to the ledger and hands chunks over is never cut in two; what waits for a file,
a server or an answer is not waited for any longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Interruption:
    """Made and used in one thread, the one that signals arrive in."""

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._raised = False
        self._waiting = False

    def request(self, error: BaseException) -> None:
        """Called from a signal handler; the second call raises whatever is being done."""
        again = self._error is not None
        self._error = error
        if again or self._waiting:
            self._raised = True
            raise error

    def check(self) -> None:
        """Raise what was requested during the step that has just ended."""
        if self._error is not None and not self._raised:
            self._raised = True
            raise self._error

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While in here, an interruption need not wait."""
        self.check()
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False
