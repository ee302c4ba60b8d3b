"""How much may be under way at once, and what the cluster lets us see of its load.

    answers: well, too much ──►  Window  ◄── Reading ◄── Gauge ◄── deployment statistics,
                                   │                               indexing pressure
             chunks a request, requests at once, chunks in all

In the manner of TCP: a little more while all goes well, half as much when the server is busy.
Answers alone suffice for that.  Credentials that may read statistics make it gentler: requests
carry no more work than keeps the deployment busy, the queue is never overrun, and others who use
it are seen before they are hurt.  Sends nothing and waits for nobody but its own turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esrag.cluster.gauge import NOTHING_READ, Gauge, Reading

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

LARGEST = 256  # chunks a request
AT_ONCE_WITH_VECTORS = 4
AT_ONCE = 2  # requests; while the cluster works on one, the next is ready
MOST_AT_ONCE = 8
LARGEST_BODY = 8 * 1024 * 1024
WORK_SECONDS = 0.75  # of the whole deployment, that one request brings: indexing hides behind it
_LEAST_WORK = 32
_WORTH = 1.05  # one more request at once must bring that much more
_REST = 12  # rounds before it is tried again
_ABOUT = 1.1
_CROWDED = 0.7  # of the memory for indexing: no more
_CRITICAL = 0.9  # less
_TURN = 0.1


@dataclass(frozen=True, slots=True)
class SendState:
    """How sending stands, for whoever shows it.

    ``size`` and ``at_once`` are the present bounds, ``requests`` and ``chunks`` what is under way.
    ``wait`` says why a delivery waits until ``wait_until`` (of ``time.monotonic``), or is "".
    The rest is counted from the start: requests, chunks sent once more, seconds waited by all
    deliveries together, and between what sizes requests were.
    """

    size: int
    at_once: int
    requests: int = 0
    chunks: int = 0
    wait: str = ""
    wait_until: float = 0.0
    reading: Reading = NOTHING_READ
    sent: int = 0
    again: int = 0
    waited: float = 0.0
    smallest: int = 0
    largest: int = 0


class Window:
    """How much may be under way; shared by all deliveries.

    ``capacity`` bounds the chunks of all requests together: the queue they are embedded through.
    """

    def __init__(
        self,
        largest: int,
        *,
        smallest: int = 8,
        at_once: int = AT_ONCE,
        most_at_once: int = AT_ONCE,
        capacity: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._largest = self._fitting = max(1, largest)
        self._smallest = min(smallest, self._largest)
        self._most_at_once = max(at_once, most_at_once)
        self._capacity = self._limit = capacity
        self._clock = clock
        self._turn = threading.Condition()
        self._at_once = max(1, at_once)
        self._size = self._largest
        self._max_bytes = LARGEST_BODY
        self._taken_bytes = 0
        self._requests = self._chunks = 0
        self._epoch = self._epoch_read = 0
        self.progress = 0  # requests that went well
        self._climb = _Climb(clock)
        self._waits: dict[int, tuple[float, str]] = {}
        self._reading = NOTHING_READ
        self._counts = SendState(0, 0)
        self._fit()

    @property
    def size(self) -> int:
        """How many actions one request may carry at present."""
        return self._size

    @property
    def at_once(self) -> int:
        """How many requests may be under way at present."""
        return self._at_once

    @property
    def max_bytes(self) -> int:
        """How long a body may be at present."""
        return self._max_bytes

    def state(self) -> SendState:
        """A snapshot; any thread may ask."""
        with self._turn:
            now = self._clock()
            until, words = max(
                (wait for wait in self._waits.values() if wait[0] > now), default=(0.0, "")
            )
            return replace(
                self._counts,
                size=self._size,
                at_once=self._at_once,
                requests=self._requests,
                chunks=self._chunks,
                wait=words,
                wait_until=until,
                reading=self._reading,
            )

    @contextmanager
    def passage(self, count: int, *, stop: threading.Event) -> Iterator[int]:
        """Hold the right to have one request of ``count`` chunks under way.

        Yields a number for ``grow`` and ``shrink``; -1 when ``stop`` was set meanwhile.
        """
        epoch = self._enter(count, stop)
        if epoch < 0:
            yield epoch
            return
        try:
            yield epoch
        finally:
            with self._turn:
                self._requests -= 1
                self._chunks -= count
                self._turn.notify_all()

    def _enter(self, count: int, stop: threading.Event) -> int:
        with self._turn:
            while not stop.is_set() and self._is_full(count):
                self._turn.wait(_TURN)
            if stop.is_set():
                return -1
            self._requests += 1
            self._chunks += count
            self._count(count)
            return self._epoch

    def _count(self, size: int) -> None:
        counts = self._counts
        self._counts = replace(
            counts,
            sent=counts.sent + 1,
            smallest=min(counts.smallest or size, size),
            largest=max(counts.largest, size),
        )

    def _is_full(self, count: int) -> bool:
        if self._requests == 0:
            return False
        over = self._limit is not None and self._chunks + count > self._limit
        return self._requests >= self._at_once or over

    def grow(self, chunks: int = 0) -> None:
        """After a request that went well, while its passage is held."""
        with self._turn:
            self.progress += 1
            if (self._reading.memory or 0.0) < _CROWDED:
                self._size = min(self._fitting, self._size + self._smallest)
                self._climb.count(chunks, is_full=self._requests >= self._at_once)
                self._at_once = self._climb.next_level(self._at_once, self._room_for_more())
            self._fit()
            self._turn.notify_all()

    def shrink(self, epoch: int | None = None) -> None:
        """After one that was too much; answers to requests of the same moment count once."""
        with self._turn:
            if epoch is not None and epoch < self._epoch:
                return
            self._epoch += 1
            self._climb.start()
            if self._at_once > AT_ONCE:
                self._at_once = max(AT_ONCE, self._at_once // 2)
            elif self._size > self._smallest:
                self._size = max(self._smallest, self._size // 2)
            else:
                self._at_once = max(1, self._at_once // 2)

    def taken(self, size: int) -> None:
        """A body of so many bytes was not too long."""
        self._taken_bytes = max(self._taken_bytes, size)

    def too_long(self, size: int) -> bool:
        """A body was refused for its length; whether that can be: none as long has been taken."""
        if size <= self._taken_bytes * _ABOUT:
            return False
        self._max_bytes = max(1, min(self._max_bytes, size // 2))
        return True

    def was_not_length(self) -> None:
        """All that was refused held one chunk that is too long by itself."""
        self._max_bytes = LARGEST_BODY

    def consider(self, reading: Reading) -> None:
        """Make use of what the cluster said."""
        if reading == NOTHING_READ:
            return
        with self._turn:
            before, self._reading = self._reading, reading
            if reading.queue_capacity:
                others = max(0, reading.queued - self._chunks)
                known = (self._capacity, reading.queue_capacity)
                self._limit = max(1, min(n for n in known if n is not None) - others)
            if reading.allocations and reading.average_ms:
                work = WORK_SECONDS * 1000 * reading.allocations / reading.average_ms
                self._fitting = max(1, min(self._largest, max(_LEAST_WORK, int(work))))
            self._fit()
            # requests of others were refused, and ours would have been next
            refused = before.state and before.rejected < reading.rejected
            unseen = self._epoch == self._epoch_read
        if (refused and unseen) or (reading.memory or 0.0) >= _CRITICAL:
            self.shrink()
        self._epoch_read = self._epoch

    @contextmanager
    def waiting(self, seconds: float, words: str, *, again: int) -> Iterator[None]:
        """A delivery waits, and why, with chunks to be sent once more; for ``state``."""
        me = threading.get_ident()
        with self._turn:
            counts = self._counts
            self._counts = replace(
                counts, again=counts.again + again, waited=counts.waited + seconds
            )
            self._waits[me] = (self._clock() + seconds, words)
        try:
            yield
        finally:
            with self._turn:
                del self._waits[me]

    def _room_for_more(self) -> bool:
        if self._at_once >= self._most_at_once:
            return False
        return self._limit is None or (self._at_once + 1) * self._size <= self._limit

    def _fit(self) -> None:
        """Never more in flight than the queue holds."""
        self._size = min(self._size, self._fitting)
        if self._limit is None:
            return
        while self._at_once > AT_ONCE and self._at_once * self._size > self._limit:
            self._at_once -= 1
        if self._at_once * self._size > self._limit:
            self._size = max(1, self._limit // self._at_once)


def window_for(
    client: Elasticsearch, deployment_id: str, *, queue_capacity: int
) -> tuple[Window, Gauge]:
    """The window and the gauge of a run, one reading taken.

    ``deployment_id`` is "" where chunks bring their vectors; then no queue is in the way.
    """
    gauge = Gauge(client, deployment_id)
    if deployment_id:
        largest = max(1, min(LARGEST, queue_capacity // AT_ONCE))
        window = Window(largest, most_at_once=MOST_AT_ONCE, capacity=queue_capacity)
    else:
        window = Window(LARGEST, at_once=AT_ONCE_WITH_VECTORS, most_at_once=MOST_AT_ONCE)
    reading = gauge.read_if_due()
    if reading is not None:
        window.consider(reading)
    return window, gauge


class _Climb:
    """Finds out whether one more request at once brings more chunks a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._before: float | None = None  # the rate with one request less, while one more is tried
        self._rest = 0
        self.start()

    def start(self) -> None:
        """Measure anew."""
        self._since = self._clock()
        self._requests = self._chunks = 0
        self._before = None

    def count(self, chunks: int, *, is_full: bool) -> None:
        """A request came back; times in which there was nothing to send prove nothing."""
        if not is_full:
            self.start()
            return
        self._requests += 1
        self._chunks += chunks

    def next_level(self, level: int, more: bool) -> int:
        """How many requests at once from now on, given how many are now; ``more`` are possible."""
        seconds = self._clock() - self._since
        if self._requests < 2 * level + 2 or seconds <= 0:
            return level
        rate, before = self._chunks / seconds, self._before
        self.start()
        if before is not None and rate < before * _WORTH:
            self._rest = _REST
            return level - 1
        if self._rest:
            self._rest -= 1
        elif more:
            self._before = rate
            return level + 1
        return level
