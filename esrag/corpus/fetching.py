"""Fetches things that may be slow, fail or hang: with deadlines, tries and some of them ahead.

A call into somebody else's network code cannot be ended from outside, so each runs in a thread
of its own that is left alone when its time is over.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

TRIES = 4
LONGEST_WAIT = 30.0


class TooSlow(Exception):
    """A call took longer than it may."""


class Passing(Exception):
    """Raised by a call whose failure may pass: it is tried again, later if ``after`` says so."""

    def __init__(self, reason: str, *, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """The result of ``call``, or what it raised; raises TooSlow when it takes longer."""
    return _Running(call, seconds).result()


def with_tries(
    call: Callable[[], Result],
    *,
    tries: int = TRIES,
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> Result:
    """The result of ``call``; Passing is tried again after 0.5, 1, 2 … seconds with full jitter."""
    for attempt in range(tries - 1):
        try:
            return call()
        except Passing as error:
            wait = max(chance() * 0.5 * 2.0**attempt, error.after)
            sleep(min(LONGEST_WAIT, wait))
    return call()


def ahead(
    items: Iterable[Item],
    call: Callable[[Item], Callable[[], Result] | Result],
    *,
    at_once: int,
    seconds: float,
    late: Callable[[Item], Result],
) -> Iterator[Result]:
    """What becomes of each item, in their order, with up to ``at_once`` running.

    ``call`` gives the result, or a function that will make it.  ``late`` makes the result of one
    that takes more than ``seconds``.
    """
    running: deque[tuple[Item, Result | _Running[Result]]] = deque()

    def first() -> Result:
        item, answer = running.popleft()
        if not isinstance(answer, _Running):
            return answer
        try:
            return answer.result()
        except TooSlow:
            return late(item)

    for item in items:
        answer = call(item)
        running.append((item, _Running(answer, seconds) if callable(answer) else answer))
        if len(running) >= at_once:
            yield first()
    while running:
        yield first()


class _Running(Generic[Result]):
    """A call that runs in a thread which nothing waits for at the end of the process."""

    def __init__(self, call: Callable[[], Result], seconds: float) -> None:
        self._answer: queue.SimpleQueue[tuple[bool, Result | BaseException]] = queue.SimpleQueue()
        self._deadline = time.monotonic() + seconds

        def run() -> None:
            try:
                self._answer.put((True, call()))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                self._answer.put((False, error))

        threading.Thread(target=run, daemon=True, name="esrag-fetch").start()

    def result(self) -> Result:
        try:
            done, answer = self._answer.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            raise TooSlow from None
        if not done:
            raise answer  # type: ignore[misc]
        return answer  # type: ignore[return-value]
