"""Places, queue and rate: who waits, who is sent away, and that none is lost."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from served import ScriptedService, app_of, sentence
from starlette.requests import Request

from esrag.generation.cancelling import Cancellation
from esrag.server.application import Limits, runner_of
from esrag.server.places import Places, Rate
from esrag.server.problems import Problem
from esrag.server.running import CallerLeftError, Ended, Runner, Tell, in_thread


def request(*, gone: bool = False) -> Request:
    """A request whose caller is there, or has left."""

    async def receive() -> dict[str, str]:
        if gone:
            return {"type": "http.disconnect"}
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    return Request({"type": "http", "headers": []}, receive)


def test_who_finds_no_room_is_sent_away() -> None:
    """One at work, one waiting, one refused with a time to come back; then the next one's turn."""

    async def story() -> None:
        places = Places(1, 1)
        first = await places.take()
        waiting = asyncio.create_task(places.take())
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await places.take()
        assert refused.value.words.status == 429
        assert (refused.value.words.retry_after or 0) >= 1
        places.leave(first)
        places.leave(await waiting)
        assert (places.taken, places.waiting) == (0, 0)

    asyncio.run(story())


def test_the_queue_is_first_come_first_served() -> None:
    """Nobody who comes later gets a place before those who wait."""

    async def story() -> list[int]:
        places = Places(1, 10)
        order: list[int] = []

        async def work(number: int) -> None:
            since = await places.take()
            order.append(number)
            await asyncio.sleep(0)
            places.leave(since)

        await asyncio.gather(*(work(number) for number in range(8)))
        assert places.taken == 0
        return order

    assert asyncio.run(story()) == list(range(8))


def test_a_caller_who_leaves_the_queue_loses_no_place() -> None:
    """Also when his turn came at that very moment."""

    async def story() -> None:
        places = Places(1, 10)
        since = await places.take()
        leaving = [asyncio.create_task(places.take()) for _ in range(3)]
        await asyncio.sleep(0)
        leaving[0].cancel()
        await asyncio.sleep(0)
        places.leave(since)  # the turn of the second, who leaves before he hears of it
        leaving[1].cancel()
        await asyncio.gather(*leaving[:2], return_exceptions=True)
        places.leave(await leaving[2])
        assert (places.taken, places.waiting) == (0, 0)

    asyncio.run(story())


def test_a_stop_sends_all_away_who_wait() -> None:
    """And all who come."""

    async def story() -> None:
        places = Places(1, 10)
        since = await places.take()
        waiting = asyncio.create_task(places.take())
        await asyncio.sleep(0)
        places.stop()
        for turn in (waiting, asyncio.create_task(places.take())):
            with pytest.raises(Problem) as refused:
                await turn
            assert refused.value.words.code == "stopping"
        places.leave(since)
        assert places.taken == 0

    asyncio.run(story())


def test_a_place_is_free_when_the_thread_has_ended() -> None:
    """Not when the caller has left: what still runs counts."""

    async def story() -> None:
        runner = Runner(Places(1, 0), deadline=60)
        release = threading.Event()

        def stubborn(tell: Tell, cancel: Cancellation) -> None:
            del tell, cancel
            release.wait(10)

        with pytest.raises(CallerLeftError):
            await runner.result(request(gone=True), stubborn)
        assert runner.places.taken == 1
        release.set()
        for _ in range(200):
            await asyncio.sleep(0.01)
            if not runner.places.taken:
                return
        raise AssertionError("the place was never given back")

    asyncio.run(story())


def test_whoever_leaves_calls_the_work_off() -> None:
    """Within a second."""

    async def story() -> float:
        runner = Runner(Places(1, 0), deadline=60)
        heard = threading.Event()

        def work(tell: Tell, cancel: Cancellation) -> None:
            del tell
            cancel.wait(20)
            heard.set()

        began = time.monotonic()
        with pytest.raises(CallerLeftError):
            await runner.result(request(gone=True), work)
        await in_thread(lambda: heard.wait(5))
        return time.monotonic() - began

    assert asyncio.run(story()) < 5


def test_all_that_runs_can_be_ended() -> None:
    """Their callers hear that the server stops, though the threads do not."""

    async def story() -> None:
        runner = Runner(Places(2, 0), deadline=60)
        release = threading.Event()
        async with runner.running(request(), lambda *_: release.wait(10)) as run:
            runner.end_all()
            ended = await run.next(5)
            assert isinstance(ended, Ended)
            with pytest.raises(Problem, match="stopping"):
                ended.value()
            assert run.cancel.cancelled
        release.set()

    asyncio.run(story())


def test_an_application_forgets_its_callers() -> None:
    """After many questions no run and no place is left over."""
    from starlette.testclient import TestClient

    service = ScriptedService(sentences=tuple(sentence(f"Fact {n}.") for n in range(3)))
    app = app_of(service, limits=Limits(concurrent=2, queue=2))
    with TestClient(app) as client:
        for number in range(50):
            body = {"question": f"question {number}", "stream": number % 2 == 0}
            assert client.post("/v1/ask", json=body).status_code == 200
    runner = runner_of(app)
    assert (runner.places.taken, runner.places.waiting, len(runner._runs)) == (0, 0, 0)


def test_a_rate_is_a_burst_that_fills_up_again() -> None:
    """As many as in a minute at once, then as fast as they come back."""
    now = 0.0
    rate = Rate(60, now=lambda: now)
    for _ in range(60):
        rate.count("anna")
    with pytest.raises(Problem) as refused:
        rate.count("anna")
    assert refused.value.words.retry_after == 1
    now = 2.5
    rate.count("anna")
    rate.count("anna")
    with pytest.raises(Problem):
        rate.count("anna")


def test_made_up_callers_cost_no_memory() -> None:
    """The oldest are forgotten."""
    rate = Rate(5)
    for number in range(12_000):
        rate.count(f"caller {number}")
    assert len(rate._callers) == 10_000
