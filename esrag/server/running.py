"""Work in a thread of its own, seen from the event loop: its events, its end, its being called off.

    take a place ─► thread: work(tell, cancel) ─► events ─► the loop
                      ▲                             │
                      └── cancel: caller left, deadline, server stops

The place is free again when the thread has ended, not when the caller has left: what still runs
counts.  Threads are daemons, so that a second ^C does not wait for a slow server.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from starlette.requests import Request

from esrag.generation.cancelling import Cancellation
from esrag.server.places import Places, stopping
from esrag.server.problems import problem

Result = TypeVar("Result")
Tell = Callable[[Any], None]
Work = Callable[[Tell, Cancellation], Result]

_LOOK_SECONDS = 0.5


class CallerLeftError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Ended(Generic[Result]):
    """The end of work: its result, or what was raised."""

    result: Result | None = None
    error: BaseException | None = None

    def value(self) -> Result:
        """The result; raises what the work raised."""
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # it ended without an error


class Run(Generic[Result]):
    """Work under way."""

    def __init__(self, until: float) -> None:
        self.cancel = Cancellation()
        self._until = until
        self._loop = asyncio.get_running_loop()
        self._happened: asyncio.Queue[Any] = asyncio.Queue()

    async def next(self, patience: float) -> Any:
        """The next event, ``Ended``, or None when nothing happened for ``patience`` seconds."""
        left = self._until - time.monotonic()
        try:
            async with asyncio.timeout(min(patience, max(0.0, left))):
                return await self._happened.get()
        except TimeoutError:
            if time.monotonic() < self._until:
                return None
        self.end(too_slow())
        return await self._happened.get()

    async def result(self) -> Result:
        """Wait for the end, past all events."""
        while True:
            found = await self.next(_LOOK_SECONDS)
            if isinstance(found, Ended):
                value: Result = found.value()
                return value

    def end(self, error: BaseException) -> None:
        """Have it end with ``error``, whatever the thread does."""
        self._happened.put_nowait(Ended(error=error))
        self.cancel.cancel(str(error))

    def _tell(self, happened: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._happened.put_nowait, happened)

    def _work(self, work: Work[Result], done: Callable[[], None]) -> None:
        ended: Ended[Result]
        try:
            ended = Ended(work(self._tell, self.cancel))
        except BaseException as error:  # noqa: BLE001 - handed to the loop, which raises it
            ended = Ended(error=error)
        self._tell(ended)
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(done)


class Crew:
    """At most ``most`` threads, made when they are needed, that do one work after the other.

    A new thread for each work would hold up the event loop, which waits until it has begun.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0

    def do(self, work: Callable[[], None]) -> None:
        """Have it done; called by the event loop's thread alone.  ``work`` raises nothing."""
        if not self._idle.acquire(blocking=False) and self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._run, daemon=True).start()
        self._work.put(work)

    def _run(self) -> None:
        while True:
            self._work.get()()
            self._idle.release()


class Runner:
    """Runs work in places; ``deadline`` is how many seconds one request may take, waiting too."""

    def __init__(self, places: Places, *, deadline: float) -> None:
        self.places = places
        self._deadline = deadline
        self._crew = Crew(places.count)
        self._runs: set[Run[Any]] = set()

    @asynccontextmanager
    async def running(self, request: Request, work: Work[Result]) -> AsyncIterator[Run[Result]]:
        """Start work as soon as there is a place; it is called off when the block is left.

        Raises Problem when there is no place, CallerLeftError when the caller went before.
        """
        until = time.monotonic() + self._deadline
        since = self.places.take_now()  # turns of the event loop are dear while threads work
        if since is None:
            try:
                async with asyncio.timeout(self._deadline):
                    since = await unless_gone(request, self.places.take())
            except TimeoutError:
                raise too_slow() from None
        run: Run[Result] = Run(until)
        self._runs.add(run)
        self._crew.do(lambda: run._work(work, partial(self.places.leave, since)))
        try:
            yield run
        finally:
            self._runs.discard(run)
            run.cancel.cancel("nobody waits for it")

    async def result(self, request: Request, work: Work[Result]) -> Result:
        """Do work whose events nobody wants."""
        async with self.running(request, work) as run:
            return await unless_gone(request, run.result())

    def end_all(self) -> None:
        """Have all that runs end with the words that the server stops."""
        for run in list(self._runs):
            run.end(stopping())


async def unless_gone(request: Request, wanted: Awaitable[Result]) -> Result:
    """What ``wanted`` gives; raises CallerLeftError when the caller leaves before that."""
    task = asyncio.ensure_future(wanted)
    try:
        while True:
            await asyncio.wait({task}, timeout=_LOOK_SECONDS)
            if task.done():
                return task.result()
            if await request.is_disconnected():
                raise CallerLeftError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def in_thread(work: Callable[[], Result]) -> Result:
    """Do short work in a thread, without a place: what tells how the server is."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Ended[Result]] = loop.create_future()

    def tell(outcome: Ended[Result]) -> None:
        if not ended.done():
            ended.set_result(outcome)

    def run() -> None:
        try:
            outcome = Ended(work())
        except BaseException as error:  # noqa: BLE001 - raised in the loop
            outcome = Ended(error=error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, outcome)

    threading.Thread(target=run, daemon=True).start()
    return (await ended).value()


def too_slow() -> Exception:
    """The deadline of the request passed."""
    return problem(
        504,
        "too_slow",
        "the answer took longer than this server allows",
        "Try again; whoever runs the server sets serve.deadline.",
    )
