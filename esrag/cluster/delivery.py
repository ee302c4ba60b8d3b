"""Delivers chunks to the index: the one layer that sends again.

``deliver`` returns only when each action is acknowledged or rejected; all else is raised, and
then nothing is known of what was not returned.  Sending the same ids again is harmless, so an
unknown outcome is sent again.  How much is sent at once is the matter of ``pressure``.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from esrag.cluster.bulk import Action, BulkRefused, Item, Verdict
from esrag.cluster.gauge import Gauge
from esrag.cluster.pressure import LARGEST_BODY, SendState, Window
from esrag.cluster.retry import TRIES, next_wait
from esrag.errors import EsragError, UnavailableError

Send = Callable[[Sequence[Action]], list[Item]]

PATIENCE = 600.0  # seconds without any acknowledgement
_MOST_AHEAD = 64  # deliveries; each is a thread
NOT_SENT = "not_sent"
_FEW = 3
_AFTER_A_RESTART = 30.0  # a node that has just started may refuse good credentials for a while
_SINGLED_OUT = 3  # chunks, and nothing was taken: it is not the chunks
_TOO_LARGE = 413


class DeliveryStopped(Exception):
    """The caller asked to stop while a delivery was waiting; its outcome is open."""


class Delivery:
    """Sends actions until each has a final answer, within bounds."""

    def __init__(
        self,
        send: Send,
        window: Window,
        *,
        stop: threading.Event | None = None,
        gauge: Gauge | None = None,
        tries: int = TRIES,
        patience: float = PATIENCE,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self.window = window
        self._stop = stop or threading.Event()
        self._gauge = gauge
        self._tries = tries
        self._patience = patience
        self._chance = chance
        self._clock = clock

    def deliver(self, actions: Sequence[Action], *, ordered: bool = False) -> list[Item]:
        """One item for each action, acknowledged or rejected, in any order.

        What does not fit into one request goes in parts, the next when the last is acknowledged.
        If ``ordered``, what follows a rejected action of the same key is not sent any more.
        Raises the error that ended the attempts, or DeliveryStopped.
        """
        return _Attempts(self, actions, ordered=ordered).run()

    @property
    def wait(self) -> tuple[str, float]:
        """Why nothing is being sent, "" when it is, and until when; any thread may ask."""
        state = self.window.state()
        return state.wait, state.wait_until

    def observe(self) -> None:
        """Read the cluster's load if it is time to."""
        reading = self._gauge.read_if_due() if self._gauge else None
        if reading is not None:
            self.window.consider(reading)

    def next_wait(self, failures: int, waited: float, since: float, error: EsragError) -> float:
        """Seconds until the next try; raises ``error`` when there shall be none."""
        if failures >= self._tries or self._clock() - since > self._patience:
            raise error
        return next_wait(failures, waited, self._chance())


@dataclass(frozen=True, slots=True)
class _Pause:
    """Why there is to be a wait, for how many chunks, and how long the server asks for at least."""

    error: EsragError
    busy: bool
    chunks: int
    asked: float = 0.0


