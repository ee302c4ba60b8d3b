"""^C and SIGTERM while an answer comes about: its generation ends at once, then the command does.

An answer is made by several threads, and a signal reaches the main one only; the cancellation
tells the others.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from esrag.generation.cancelling import Cancellation

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def called_off_by_signals() -> Iterator[Cancellation]:
    """A cancellation for the work of the block; the signals raise afterwards what they always do.

    However the block ends, what still runs for it is called off.
    """
    cancel = Cancellation()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def call_off(number: int, frame: FrameType | None) -> None:
        cancel.cancel("stopped by ^C" if number == signal.SIGINT else "stopped by SIGTERM")
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        raise KeyboardInterrupt

    for number in _SIGNALS:
        signal.signal(number, call_off)
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        cancel.cancel()
