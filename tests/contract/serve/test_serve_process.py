"""``esrag serve`` as a process: what it says, how it ends, and what it writes where."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from served import QUESTION
from serving_servers import holds

from esrag.cli import run

COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()", "serve", "--port", "0"]
ASK = {"question": QUESTION, "stream": True}


@dataclass
class Command:
    """A running ``esrag serve``."""

    process: subprocess.Popen[str]
    url: str

    def ended(self, seconds: float = 20) -> tuple[int, str]:
        """Its exit code, and what it said since it listens."""
        _, talk = self.process.communicate(timeout=seconds)
        assert "Traceback" not in (talk or "")
        return self.process.returncode, talk or ""


@contextmanager
def command(
    *words: str, limit: Callable[[], None] | None = None, **environment: str
) -> Iterator[Command]:
    """The command, once it listens; against no cluster, unless one is named."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        env={**os.environ, "ESRAG_ELASTICSEARCH_URL": "http://127.0.0.1:9", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"http://\S+:\d+", said)
        assert found, said + process.stderr.read()
        yield Command(process, found[0])
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a cluster that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for one in held:
            one.close()


def test_a_server_drains_and_ends_with_0(silent: str) -> None:
    """It starts without a cluster; at SIGTERM a running answer ends with words, and nobody new
    gets in.
    """
    drain = {"ESRAG_ELASTICSEARCH_URL": silent, "ESRAG_SERVE_DRAIN": "1"}
    with command(**drain) as running:
        got: list[httpx.Response] = []

        def ask() -> None:
            got.append(httpx.post(f"{running.url}/v1/ask", json=ASK, timeout=30))

        asking = threading.Thread(target=ask)
        asking.start()
        figures = f"{running.url}/metrics"
        assert holds(lambda: "esrag_places_taken 1.0" in httpx.get(figures).text, 10)
        running.process.send_signal(signal.SIGTERM)
        assert holds(lambda: not _answers(running.url))
        code, talk = running.ended()
        asking.join(10)
    assert (code, got[0].status_code, got[0].json()["error"]["code"]) == (0, 503, "stopping")
    assert "Stopped." in talk


@pytest.mark.long  # what it does is also tried on sockets
def test_a_second_signal_ends_a_server_at_once(silent: str) -> None:
    """Whatever it waits for."""
    with command(ESRAG_ELASTICSEARCH_URL=silent, ESRAG_SERVE_DRAIN="60") as running:
        asking = threading.Thread(target=_ask_in_vain, args=(running.url,))
        asking.start()
        figures = f"{running.url}/metrics"
        assert holds(lambda: "esrag_places_taken 1.0" in httpx.get(figures).text, 10)
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        running.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert running.ended()[0] == 0
        assert time.monotonic() - began < 5
        asking.join(10)


def test_a_server_needs_no_room_on_the_disk() -> None:
    """Neither to start nor to answer, nor for what it says."""

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    with command("--access-log", limit=no_room) as running:
        assert httpx.get(f"{running.url}/health").status_code == 200
        assert httpx.post(f"{running.url}/v1/ask", json=ASK, timeout=30).status_code == 503
        running.process.terminate()
        assert running.ended()[0] == 0


@pytest.mark.parametrize(
    ("words", "said"), [(["--port", "{taken}"], "is taken"), (["--host", "0.0.0.0"], "serve.token")]
)
def test_a_server_that_cannot_or_must_not_listen_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2: a second one on the port, and one that would stand open to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code = run(["serve", *(word.format(taken=port) for word in words)])
    assert code == 2
    assert said in capsys.readouterr().err


def test_secrets_of_a_server_are_not_told() -> None:
    """Neither in its process list nor in what it says."""
    secrets = {
        "ESRAG_SERVE_TOKEN": "CANARY-token-of-the-server",
        "ESRAG_ELASTICSEARCH_API_KEY": "CANARY-key-of-the-cluster",
    }
    with command("--access-log", **secrets) as running:
        with open(f"/proc/{running.process.pid}/cmdline", encoding="utf-8") as line:  # noqa: PTH123
            assert "CANARY" not in line.read()
        right = {"authorization": f"Bearer {secrets['ESRAG_SERVE_TOKEN']}"}
        wrong = {"authorization": "Bearer CANARY-wrong"}
        for headers in ({}, wrong, right):
            found = httpx.post(f"{running.url}/v1/ask", json=ASK, headers=headers, timeout=30)
            assert found.status_code == (503 if headers is right else 401)
            assert "CANARY" not in found.text
        running.process.terminate()
        code, talk = running.ended()
    assert code == 0
    assert talk.count("/v1/ask") == 3
    assert "CANARY" not in talk


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _ask_in_vain(url: str) -> None:
    try:
        json.loads(httpx.post(f"{url}/v1/ask", json=ASK, timeout=30).text)
    except (httpx.TransportError, ValueError):
        return