class _Attempts:
    """The state of one delivery."""

    def __init__(self, delivery: Delivery, actions: Sequence[Action], *, ordered: bool) -> None:
        self._delivery = delivery
        self._window = delivery.window
        self._waiting = deque(actions)
        self._again: deque[Action] = deque()  # sent before; nothing new goes with it or before it
        self._suspects: list[Action] = []  # one of them made a request be refused
        self._refusal: BulkRefused | None = None
        self._ordered = ordered
        self._refused_keys: set[int] = set()
        self._done: list[Item] = []
        self._tried: dict[str, int] = {}
        self._failures = 0
        self._waited = 0.0
        self._since = delivery._clock()
        self._progress = delivery.window.progress
        self._lost_at = float("-inf")
        self._any_acknowledged = False
        self._singled_out = 0

    def run(self) -> list[Item]:
        while part := self._next_part():
            self._delivery.observe()
            with self._window.passage(len(part), stop=self._delivery._stop) as epoch:
                if epoch < 0:
                    raise DeliveryStopped
                pause = self._send(part, epoch)
            if pause is not None:
                self._wait(pause)
        return self._done

    def _next_part(self) -> list[Action]:
        """What the next request carries."""
        if self._suspects:
            return self._suspects[: max(1, len(self._suspects) // 2)]
        for actions in (self._again, self._waiting):
            while actions:
                part = take_batch(actions, size=self._window.size, max_bytes=self._window.max_bytes)
                part = self._without_refused(part)
                if part:
                    return part
        return []

    def _without_refused(self, part: list[Action]) -> list[Action]:
        """In order, one refused part of a document makes its others pointless."""
        if not self._refused_keys:
            return part
        words = "another part of the same document was refused"
        for action in part:
            if action.key in self._refused_keys:
                self._done.append(Item(action, Verdict.REJECTED, 0, NOT_SENT, words))
        return [action for action in part if action.key not in self._refused_keys]

    def _send(self, part: list[Action], epoch: int) -> _Pause | None:
        """One request, and what is to be waited for after its answer."""
        try:
            items = self._delivery._send(part)
        except BulkRefused as refused:
            return self._refused(part, refused, epoch)
        self._window.taken(_bytes(part))
        pause = self._answered(items, epoch)
        self._suspects = self._suspects[len(part) :]
        if len(self._suspects) == 1 and self._refusal and self._refusal.status != _TOO_LARGE:
            # its fellows went through without it; two short bodies may still make a long one
            self._single_out(self._suspects.pop(), self._refusal)
        return pause

    def _refused(self, part: list[Action], refused: BulkRefused, epoch: int) -> _Pause | None:
        if refused.lost:
            self._lost_at = self._delivery._clock()
        if refused.verdict is Verdict.HALVE:
            self._narrow_down(part, refused)
            return None
        restarting = self._delivery._clock() - self._lost_at < _AFTER_A_RESTART
        if refused.verdict is Verdict.STOP and not (refused.status == 401 and restarting):
            raise refused.error
        if not self._suspects:
            self._again.extendleft(reversed(part))
        self._window.shrink(epoch)
        return _Pause(refused.error, refused.verdict is Verdict.BUSY, len(part), refused.asked_wait)

    def _narrow_down(self, part: list[Action], refused: BulkRefused) -> None:
        """Find out which chunk makes the server refuse the whole request, by halves.

        A request that is refused for its length alone is sent in shorter ones from now on.
        """
        rest = self._suspects[len(part) :]
        self._suspects, self._refusal = [], refused
        self._again.extendleft(reversed(rest))
        if len(part) == 1:
            self._single_out(part[0], refused)
        elif refused.status == _TOO_LARGE and self._window.too_long(_bytes(part)):
            self._again.extendleft(reversed(part))
        else:
            self._suspects = part

    def _single_out(self, action: Action, refused: BulkRefused) -> None:
        code = "too_large" if refused.status == _TOO_LARGE else "request_refused"
        self._singled_out += 1
        if self._singled_out >= _SINGLED_OUT and not self._any_acknowledged:
            raise UnavailableError(
                f"every bulk request is refused: {refused.status}: {refused.text}",
                hint="Is there a proxy before Elasticsearch that refuses them?",
            ) from refused
        if refused.status == _TOO_LARGE:
            self._window.was_not_length()
        self._finish(Item(action, Verdict.REJECTED, refused.status, code, refused.text))

    def _finish(self, item: Item) -> None:
        self._done.append(item)
        if self._ordered and item.verdict is Verdict.REJECTED:
            self._refused_keys.add(item.action.key)

    def _answered(self, items: list[Item], epoch: int) -> _Pause | None:
        if all(item.verdict is Verdict.ACKNOWLEDGED for item in items):
            self._done += items
            self._any_acknowledged = True
            self._start_anew()
            self._window.grow(len(items))
            return None
        again: list[Item] = []
        acknowledged = 0
        for item in items:
            if item.verdict is Verdict.STOP and item.error is not None:
                raise item.error
            if item.verdict is Verdict.ACKNOWLEDGED:
                acknowledged += 1
                self._done.append(item)
            elif item.verdict is Verdict.REJECTED:
                self._finish(item)
            elif self._given_up(item):
                self._finish(replace(item, verdict=Verdict.REJECTED, attempts=_FEW))
            else:
                again.append(item)
        if acknowledged:
            self._any_acknowledged = True
            self._start_anew()
        if not again:
            self._window.grow(acknowledged)
            return None
        self._again.extendleft(reversed([item.action for item in again]))
        busy = any(item.verdict is Verdict.BUSY for item in again)
        if busy:
            self._window.shrink(epoch)
        return _Pause(_unavailable(again), busy, len(again))

    def _start_anew(self) -> None:
        self._failures, self._waited, self._since = 0, 0.0, self._delivery._clock()

    def _given_up(self, item: Item) -> bool:
        """Whether a chunk that fails again and again is itself to blame: others went through."""
        if item.verdict is not Verdict.FEW_TIMES:
            return False
        self._tried[item.action.id] = self._tried.get(item.action.id, 0) + 1
        return self._tried[item.action.id] >= _FEW and self._any_acknowledged

    def _wait(self, pause: _Pause) -> None:
        """Wait before the next try; raises when there shall be none."""
        progress = self._window.progress
        if pause.busy and progress != self._progress:
            self._start_anew()  # the server works, for other deliveries of ours
        self._progress = progress
        self._failures += 1
        seconds = max(
            pause.asked,
            self._delivery.next_wait(self._failures, self._waited, self._since, pause.error),
        )
        self._waited += seconds
        with self._window.waiting(seconds, pause.error.message, again=pause.chunks):
            if self._delivery._stop.wait(seconds):
                raise DeliveryStopped


class Sender:
    """Runs deliveries beside the caller; one thread each.

    As many as the window allows at once, or ``at_once``.  ``prepare`` is called once for the
    actions of a delivery, in its thread, while others are being sent; if it has ``look_ahead``,
    so many more actions may be with it.
    """

    def __init__(
        self,
        delivery: Delivery,
        *,
        at_once: int | None = None,
        prepare: Callable[[Sequence[Action]], Sequence[Action]] = list,
    ) -> None:
        self._delivery = delivery
        self._prepare = prepare
        self._look_ahead: int = getattr(prepare, "look_ahead", 0)
        self._at_once = at_once
        self._answers: queue.SimpleQueue[list[Item] | BaseException] = queue.SimpleQueue()
        self.in_flight = 0

    @property
    def is_full(self) -> bool:
        """Whether ``collect`` must be called before the next ``submit``."""
        most = self._at_once
        if most is None:
            window = self._delivery.window
            ahead = -(-self._look_ahead // window.size)
            most = window.at_once + min(_MOST_AHEAD, ahead)
        return self.in_flight >= most

    def state(self) -> SendState:
        """How sending stands; any thread may ask."""
        return self._delivery.window.state()

    def submit(self, actions: Sequence[Action], *, ordered: bool = False) -> None:
        """Start delivering; the answer comes from ``collect``.

        If ``ordered``, what follows a refused action of the same key is not sent any more.
        """
        self.in_flight += 1
        # A daemon, so that a second ^C need not wait for a server that does not answer.
        threading.Thread(target=self._work, args=(actions, ordered), daemon=True).start()

    def collect(self, timeout: float | None = None) -> list[Item]:
        """The items of a delivery that has ended; raises what ended it, or queue.Empty."""
        answer = self._answers.get(timeout=timeout)
        self.in_flight -= 1
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _work(self, actions: Sequence[Action], ordered: bool) -> None:
        try:
            ready = self._prepare(actions)
            self._answers.put(self._delivery.deliver(ready, ordered=ordered))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that collects, not swallowed
            self._answers.put(error)


def take_batch(waiting: deque[Action], *, size: int, max_bytes: int = LARGEST_BODY) -> list[Action]:
    """Remove and return as many actions as one request shall carry."""
    batch: list[Action] = []
    taken = 0
    while waiting and len(batch) < size and (not batch or taken + waiting[0].size <= max_bytes):
        action = waiting.popleft()
        taken += action.size
        batch.append(action)
    return batch


def _bytes(actions: Sequence[Action]) -> int:
    return sum(action.size for action in actions)


def _unavailable(items: Sequence[Item]) -> UnavailableError:
    first = items[0]
    return UnavailableError(
        f"Elasticsearch did not take {len(items)} chunks: {first.status} {first.code}: "
        f"{first.reason}",
        hint="Run the same command again to continue.",
    )
