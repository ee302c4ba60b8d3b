"""Server-sent events: their bytes, and a response that notices when its reader goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from esrag.local.tgi.answers import to_bytes

DONE = b"data: [DONE]\n\n"
_KEEP_ALIVE = b":\n\n"
_KEEP_ALIVE_SECONDS = 15.0


def event(value: object) -> bytes:
    """One event.  The space after the colon matters: hub's client insists on it."""
    return b"data: " + to_bytes(value) + b"\n\n"


async def disconnected(receive: Receive) -> None:
    """Return when the client is gone; only after its body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """Sends events as they come, and stops their source at once when nobody reads them."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], *, headers: Mapping[str, str]) -> None:
        super().__init__(
            headers={
                "content-type": "text/event-stream",
                "cache-control": "no-cache",
                **headers,
            }
        )
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the stream against the reader's patience."""
        del scope
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        upcoming: asyncio.Task[bytes | None] | None = None
        try:
            while True:
                upcoming = asyncio.create_task(self._next())
                while not (await asyncio.wait({upcoming}, timeout=_KEEP_ALIVE_SECONDS))[0]:
                    await _send_part(send, _KEEP_ALIVE)
                part = upcoming.result()
                if part is None:
                    break
                await _send_part(send, part)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if upcoming is not None and not upcoming.done():
                upcoming.cancel()
                await asyncio.gather(upcoming, return_exceptions=True)
            close = getattr(self._events, "aclose", None)
            if close is not None:
                await close()

    async def _next(self) -> bytes | None:
        return await anext(self._events, None)


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})
