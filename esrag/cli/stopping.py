"""Stops work at a safe point: the first signal ends it after the present request, the second now.

Cluster state that a command changes must not be left in the middle of a request, and its lock is
to be given back.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping_at_safe_points(after: str = "this request") -> Iterator[Callable[[], None]]:
    """Yields a function to be called wherever it is safe to stop; it raises what the signal does.

    ``after`` tells the user what is still done.

    Only the main thread gets signals; in any other the function does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    waiting: list[tuple[int, FrameType | None]] = []

    def remember(number: int, frame: FrameType | None) -> None:
        waiting.append((number, frame))
        if len(waiting) > 1:
            act()
        else:
            click.echo(f"Stopping after {after}; once more stops at once.", err=True)

    def act() -> None:
        number, frame = waiting[0]
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        raise KeyboardInterrupt

    def safe_point() -> None:
        if waiting:
            act()

    for number in _SIGNALS:
        signal.signal(number, remember)
    try:
        yield safe_point
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
