"""Real ML node processes and tiny TorchScript modules for them.

The modules are made here with torch, seeded, in a second; the tiny models of the tasks are traced
by eland, once per session and in a process of its own.  The packaged model is tried through the
whole stack, by ``tests/conformance/execution``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", "slow", "bad"]
CONFIG: dict[str, Any] = {"inference_config": {"text_embedding": {"tokenization": {"bert": {}}}}}
VOCABULARY = json.dumps({"vocabulary": WORDS}).encode()
PART = 64 << 10


class Node:
    """One ML node process on one data folder; it may be ended and started again."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self.port = free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """How it is started."""
        return [
            *(sys.executable, "-m", "esrag.local.mlnode"),
            *("--port", str(self.port), "--data", str(self.data)),
        ]

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd="/")
        until(self._answers, seconds=30, say=self.log.read_text)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def children(self) -> list[psutil.Process]:
        """Its child processes that live, without the one that they are forked from."""
        return [child for child in self.processes() if child.name() != "esrag-nursery"]

    def processes(self) -> list[psutil.Process]:
        """All its child processes that live."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def _answers(self) -> bool:
        try:
            return self.client.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def upload(
        self,
        model_id: str,
        definition: bytes,
        *,
        config: Any = CONFIG,
        vocabulary: bytes = VOCABULARY,
    ) -> None:
        """Put a whole model."""
        self.client.put(f"/models/{model_id}", json=config).raise_for_status()
        parts = [definition[i : i + PART] for i in range(0, len(definition), PART)]
        for number, part in enumerate(parts):
            self.client.put(
                f"/models/{model_id}/definition/{number}",
                params={"total_parts": len(parts), "total_definition_length": len(definition)},
                content=part,
            ).raise_for_status()
        self.client.put(f"/models/{model_id}/vocabulary", content=vocabulary).raise_for_status()

    def deploy(self, model_id: str, *, state: str = "started", **fields: Any) -> Any:
        """Start a deployment and wait for a state; returns its description."""
        body = {"model_id": model_id, "cache_size": "0b", **fields}
        self.client.post(f"/deployments/{model_id}", json=body).raise_for_status()
        return self.wait_for(model_id, state)

    def wait_for(self, deployment_id: str, state: str) -> Any:
        """Wait until a deployment is in a state; returns its description."""
        until(lambda: self.describe(deployment_id)["state"] == state, seconds=90)
        return self.describe(deployment_id)

    def describe(self, deployment_id: str) -> Any:
        """A deployment."""
        return self.client.get(f"/deployments/{deployment_id}").json()

    def infer(self, deployment_id: str, *inputs: str, **fields: Any) -> httpx.Response:
        """Execute."""
        body = {"inputs": list(inputs), "timeout_ms": 30_000, **CONFIG, **fields}
        return self.client.post(f"/deployments/{deployment_id}/infer", json=body)


def free_port() -> int:
    """A port nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(
    condition: Callable[[], bool], *, seconds: float, say: Callable[[], str] = lambda: ""
) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, say()
        time.sleep(0.01)


@pytest.fixture
def fresh_node(tmp_path: Path) -> Iterator[Node]:
    """A node of this test alone, because it will be hurt."""
    yield from _running(tmp_path / "data")


@pytest.fixture(scope="session")
def session_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node for all tests that leave it as it is; each has a model of its own."""
    yield from _running(tmp_path_factory.mktemp("mlnode") / "data")


@pytest.fixture
def node(session_node: Node) -> Iterator[Node]:
    """The shared node; what a test deployed is stopped after it, because children take memory."""
    yield session_node
    for deployment in session_node.client.get("/deployments").json()["deployments"]:
        session_node.client.delete(f"/deployments/{deployment['deployment_id']}")


def _running(data: Path) -> Iterator[Node]:
    node = Node(data)
    node.start()
    yield node
    if node.process is not None and node.process.poll() is None:
        children = node.children()
        node.end()
        assert not [child for child in children if child.is_running()]
    node.client.close()


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """TorchScript definitions by name; ``scripts.py`` has them, in a process that has torch."""
    folder = tmp_path_factory.mktemp("modules")
    script = Path(__file__).with_name("scripts.py")
    subprocess.run([sys.executable, str(script), str(folder)], check=True, env=_quiet())
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny models of every family and task, and what they should say."""
    folder = tmp_path_factory.mktemp("tiny")
    script = Path(__file__).with_name("tiny_models.py")
    made = subprocess.run(
        [sys.executable, str(script), str(folder)], env=_quiet(), capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr.decode()[-3000:]
    return folder


def _quiet() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
