"""The process side: one socket, uvicorn, and an end that lets running answers finish.

first signal    no new work; running answers get ``drain`` seconds, then an error event
second signal   at once
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from esrag.errors import PermissionDeniedError, UsageError
from esrag.server.application import runner_of

HEADER_SECONDS = 15.0
_KEEP_ALIVE = 75  # longer than proxies keep theirs, so that none sends into a closing connection
_LAST_WORDS = 5  # seconds to send the error event and close
_MOST_HEADER_BYTES = 64 * 1024
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the server listens, once it does."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Its address for a browser on this machine."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}"


def bind(host: str, port: int) -> socket.socket:
    """A socket at the address; raises UsageError when it is taken or is none of this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"serve.host {host!r} is no address: {error}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)  # now, so that a second server is refused before it starts
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} of {host} is taken",
                hint="Is esrag serve running already? Take another: --port 0 takes a free one.",
            ) from error
        if error.errno == errno.EACCES:
            raise PermissionDeniedError(
                f"port {port} of {host} may not be used: {error.strerror}",
                hint="Take a port above 1023.",
            ) from error
        raise UsageError(f"{host} cannot be listened on: {error.strerror}") from error
    return bound


def serve(
    app: FastAPI,
    bound: socket.socket,
    *,
    drain: float,
    most_connections: int,
    started: Callable[[Listening], None] = lambda _: None,
) -> None:
    """Serve until a signal; returns when the last answer is out or had its time."""
    host, port = bound.getsockname()[:2]
    config = configured(app, drain=drain, most_connections=most_connections)
    server = DrainingServer(
        config, app, drain=drain, started=lambda: started(Listening(host, port))
    )
    with server.signals():
        asyncio.run(server._serve([bound]))


def configured(app: FastAPI, *, drain: float, most_connections: int) -> uvicorn.Config:
    """uvicorn's settings."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # an address that a caller may choose counts for nothing
        timeout_keep_alive=_KEEP_ALIVE,
        limit_concurrency=most_connections,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        timeout_graceful_shutdown=int(drain) + _LAST_WORDS,
    )


class DrainingServer(uvicorn.Server):
    """uvicorn, with our way of ending."""

    def __init__(
        self, config: uvicorn.Config, app: FastAPI, *, drain: float, started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._runner = runner_of(app)
        self._drain = drain
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self._tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what runs finish, for a while."""
        self._runner.places.stop()
        ending = asyncio.get_running_loop().call_later(self._drain, self._runner.end_all)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()
            self._runner.end_all()

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Handle signals for the time of the block; unlike uvicorn's, they are not sent again."""
        before = {one: signal.signal(one, self._signalled) for one in _SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _signalled(self, signum: int, frame: FrameType | None) -> None:
        del signum, frame
        self.force_exit = self.should_exit
        self.should_exit = True


class PatientProtocol(H11Protocol):
    """HTTP/1.1 with a limit to patience: a request's head has to arrive within 15 seconds."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller is there; he is to say what he wants."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        self._stop_expecting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came; while it is no whole head, time runs from its first byte on."""
        super().data_received(data)
        at_work = self.cycle is not None and not self.cycle.response_complete
        if at_work:
            self._stop_expecting()
        elif self._head_timer is None:
            self._expect_head()

    def on_response_complete(self) -> None:
        """Between two requests the limit is that of keeping alive."""
        super().on_response_complete()
        if self.cycle is None or self.cycle.response_complete:
            self._stop_expecting()

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop_expecting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()
