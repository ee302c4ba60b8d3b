"""What every route has at hand: the service, places and figures of this server, and the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from esrag.server.callers import Caller
from esrag.server.figures import Figures
from esrag.server.gate import Rules, caller_of
from esrag.server.running import CallerLeftError, Runner, Work
from esrag.server.service import Service
from esrag.server.telling import problem_for
from esrag.server.wire import to_json

Result = TypeVar("Result")

_CALLER_LEFT = 499  # nobody reads it; figures and log do


@dataclass(frozen=True, slots=True)
class Server:
    """One server; lives as long as its application."""

    service: Service
    runner: Runner
    rules: Rules
    figures: Figures


@dataclass(frozen=True, slots=True)
class Context:
    """One request to a route that needs a login."""

    server: Server
    request: Request
    caller: Caller

    @property
    def request_id(self) -> str:
        """Under which the log knows it."""
        return str(self.request.scope["state"]["request_id"])

    async def work(self, work: Work[Result]) -> Result:
        """Do ``work`` in a thread, in a place; raises Problem."""
        with self.explained():
            return await self.server.runner.result(self.request, work)

    def explained(self) -> _Explained:
        """Turns what is raised inside the block into a Problem."""
        return _Explained(self)


class _Explained:
    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, CallerLeftError):
            raise problem_for(error, self._context.caller, self._context.request_id) from error


def server_of(request: Request) -> Server:
    """The server that a request came to."""
    server = request.app.state.server
    if not isinstance(server, Server):
        raise TypeError("the application has no server")
    return server


def _context(request: Request) -> Context:
    return Context(server_of(request), request, caller_of(request.scope["state"]))


Here = Annotated[Context, Depends(_context)]


def reply(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(to_json(value), status, media_type="application/json")


async def caller_left(request: Request, error: Exception) -> Response:
    """The answer that nobody reads."""
    del request, error
    return Response(status_code=_CALLER_LEFT)
