"""What every route does first and last: authorisation, the body, the client that goes away."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from esrag.local.tgi.answers import to_bytes
from esrag.local.tgi.body import Fields, parse
from esrag.local.tgi.errors import BodyRejected, WireError
from esrag.local.tgi.sse import disconnected
from esrag.local.tgi.state import ServerState

Result = TypeVar("Result")


class Unauthorised(Exception):
    """No key or a wrong one: 401 with an empty body."""


class ClientGone(Exception):
    """The client closed the connection before its answer was ready."""


def state_of(request: Request) -> ServerState:
    """The state of the application that a request came to."""
    state = request.app.state.server
    if not isinstance(state, ServerState):
        raise TypeError("the application has no ServerState")
    return state


def authorise(request: Request) -> None:
    """Raise Unauthorised unless the key of the server, if it has one, is presented."""
    key = state_of(request).api_key
    if key is None:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), key.encode()):
        raise Unauthorised


async def read_fields(request: Request, *, struct: str) -> Fields:
    """The JSON body; raises BodyRejected when it is too large or not an object."""
    limit = state_of(request).max_body_bytes
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise BodyRejected(
                "Failed to buffer the request body: length limit exceeded", status=413
            )
        parts.append(part)
    content_type = request.headers.get("content-type", "")
    return parse(b"".join(parts), content_type=content_type, struct=struct)


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The outcome of ``work``, which is cancelled when the client goes away."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(disconnected(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def json_answer(
    value: object, *, headers: dict[str, str] | None = None, status: int = 200
) -> Response:
    """A JSON response in TGI's bytes."""
    return Response(
        to_bytes(value), status_code=status, media_type="application/json", headers=headers
    )


async def on_wire_error(request: Request, error: Exception) -> Response:
    """A refusal in TGI's native shape."""
    del request
    if not isinstance(error, WireError):
        raise error
    return json_answer(error.body(), status=error.status)


async def on_rejected_body(request: Request, error: Exception) -> Response:
    """A body that the route cannot take: plain text."""
    del request
    status = error.status if isinstance(error, BodyRejected) else 400
    return PlainTextResponse(str(error), status_code=status)


async def on_unauthorised(request: Request, error: Exception) -> Response:
    """401 without a body."""
    del request, error
    return Response(status_code=401)


async def on_client_gone(request: Request, error: Exception) -> Response:
    """Nobody will read this; the server just needs an end."""
    del request, error
    return Response(status_code=499)
