"""A small simulation of ingest through a deployment: what throughput, how many refusals.

    chunks ──► requests (as the window allows) ──► queue ──► allocations ──► indexed ──► answer
                     ▲   one chunk too many is refused: 429 ──────────────────────────────┘

Events in simulated time, one after the other.  The window is esrag's own, with a clock that the
simulation sets, so what is tried here is the code that sends.  The server is five numbers.  It
knows nothing of networks, of the length of texts, or of other users of the deployment.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field

from esrag.cluster.pressure import AT_ONCE, Window
from esrag.cluster.retry import LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class Server:
    """A deployment and the index behind it.

    ``chunk`` is the seconds that one allocation takes for one chunk, ``request`` those that a bulk
    request takes besides, and ``together`` how many waiting chunks an allocation takes at once.
    """

    allocations: int = 1
    queue: int = 1024
    chunk: float = 0.01
    request: float = 0.02
    together: int = 1


@dataclass(frozen=True, slots=True)
class Client:
    """How chunks are sent; ``knows_queue`` says whether the window is told its capacity."""

    size: int = 256
    at_once: int = AT_ONCE
    knows_queue: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    chunks_a_second: float
    refused: int
    requests: int
    busy: float


@dataclass(slots=True)
class _Request:
    chunks: int
    turn: ExitStack
    epoch: int
    waiting: int = 0
    refused: int = 0


@dataclass(slots=True, eq=False)
class _Sender:
    """One delivery after the other; ``left`` is what its present one has yet to deliver."""

    left: int = 0
    resting: bool = False
    request: _Request | None = None
    failures: int = 0
    waited: float = 0.0
    progress: int = 0

    def start_anew(self) -> None:
        """Something arrived."""
        self.failures, self.waited = 0, 0.0

    def rest(self, progress: int, chance: float) -> float:
        """Seconds until the next try: delivery's own rule."""
        if progress != self.progress:
            self.start_anew()
        self.progress = progress
        self.failures += 1
        stretches = [min(LONGEST_WAIT, 2.0**n) for n in range(self.failures)]
        seconds = max(0.0, sum(stretches[:-1]) + stretches[-1] * chance - self.waited)
        self.waited += seconds
        return seconds


@dataclass(slots=True)
class _World:
    now: float = 0.0
    events: list[tuple[float, int, str, int]] = field(default_factory=list)
    number: int = 0

    def later(self, seconds: float, kind: str, who: int) -> None:
        """Let something happen."""
        self.number += 1
        heapq.heappush(self.events, (self.now + seconds, self.number, kind, who))


def simulate(server: Server, client: Client, chunks: int, *, seed: int = 1) -> Outcome:
    """Send so many chunks."""
    return _Run(server, client, chunks, seed).run()


class _Run:
    def __init__(self, server: Server, client: Client, chunks: int, seed: int) -> None:
        self._server, self._client = server, client
        self._world = _World()
        self._chance = random.Random(seed)
        self._never = threading.Event()
        self._window = Window(
            client.size,
            at_once=client.at_once,
            most_at_once=client.at_once,
            capacity=server.queue if client.knows_queue else None,
            clock=lambda: self._world.now,
        )
        self._senders = [_Sender() for _ in range(client.at_once)]
        self._queue: deque[int] = deque()
        self._working: list[list[int]] = [[] for _ in range(server.allocations)]
        self._unsent = self._chunks = chunks
        self._requests = self._refused = 0
        self._busy = 0.0

    def run(self) -> Outcome:
        self._send_all()
        world = self._world
        while world.events:
            world.now, _, kind, who = heapq.heappop(world.events)
            if kind == "embedded":
                self._embedded(who)
            elif kind == "answered":
                self._answered(self._senders[who])
            else:
                self._senders[who].resting = False
            self._send_all()
        seconds = max(world.now, 1e-9)
        return Outcome(
            chunks_a_second=self._chunks / seconds,
            refused=self._refused,
            requests=self._requests,
            busy=self._busy / seconds / self._server.allocations,
        )

    def _send_all(self) -> None:
        for number, sender in enumerate(self._senders):
            if sender.request is None and not sender.resting:
                if not sender.left:
                    sender.left = min(self._window.size, self._unsent)
                    self._unsent -= sender.left
                if sender.left and self._has_turn(min(sender.left, self._window.size)):
                    self._send(number, sender)

    def _has_turn(self, count: int) -> bool:
        state = self._window.state()
        if not state.requests:
            return True
        full = self._client.knows_queue and state.chunks + count > self._server.queue
        return state.requests < self._window.at_once and not full

    def _send(self, number: int, sender: _Sender) -> None:
        count = min(sender.left, self._window.size)
        turn = ExitStack()
        epoch = turn.enter_context(self._window.passage(count, stop=self._never))
        sender.request = request = _Request(count, turn, epoch)
        self._requests += 1
        for _ in range(count):
            if len(self._queue) < self._server.queue:
                self._queue.append(number)
                request.waiting += 1
                self._work()
            else:
                request.refused += 1
        self._refused += request.refused
        if not request.waiting:
            self._world.later(self._server.request, "answered", number)

    def _work(self) -> None:
        for allocation, working in enumerate(self._working):
            if not working and self._queue:
                count = min(self._server.together, len(self._queue))
                working.extend(self._queue.popleft() for _ in range(count))
                self._busy += count * self._server.chunk
                self._world.later(count * self._server.chunk, "embedded", allocation)

    def _embedded(self, allocation: int) -> None:
        for number in self._working[allocation]:
            request = self._senders[number].request
            if request is None:
                continue
            request.waiting -= 1
            if not request.waiting:
                self._world.later(self._server.request, "answered", number)
        self._working[allocation] = []
        self._work()

    def _answered(self, sender: _Sender) -> None:
        request = sender.request
        if request is None:
            return
        done = request.chunks - request.refused
        sender.left -= done
        if done:
            sender.start_anew()
        if request.refused:
            self._window.shrink(request.epoch)
            sender.resting = True
            seconds = sender.rest(self._window.progress, self._chance.random())
            self._world.later(seconds, "rested", self._senders.index(sender))
        else:
            self._window.grow(done)
        request.turn.close()
        sender.request = None
