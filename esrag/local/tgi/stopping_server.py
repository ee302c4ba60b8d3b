"""uvicorn's server, which waits for its requests, made to end them first.

A signal must end the process within seconds although an answer may take minutes.  So the
generation is stopped before the connections are: every client gets TGI's own error for an
incomplete generation, and then the requests end by themselves.
"""

from __future__ import annotations

import socket
from types import FrameType

from uvicorn import Config, Server

from esrag.local.tgi.state import ServerState


class StoppingServer(Server):
    """Stops the scheduler of ``state`` when it is told to shut down."""

    def __init__(self, state: ServerState, config: Config) -> None:
        super().__init__(config)
        self._state = state
        self.last_signal = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Remember which signal it was; the exit code follows from it."""
        self.last_signal = sig
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called in the event loop, after the signal."""
        if self._state.engine is not None:
            self._state.engine.scheduler.stop(timeout=0)
        await super().shutdown(sockets)
