"""Delivers chunks to the index: the one layer that sends again, and how much at once.

``deliver`` returns only when each action is acknowledged or rejected; all else is raised, and
then nothing is known of what was not returned.  Sending the same ids again is harmless, so an
unknown outcome is sent again.  The number of chunks a request carries grows slowly while all is
well and is halved when the server is busy, in the manner of TCP.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from esrag.cluster.bulk import Action, BulkRefused, Item, Verdict
from esrag.errors import EsragError, UnavailableError

Send = Callable[[Sequence[Action]], list[Item]]

TRIES = 8
PATIENCE = 600.0  # seconds without any acknowledgement
LONGEST_WAIT = 30.0
_FEW = 3
_AFTER_A_RESTART = 30.0  # a node that has just started may refuse good credentials for a while
_MAX_BYTES = 8 * 1024 * 1024


class DeliveryStopped(Exception):
    """The caller asked to stop while a delivery was waiting; its outcome is open."""


class Window:
    """How many actions one request may carry; shared by all deliveries."""

    def __init__(self, largest: int, *, smallest: int = 8) -> None:
        self._largest = max(1, largest)
        self._smallest = min(smallest, self._largest)
        self._size = self._largest
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """The present limit."""
        return self._size

    def grow(self) -> None:
        """After a request that went well."""
        with self._lock:
            self._size = min(self._largest, self._size + self._smallest)

    def shrink(self) -> None:
        """After one that was too much."""
        with self._lock:
            self._size = max(self._smallest, self._size // 2)


class Delivery:
    """Sends actions until each has a final answer, within bounds."""

    def __init__(
        self,
        send: Send,
        window: Window,
        *,
        stop: threading.Event | None = None,
        tries: int = TRIES,
        patience: float = PATIENCE,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._window = window
        self._stop = stop or threading.Event()
        self._tries = tries
        self._patience = patience
        self._chance = chance
        self._clock = clock
        self.wait: tuple[str, float] = ("", 0.0)  # why a delivery waits, and until when

    def deliver(self, actions: Sequence[Action]) -> list[Item]:
        """One item for each action, acknowledged or rejected, in any order.

        Raises the error that ended the attempts, or DeliveryStopped.
        """
        return _Attempts(self, actions).run()

    def next_wait(self, failures: int, since: float, error: EsragError) -> float:
        """Seconds until the next try; raises ``error`` when there shall be none.

        Half of it is left to chance.  The other half is not, so that eight tries always outlast
        a node that is being restarted.
        """
        if failures >= self._tries or self._clock() - since > self._patience:
            raise error
        longest = min(LONGEST_WAIT, 2.0 ** (failures - 1))
        return longest * (1.0 + self._chance()) / 2.0


class _Attempts:
    """The state of one delivery."""

    def __init__(self, delivery: Delivery, actions: Sequence[Action]) -> None:
        self._delivery = delivery
        self._waiting = deque([list(actions)])
        self._done: list[Item] = []
        self._tried: dict[str, int] = {}
        self._failures = 0
        self._since = delivery._clock()
        self._lost_at = float("-inf")
        self._any_acknowledged = False

    def run(self) -> list[Item]:
        while self._waiting:
            if self._delivery._stop.is_set():
                raise DeliveryStopped
            part = self._next_part()
            try:
                items = self._delivery._send(part)
            except BulkRefused as refused:
                self._refused(part, refused)
            else:
                self._answered(items)
        return self._done

    def _next_part(self) -> list[Action]:
        part = self._waiting.popleft()
        size = self._delivery._window.size
        if len(part) > size:
            self._waiting.appendleft(part[size:])
        return part[:size]

    def _refused(self, part: list[Action], refused: BulkRefused) -> None:
        if refused.lost:
            self._lost_at = self._delivery._clock()
        if refused.verdict is Verdict.HALVE:
            self._halve(part, refused)
            return
        restarting = self._delivery._clock() - self._lost_at < _AFTER_A_RESTART
        if refused.verdict is Verdict.STOP and not (refused.status == 401 and restarting):
            raise refused.error
        self._waiting.appendleft(part)
        self._delivery._window.shrink()
        self._pause(refused.error)

    def _halve(self, part: list[Action], refused: BulkRefused) -> None:
        if len(part) == 1:
            code = "too_large" if refused.status == 413 else "request_refused"
            item = Item(part[0], Verdict.REJECTED, refused.status, code, refused.text)
            self._done.append(item)
            return
        middle = len(part) // 2
        self._waiting.appendleft(part[middle:])
        self._waiting.appendleft(part[:middle])

    def _answered(self, items: list[Item]) -> None:
        again: list[Item] = []
        acknowledged = False
        for item in items:
            if item.verdict is Verdict.STOP and item.error is not None:
                raise item.error
            if item.verdict is Verdict.ACKNOWLEDGED:
                acknowledged = True
                self._done.append(item)
            elif item.verdict is Verdict.REJECTED:
                self._done.append(item)
            elif self._given_up(item):
                self._done.append(replace(item, verdict=Verdict.REJECTED, attempts=_FEW))
            else:
                again.append(item)
        if acknowledged:
            self._any_acknowledged = True
            self._failures, self._since = 0, self._delivery._clock()
        if not again:
            self._delivery._window.grow()
            return
        self._waiting.appendleft([item.action for item in again])
        if any(item.verdict is Verdict.BUSY for item in again):
            self._delivery._window.shrink()
        self._pause(_unavailable(again))

    def _given_up(self, item: Item) -> bool:
        """Whether a chunk that fails again and again is itself to blame: others went through."""
        if item.verdict is not Verdict.FEW_TIMES:
            return False
        self._tried[item.action.id] = self._tried.get(item.action.id, 0) + 1
        return self._tried[item.action.id] >= _FEW and self._any_acknowledged

    def _pause(self, error: EsragError) -> None:
        self._failures += 1
        seconds = self._delivery.next_wait(self._failures, self._since, error)
        self._delivery.wait = (error.message, self._delivery._clock() + seconds)
        stopped = self._delivery._stop.wait(seconds)
        self._delivery.wait = ("", 0.0)
        if stopped:
            raise DeliveryStopped


class Sender:
    """Runs up to ``at_once`` deliveries beside the caller; one thread each.

    ``prepare`` is called once for the actions of a delivery, in its thread: what it does takes
    its time while others are being sent.
    """

    def __init__(
        self,
        delivery: Delivery,
        *,
        at_once: int = 2,
        prepare: Callable[[Sequence[Action]], Sequence[Action]] = list,
    ) -> None:
        self._delivery = delivery
        self._prepare = prepare
        self._at_once = at_once
        self._answers: queue.SimpleQueue[list[Item] | BaseException] = queue.SimpleQueue()
        self.in_flight = 0

    @property
    def is_full(self) -> bool:
        """Whether ``collect`` must be called before the next ``submit``."""
        return self.in_flight >= self._at_once

    def submit(self, actions: Sequence[Action]) -> None:
        """Start delivering; the answer comes from ``collect``."""
        self.in_flight += 1
        # A daemon, so that a second ^C need not wait for a server that does not answer.
        threading.Thread(target=self._work, args=(actions,), daemon=True).start()

    def collect(self, timeout: float | None = None) -> list[Item]:
        """The items of a delivery that has ended; raises what ended it, or queue.Empty."""
        answer = self._answers.get(timeout=timeout)
        self.in_flight -= 1
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _work(self, actions: Sequence[Action]) -> None:
        try:
            self._answers.put(self._delivery.deliver(self._prepare(actions)))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that collects, not swallowed
            self._answers.put(error)


def take_batch(waiting: deque[Action], *, size: int, max_bytes: int = _MAX_BYTES) -> list[Action]:
    """Remove and return as many actions as one request shall carry."""
    batch: list[Action] = []
    taken = 0
    while waiting and len(batch) < size and (not batch or taken + waiting[0].size <= max_bytes):
        action = waiting.popleft()
        taken += action.size
        batch.append(action)
    return batch


def _unavailable(items: Sequence[Item]) -> UnavailableError:
    first = items[0]
    return UnavailableError(
        f"Elasticsearch did not take {len(items)} chunks: {first.status} {first.code}: "
        f"{first.reason}",
        hint="Run the same command again to continue.",
    )
