"""Servers of esrag's on real sockets, in a thread of the test."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from esrag.server.application import runner_of
from esrag.server.serving import DrainingServer, bind, configured


@dataclass
class Served:
    """A running server; ``drain`` asks it to end and ``ended`` says that it has."""

    port: int
    server: uvicorn.Server
    thread: threading.Thread

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """What a signal does."""
        self.server.force_exit = self.server.should_exit
        self.server.should_exit = True

    def ended(self, seconds: float = 10) -> bool:
        """Whether it ends within so many seconds."""
        self.thread.join(seconds)
        return not self.thread.is_alive()

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@contextmanager
def serving(app: FastAPI, *, drain: float = 5.0, most_connections: int = 1_000) -> Iterator[Served]:
    """``app`` served for the time of the block."""
    bound = bind("127.0.0.1", 0)
    started = threading.Event()
    config = configured(app, drain=drain, most_connections=most_connections)
    server = DrainingServer(config, app, drain=drain, started=started.set)
    thread = threading.Thread(target=lambda: asyncio.run(server._serve([bound])), daemon=True)
    thread.start()
    assert started.wait(20)
    served = Served(bound.getsockname()[1], server, thread)
    try:
        yield served
    finally:
        served.stop()
        if not served.ended(drain + 2):
            served.stop()
        assert served.ended(10)


def holds(claim: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something becomes true within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.02)
    return claim()


def idle(app: FastAPI) -> bool:
    """Whether no request of the application is at work or waits."""
    places = runner_of(app).places
    return not places.taken and not places.waiting
