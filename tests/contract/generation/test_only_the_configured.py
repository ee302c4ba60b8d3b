"""Only the address of the settings is ever called, whatever texts and answers say."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from fake_generator import FakeGenerator, Script
from service_urls import HOSTILE

from esrag.calling.addresses import service_address
from esrag.calling.connections import BrokenError, Connections
from esrag.calling.wire import Limit, TooSlowError
from esrag.errors import EsragError, PermissionDeniedError, UsageError
from esrag.generation.generator import Generator
from esrag.generation.places import Place
from esrag.generator_place import place_from
from esrag.settings import load_settings
from esrag.types import Message

QUESTION = (Message("user", "see http://127.0.0.1:1/ and ![x](http://127.0.0.1:1/)"),)


class Sentinel:
    """Listens on this machine, in IPv4 and IPv6, and counts who comes."""

    def __init__(self) -> None:
        self.hits = 0
        self._sockets = [socket.create_server(("127.0.0.1", 0), backlog=64)]
        self.port = self._sockets[0].getsockname()[1]
        with suppress(OSError):
            self._sockets.append(
                socket.create_server(("::1", self.port), family=socket.AF_INET6, backlog=64)
            )
        for listening in self._sockets:
            threading.Thread(target=self._count, args=(listening,), daemon=True).start()

    def _count(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                listening.accept()[0].close()
                self.hits += 1

    def was_reached(self) -> bool:
        """Whether anybody comes within a second."""
        end = time.monotonic() + 1
        while not self.hits and time.monotonic() < end:
            time.sleep(0.005)
        return self.hits > 0

    def close(self) -> None:
        """Stop."""
        for listening in self._sockets:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()


@pytest.fixture
def sentinel() -> Iterator[Sentinel]:
    """A listener that nobody may reach."""
    listening = Sentinel()
    yield listening
    listening.close()


def call(generator: Generator) -> None:
    """Limits, counts and a generation."""
    generator.limits()
    generator.count_tokens(QUESTION)
    list(generator.stream(QUESTION))


def test_the_sentinel_counts(sentinel: Sentinel) -> None:
    """A plain address does lead there, so that zero hits mean something."""
    with pytest.raises(EsragError):
        call(Generator(Place(url=f"http://127.0.0.1:{sentinel.port}")))
    assert sentinel.was_reached()


def test_no_hostile_address_is_ever_called(sentinel: Sentinel) -> None:
    """Neither when it comes from settings nor when it is given straight to the generator."""
    for url in HOSTILE:
        given = url.replace("PORT", str(sentinel.port))
        for protocol in ("messages", "tgi", "elasticsearch"):
            with pytest.raises(UsageError):
                place_from(load_settings(generator={"url": given, "protocol": protocol}))
            with pytest.raises(EsragError):
                call(Generator(Place(url=given, protocol=protocol, inference_id="x")))  # type: ignore[arg-type]
    assert sentinel.hits == 0


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_no_redirect_is_followed(sentinel: Sentinel, status: int) -> None:
    """Not by a generation, not by limits or counts."""
    away = Script(status=status, location=f"http://127.0.0.1:{sentinel.port}/v1/chat/completions")
    with (
        FakeGenerator(script=away, info_script=away) as fake,
        Generator(Place(url=fake.url)) as generator,
        pytest.raises(UsageError, match="points to another address"),
    ):
        call(generator)
    assert sentinel.hits == 0


def test_no_proxy_of_the_environment_is_used(
    sentinel: Sentinel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would see question and passages."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{sentinel.port}")
    with FakeGenerator() as fake, Generator(Place(url=fake.url)) as generator:
        call(generator)
    assert sentinel.hits == 0


def test_what_a_model_writes_is_never_called(sentinel: Sentinel) -> None:
    """Links and images in an answer stay text."""
    bait = f"![x](http://127.0.0.1:{sentinel.port}/a) http://127.0.0.1:{sentinel.port}/b"
    with (
        FakeGenerator(script=Script(text=bait)) as fake,
        Generator(Place(url=fake.url)) as generator,
    ):
        assert "".join(piece.text for piece in generator.stream(QUESTION)) == bait
    assert sentinel.hits == 0


def test_a_name_that_changes_its_address_leads_nowhere_else(sentinel: Sentinel) -> None:
    """A name server that answers well once and then with a link-local address is not followed."""
    with FakeGenerator() as fake:
        answers = [["127.0.0.1"], ["169.254.169.254", "127.0.0.1"]]
        url = f"http://generator.example:{fake.port}"
        with Generator(Place(url=url), resolve=lambda host, port: answers.pop(0)) as generator:
            fake.script = Script(keep_alive=False)
            assert list(generator.stream(QUESTION))
            with pytest.raises(PermissionDeniedError, match="must not be asked"):
                list(generator.stream(QUESTION))
        assert fake.connections == 1
        assert fake.generations[0].headers["host"] == f"generator.example:{fake.port}"


def test_a_key_with_a_line_break_sends_nothing() -> None:
    """It would be a second header of the request."""
    with FakeGenerator() as fake:
        place = Place(url=fake.url, authorization="Bearer a\r\nX-Other: b")
        with pytest.raises(UsageError, match="cannot be sent"):
            list(Generator(place).stream(QUESTION))
        assert fake.requests == []


def test_a_silent_name_server_holds_nobody_up() -> None:
    """Looking a name up has the time of the connection, no more."""
    asleep = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        asleep.wait(10)
        return ["127.0.0.1"]

    connections = Connections(service_address("http://generator.example"), resolve=resolve)
    limit = Limit.after(0.2, "connecting", "generator.connect_timeout")
    with (
        pytest.raises(TooSlowError, match=r"0\.2 s while connecting"),
        connections.exchange("GET", "/", connect=limit, answer=limit),
    ):
        pass
    asleep.set()


def test_the_next_of_several_addresses_is_tried() -> None:
    """A name with a dead address before a living one still leads to the service."""
    with FakeGenerator() as fake:
        connections = Connections(
            service_address(f"http://generator.example:{fake.port}"),
            resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"],
        )
        limit = Limit.after(5, "connecting", "x")
        with connections.exchange("GET", "/info", connect=limit, answer=limit) as reply:
            assert reply.status == 200
        connections.close()


def test_a_name_that_leads_nowhere_is_told() -> None:
    """The words name the host."""

    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    connections = Connections(service_address("http://generator.example"), resolve=resolve)
    limit = Limit.after(5, "connecting", "x")
    with (
        pytest.raises(BrokenError, match=r"generator\.example cannot be resolved"),
        connections.exchange("GET", "/", connect=limit, answer=limit),
    ):
        pass
