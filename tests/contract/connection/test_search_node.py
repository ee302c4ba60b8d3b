"""The shorter way of searches, against a server that answers in every way there is."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from elasticsearch import Elasticsearch

from esrag.cluster.client import connect, explained
from esrag.errors import EsragError, TimedOutError, UnavailableError

BODY = b'{"took": 1, "hits": {"hits": []}, "said": "\xc3\xa4"}'
HEAD = b"HTTP/1.1 200 OK\r\nX-Elastic-Product: Elasticsearch\r\nContent-Type: application/json\r\n"
PLAIN = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
PIECES = (
    HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"5;name=value\r\n"
    + BODY[:5]
    + b"\r\n%x\r\n" % len(BODY[5:])
    + BODY[5:]
    + b"\r\n0\r\nTrailer: yes\r\n\r\n"
)
Script = Callable[[socket.socket], bool]


class Server:
    """Answers a GET plainly and a POST as its script says; counts connections and requests."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.script: Script = sends(PLAIN)
        self.connections = 0
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """No further connections."""
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection):
            while request := _request(connection):
                self.requests.append(request)
                script = self.script if request.startswith(b"POST") else sends(PLAIN)
                if not script(connection):
                    return


def _request(connection: socket.socket) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    ]
    while len(body) < sum(lengths):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def sends(*pieces: bytes, keep: bool = True, wait: float = 0.0) -> Script:
    """These bytes, with time between them."""

    def script(connection: socket.socket) -> bool:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(wait)
        return keep

    return script


@contextmanager
def connected(server: Server, **options: Any) -> Iterator[Elasticsearch]:
    """A client with a connection open already."""
    with connect(server.url, username="u", password="p", **options) as client:
        client.info()
        yield client


@pytest.fixture
def server() -> Iterator[Server]:
    """One for each test."""
    with closing(Server()) as found:
        yield found


def search(client: Elasticsearch) -> object:
    """What the answer holds."""
    with explained("searching"):
        return client.search(index="i", query={"match": {"text": "ä"}}).body["said"]


@pytest.mark.parametrize(
    "script",
    [
        sends(PLAIN),
        sends(PIECES),
        sends(*(PLAIN[at : at + 1] for at in range(len(PLAIN)))),
        sends(*(PIECES[at : at + 7] for at in range(0, len(PIECES), 7)), wait=0.001),
    ],
    ids=["plain", "pieces", "bytes", "pieces-in-bits"],
)
def test_an_answer_is_read_however_it_is_sent(server: Server, script: Script) -> None:
    """Three searches go over the connection that is there."""
    server.script = script
    with connected(server) as client:
        assert [search(client) for _ in range(3)] == ["ä"] * 3
    assert server.connections == 1
    assert server.requests[-1].startswith(b"POST /i/_search HTTP/1.1\r\n")
    assert b"\r\ncontent-length: " in server.requests[-1], "it went the long way"
    assert "ä".encode() in server.requests[-1]


@pytest.mark.parametrize(
    "script",
    [
        sends(HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY),
        sends(PLAIN + b"HTTP/1.1 200 OK\r\n"),
    ],
    ids=["close", "bytes-left-over"],
)
def test_a_connection_that_is_spent_is_not_used_again(server: Server, script: Script) -> None:
    """The next request opens another."""
    server.script = script
    with connected(server) as client:
        assert search(client) == "ä"
        server.script = sends(PLAIN)
        assert search(client) == "ä"
    assert server.connections == 2


def test_a_connection_closed_meanwhile_is_noticed_before_it_is_used(server: Server) -> None:
    """A server that ends an idle connection costs nothing but a new one."""
    server.script = sends(PLAIN, keep=False)
    with connected(server) as client:
        assert search(client) == "ä"
        time.sleep(0.05)
        assert search(client) == "ä"
    assert server.connections == 2


@pytest.mark.parametrize(
    "script",
    [
        sends(keep=False),
        sends(PLAIN[:20], keep=False),
        sends(PLAIN[:-3], keep=False),
        sends(PIECES[:-9], keep=False),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", keep=False),
        sends(b"SSH-2.0-OpenSSH\r\n\r\n", keep=False),
        sends(HEAD + b"\r\n", keep=False),
        sends(HEAD + b"content-length: -1\r\n\r\n", keep=False),
    ],
    ids=["none", "head", "body", "pieces", "no-number", "no-http", "no-length", "negative"],
)
def test_a_lost_answer_is_an_error_and_nothing_is_sent_twice(
    server: Server, script: Script
) -> None:
    """It is told as every lost connection, and the next search works."""
    server.script = script
    with connected(server) as client:
        with pytest.raises(UnavailableError):
            search(client)
        assert sum(request.startswith(b"POST") for request in server.requests) == 1
        server.script = sends(PLAIN)
        assert search(client) == "ä"


def test_a_server_that_does_not_answer_is_left_in_time(server: Server) -> None:
    """The time limit is the client's, and the connection is given up."""
    server.script = lambda connection: time.sleep(1) is None
    with connected(server, request_timeout=0.2) as client:
        began = time.monotonic()
        with pytest.raises(TimedOutError):
            search(client)
        assert time.monotonic() - began < 0.9
        server.script = sends(PLAIN)
        assert search(client) == "ä"


def test_an_error_of_the_server_is_the_clients_own(server: Server) -> None:
    """Status and reason come through."""
    body = b'{"error": {"type": "x", "reason": "no such thing"}, "status": 400}'
    head = HEAD.replace(b"200 OK", b"400 Bad Request")
    server.script = sends(head + b"content-length: %d\r\n\r\n" % len(body) + body)
    with connected(server) as client, pytest.raises(EsragError, match="no such thing"):
        search(client)


def test_searches_of_many_threads_do_not_meet(server: Server) -> None:
    """Each has a connection of its own while it lasts."""
    server.script = sends(PIECES[:40], PIECES[40:], wait=0.002)
    found: list[object] = []
    with connected(server) as client:
        threads = [
            threading.Thread(target=lambda: found.extend(search(client) for _ in range(5)))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == ["ä"] * 60


def test_a_line_break_in_a_header_never_reaches_the_server(server: Server) -> None:
    """Such a request goes the other way, which refuses it."""
    with connected(server) as client:
        hostile = client.options(headers={"x-note": "a\r\nx-other: b"})
        with pytest.raises((ValueError, EsragError)):
            search(hostile)
    assert not any(b"x-other" in request for request in server.requests)


def test_an_encrypted_connection_is_used_as_any_other(tmp_path: Path) -> None:
    """Its certificate was checked when it was opened; an answer and its loss read the same."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with closing(Server(context)) as server, connected(server, ca_certs=trusted) as client:
        server.script = sends(PIECES)
        assert [search(client) for _ in range(2)] == ["ä"] * 2
        assert server.connections == 1
        assert b"\r\ncontent-length: " in server.requests[-1], "it went the long way"
        server.script = sends(PLAIN[:-3], keep=False)
        with pytest.raises(UnavailableError):
            search(client)
        server.script = sends(PLAIN)
        assert search(client) == "ä"
