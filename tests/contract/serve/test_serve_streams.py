"""Streams on real sockets: they end as they say, and end the generation when nobody listens."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from fake_generator import FakeGenerator, Script
from served import QUESTION, SAID, AnsweringService, ScriptedService, app_of, events_in
from serving_servers import Served, holds, idle, serving

from esrag.server.application import Limits

ASK = {"question": QUESTION, "stream": True}
SLOW = Script(text=SAID * 50, pieces_per_second=4)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeGenerator]:
    """A generator that does what a test says."""
    with FakeGenerator() as running:
        yield running


@pytest.fixture(scope="module")
def served(fake: FakeGenerator) -> Iterator[Served]:
    """A server with it."""
    service = AnsweringService(fake.url)
    with service.generator, serving(app_of(service)) as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """One for many requests, as each loads the system's certificates."""
    with httpx.Client(timeout=20) as made:
        yield made


def streamed(client: httpx.Client, url: str) -> str:
    """All of a stream, also of one that breaks off."""
    got = b""
    try:
        with client.stream("POST", f"{url}/v1/ask", json=ASK) as answer:
            for piece in answer.iter_raw():
                got += piece
    except httpx.RemoteProtocolError:
        pass
    return got.decode()


def test_a_whole_stream_ends_with_the_answer(
    client: httpx.Client, served: Served, fake: FakeGenerator
) -> None:
    """A generated one, from a generator on a socket."""
    fake.says(SAID)
    events = list(events_in(streamed(client, served.url)))
    assert [name for name, _ in events] == ["sources", "sentence", "answer"]
    record = json.loads(events[-1][1])
    assert (record["kind"], record["complete"]) == ("generated", True)


def test_streams_cut_at_random_are_all_incomplete(
    client: httpx.Client, served: Served, fake: FakeGenerator
) -> None:
    """200 generations break off, after a random byte, by a closed or a reset connection, or with
    an error; none ends as an answer.
    """
    chance = random.Random(20261123)
    for number in range(200):
        if number % 4 == 3:
            fake.script = Script(text=SAID, error_after=chance.randrange(1, 9))
        else:
            # up to where the finish reason may stand; few before the first piece, since such a
            # request is sent again after a pause
            cut = chance.randrange(0 if number < 4 else 300, 2_170)
            fake.script = Script(text=SAID, cut_after=cut, reset=number % 2 == 0)
        events = list(events_in(streamed(client, served.url)))
        assert events[-1][0] == "error", fake.script
        told = json.loads(events[-1][1])
        assert told["error"]["code"] == "generator_failed"
        assert told["answer"]["complete"] is False
        assert told["answer"]["kind"] in ("quoted", "generated")


@pytest.mark.parametrize("stream", [True, False])
def test_whoever_leaves_ends_the_generation(
    served: Served, fake: FakeGenerator, stream: bool
) -> None:
    """Within a second, counted at the generator."""
    fake.script = SLOW
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    body = json.dumps({"question": QUESTION, "stream": stream})
    connection.request("POST", "/v1/ask", body, {"content-type": "application/json"})
    assert fake.wait(lambda: fake.open_streams == 1, 5)
    time.sleep(0.2)
    assert fake.open_streams == 1
    connection.close()
    assert fake.wait(lambda: fake.open_streams == 0, 1.0)


def test_a_silent_stream_shows_signs_of_life(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comments, which are no events."""
    monkeypatch.setattr("esrag.server.asking.HEARTBEAT_SECONDS", 0.05)
    hold = threading.Event()
    with serving(app_of(ScriptedService(hold=hold))) as running:
        timer = threading.Timer(0.5, hold.set)
        timer.start()
        text = streamed(client, running.url)
        timer.join()
    assert text.count(": still there\n\n") >= 3
    assert [name for name, _ in events_in(text)] == ["sources", "sentence", "answer"]


def test_excess_is_refused_at_once_and_the_rest_finishes() -> None:
    """Of 12 at once with 4 places and room for 4, 4 are sent away with a time to come back."""
    hold = threading.Event()
    app = app_of(ScriptedService(hold=hold), limits=Limits(concurrent=4, queue=4))
    found: list[tuple[int, float, str]] = []

    def ask(url: str) -> None:
        began = time.monotonic()
        answer = httpx.post(f"{url}/v1/ask", json=ASK, timeout=20)
        found.append(
            (answer.status_code, time.monotonic() - began, answer.headers.get("retry-after", ""))
        )

    with serving(app) as running:
        threads = [threading.Thread(target=ask, args=(running.url,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        assert holds(lambda: len(found) == 4)
        hold.set()
        for thread in threads:
            thread.join(10)
        assert holds(lambda: idle(app))
    refused = [one for one in found if one[0] == 429]
    assert sorted(status for status, _, _ in found) == [200] * 8 + [429] * 4
    assert all(int(retry) >= 1 for _, _, retry in refused)


def test_callers_who_wait_and_leave_hold_nothing() -> None:
    """Neither a place nor room in the queue."""
    hold = threading.Event()
    app = app_of(ScriptedService(hold=hold), limits=Limits(concurrent=1, queue=2))
    body = json.dumps(ASK).encode()
    head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with serving(app) as running:
        for _ in range(3):
            waiting = [running.connect() for _ in range(3)]
            for one in waiting:
                one.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert holds(lambda: app.state.server.runner.places.waiting == 2)
            for one in waiting:
                one.close()
            assert holds(lambda: idle(app))


def test_a_reader_who_stops_reading_holds_no_place() -> None:
    """The answer is whole in the server; the place is free for the next one."""
    app = app_of(limits=Limits(concurrent=1, queue=0))
    body = json.dumps(ASK).encode()
    head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with serving(app) as running:
        lazy = running.connect()
        lazy.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert holds(lambda: idle(app))
        assert httpx.post(f"{running.url}/v1/ask", json=ASK, timeout=10).status_code == 200
        lazy.close()
