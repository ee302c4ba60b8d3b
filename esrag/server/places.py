"""How much at once: places for answers with a queue before them, and requests in a minute.

Whoever finds no place and no room to wait is told at once, and when to come back.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from esrag.server.problems import Problem, problem

_MOST_CALLERS = 10_000
_LONGEST_WAIT = 60


class Places:
    """``count`` places and a queue for ``queue`` more; belongs to one event loop.

    ``stopping`` is set when the server ends: nobody gets a place then, and who waits is sent away.
    """

    def __init__(self, count: int, queue: int) -> None:
        self.count = count
        self.queue = queue
        self.taken = 0
        self.stopping = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._seconds = 1.0  # how long a place is held, as of late

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def take(self) -> float:
        """Wait for a place; the time at which it was got, which ``leave`` wants back.

        Raises Problem when there is no room to wait, or the server is stopping.
        """
        at_once = self.take_now()
        if at_once is not None:
            return at_once
        if len(self._waiting) >= self.queue:
            raise self._busy()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._hand_on()  # it came just as the caller left
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise
        return time.monotonic()

    def take_now(self) -> float | None:
        """As ``take``, None where one has to wait; raises Problem when the server is stopping."""
        if self.stopping:
            raise stopping()
        if self.taken >= self.count or self._waiting:
            return None
        self.taken += 1
        return time.monotonic()

    def leave(self, since: float) -> None:
        """Give a place back."""
        self._seconds += 0.1 * (time.monotonic() - since - self._seconds)
        self._hand_on()

    def stop(self) -> None:
        """Send away who waits; nobody gets a place any more."""
        self.stopping = True
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(stopping())

    def _hand_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1

    def _busy(self) -> Problem:
        until = self._seconds * (self.waiting + 1) / self.count
        return problem(
            429,
            "busy",
            f"{self.count} answers are being written and {self.waiting} wait",
            "Try again a little later.",
            retry_after=min(_LONGEST_WAIT, max(1, math.ceil(until))),
        )


def stopping() -> Problem:
    """The server ends."""
    return problem(
        503, "stopping", "this server is stopping", "Ask again in a moment.", retry_after=5
    )


class Rate:
    """At most ``per_minute`` requests of one caller, in bursts of so many; 0 does not limit.

    Old callers are forgotten when there are very many, so that names cost no memory.
    """

    def __init__(self, per_minute: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, caller: str) -> None:
        """Count a request; raises Problem when it is one too many."""
        if not self._per_minute:
            return
        now = self._now()
        left, at = self._callers.pop(caller, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        allowed = left >= 1
        self._callers[caller] = (left - 1 if allowed else left, now)
        if len(self._callers) > _MOST_CALLERS:
            self._callers.popitem(last=False)
        if not allowed:
            raise problem(
                429,
                "too_many_requests",
                f"one caller may send {self._per_minute} requests in a minute",
                "Wait, or ask whoever runs the server for serve.requests_per_minute.",
                retry_after=max(1, math.ceil((1 - left) * 60 / self._per_minute)),
            )
