"""uvicorn's server, which ends as TGI's router does: first its requests, then itself.

    signal ─► no new connections ─► requests end by themselves ─► process ends
                                    after the grace time, or at a second signal: the generation
                                    is stopped, and every client gets TGI's own error

TGI's launcher gives its router 90 seconds.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from types import FrameType

from uvicorn import Config, Server

from esrag.local.tgi.state import ServerState

_LAST_BYTES_SECONDS = 1.0
_log = logging.getLogger(__name__)


class StoppingServer(Server):
    """Lets requests end for ``grace`` seconds when it is told to shut down."""

    def __init__(self, state: ServerState, config: Config, *, grace: float) -> None:
        config.timeout_graceful_shutdown = int(grace + _LAST_BYTES_SECONDS) + 1
        super().__init__(config)
        self._state = state
        self._grace = grace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.TimerHandle | None = None
        self.last_signal = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Remember which signal it was; the exit code follows from it."""
        if self.last_signal and self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop_generating)
            return
        self.last_signal = sig
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called in the event loop, after the signal."""
        self._loop = asyncio.get_running_loop()
        open_requests = len(self.server_state.tasks)
        if open_requests:
            _log.info("ending when %d request(s) have ended", open_requests)
        self._ending = self._loop.call_later(self._grace, self._stop_generating)
        try:
            await super().shutdown(sockets)
        finally:
            self._ending.cancel()
            self._stop_generating()

    def _stop_generating(self) -> None:
        if self._state.engine is not None:
            self._state.engine.scheduler.stop(timeout=0)
