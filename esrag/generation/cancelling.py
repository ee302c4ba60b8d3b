"""Cancelling: one flag that several threads share, and what is to happen the moment it is set.

    cancel = Cancellation()
    Thread A:  answerer.answer(asked, cancel=cancel)     checks between steps, and while it reads
    Thread B:  cancel.cancel("the client left")          returns at once; A raises CancelledError

Whoever waits for a socket registers a callback that ends the wait; so a generation stops at once
and not with its next token.  This module knows neither sockets nor answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from esrag.errors import EsragError


class CancelledError(EsragError):
    """The work was called off by who had asked for it; nobody waits for the result."""

    exit_code = 130


class Cancellation:
    """Whether work has been called off.  Any thread may call any method, any number of times."""

    def __init__(self) -> None:
        # re-entrant and held while callbacks run, so that who leaves ``calling`` knows that its
        # callback is neither running nor still to come
        self._lock = threading.RLock()
        self._event = threading.Event()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._next = 0
        self._reason = ""

    @property
    def cancelled(self) -> bool:
        """Whether the work has been called off."""
        return self._event.is_set()

    @property
    def reason(self) -> str:
        """The words of the first caller of ``cancel``; "" before."""
        return self._reason

    def cancel(self, reason: str = "it was called off") -> None:
        """Call the work off: callbacks run here, in this thread, once.  Later calls do nothing.

        A callback must be quick and wait for nobody.  One that raises keeps no other from running;
        the first error is raised at the end.
        """
        errors: list[Exception] = []
        with self._lock:
            if self._event.is_set():
                return
            self._reason = reason
            self._event.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
            for callback in callbacks:
                try:
                    callback()
                except Exception as error:  # noqa: BLE001  # the others must run all the same
                    errors.append(error)
        if errors:
            raise errors[0]

    def check(self) -> None:
        """Raise CancelledError when the work has been called off."""
        if self._event.is_set():
            raise CancelledError(f"stopped: {self._reason}")

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake at once when cancelled; whether it was."""
        return self._event.wait(seconds)

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """While in the block, ``cancel`` also runs ``callback``; at once if it came before.

        Behind the block the callback is not running in any thread, and will not run.
        """
        forget = self.on_cancel(callback)
        try:
            yield
        finally:
            forget()

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have ``cancel`` also run ``callback``, at once if it came before.

        What is returned takes the callback away; behind it the callback is not running in any
        thread, and will not run.
        """
        with self._lock:
            number = self._next
            self._next += 1
            late = self._event.is_set()
            if not late:
                self._callbacks[number] = callback
        if late:
            callback()

        def forget() -> None:
            with self._lock:
                self._callbacks.pop(number, None)

        return forget

    def child(self) -> Cancellation:
        """One that is cancelled with this one, and alone without it.

        For a part of the work that may be called off while the rest goes on: a generation begun
        ahead of the judgement whether the passages answer at all.
        """
        part = Cancellation()
        self.on_cancel(lambda: part.cancel(self._reason))
        return part
