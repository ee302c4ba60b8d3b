"""About the server itself: health, readiness, figures, what it is, and what readers think."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from esrag import __version__
from esrag.errors import EsragError
from esrag.server.bodies import (
    LONGEST_QUESTION,
    MOST_HITS,
    MOST_TURNS,
    FeedbackBody,
    FiltersBody,
)
from esrag.server.callers import Caller
from esrag.server.context import Context, Here, Server, reply, server_of
from esrag.server.figures import CONTENT_TYPE
from esrag.server.problems import problem
from esrag.server.responses import FIGURES, PROBLEMS, AboutModel, KeptModel, ReadyModel
from esrag.server.running import in_thread
from esrag.server.service import Check, Feedback

_CHECKS_HOLD = 2.0

router = APIRouter(tags=["server"])


@router.get("/health", responses=PROBLEMS, summary="Whether the process lives")
async def health() -> Response:
    """Asks nobody else."""
    return reply({"status": "alive"})


@router.get(
    "/ready",
    response_model=ReadyModel,
    responses={**PROBLEMS, 503: {"model": ReadyModel, "description": "Answers are not possible"}},
    summary="Whether answers are possible",
)
async def ready(request: Request) -> Response:
    """Elasticsearch, credentials, document set and generator, looked at every two seconds at most.

    A generator that is down does not make it unready: passages are quoted then.
    """
    server = server_of(request)
    checks = await request.app.state.checks.now(server)
    fine = all(check.ok for check in checks if check.needed)
    body: dict[str, object] = {"ready": fine and not server.runner.places.stopping}
    if server.rules.door.may_look_inside(request.headers.get("authorization", "")):
        names = ("name", "ok", "message", "hint", "needed")
        body["checks"] = [{name: getattr(check, name) for name in names} for check in checks]
    return reply(body, 200 if body["ready"] else 503)


class Checks:
    """The checks, kept for a moment: whoever asks often does not ask the cluster as often."""

    def __init__(self) -> None:
        self._found: tuple[Check, ...] = ()
        self._until = 0.0
        self._asking: asyncio.Lock | None = None

    async def now(self, server: Server) -> tuple[Check, ...]:
        """The checks, at most two seconds old."""
        self._asking = self._asking or asyncio.Lock()
        async with self._asking:
            if time.monotonic() >= self._until:
                self._found = await in_thread(server.service.checks)
                self._until = time.monotonic() + _CHECKS_HOLD
            return self._found


@router.get(
    "/metrics",
    responses={**PROBLEMS, 200: FIGURES},
    response_class=Response,
    summary="Figures for Prometheus",
)
async def metrics(request: Request) -> Response:
    """In Prometheus' text format."""
    return Response(server_of(request).figures.text(), headers={"content-type": CONTENT_TYPE})


@router.get(
    "/v1/about",
    response_model=AboutModel,
    responses=PROBLEMS,
    summary="What this server is, and whether a login holds",
)
async def about(request: Request) -> Response:
    """Without a login it says which one is wanted."""
    server = server_of(request)
    door = server.rules.door
    caller = request.scope["state"].get("caller")
    body: dict[str, object] = {
        "name": "esrag",
        "version": __version__,
        "auth": door.mode,
        "login": door.login,
    }
    if caller is None and door.login == "none":
        caller = door.caller("", "")
    if not isinstance(caller, Caller):
        return reply({**body, "authenticated": False})
    here = Context(server, request, caller)
    name = await here.work(lambda _tell, _cancel: server.service.name_of(caller))
    return reply(
        {
            **body,
            "authenticated": True,
            "set": server.service.set_name,
            "caller": name,
            "feedback": server.service.takes_feedback,
            "generates": server.service.generates,
            "limits": {
                "question_characters": LONGEST_QUESTION,
                "history_turns": MOST_TURNS,
                "size": MOST_HITS,
            },
            "filters": list(FiltersBody.model_fields),
        }
    )


@router.post(
    "/v1/feedback",
    response_model=KeptModel,
    status_code=201,
    responses=PROBLEMS,
    summary="Say what you think of an answer",
)
async def feedback(body: FeedbackBody, here: Here) -> Response:
    """Kept beside the answer, when the server keeps feedback."""
    service, caller = here.server.service, here.caller
    if not service.takes_feedback:
        raise problem(
            404,
            "feedback_off",
            "this server keeps no feedback",
            "Whoever runs it switches it on with serve.feedback.",
        )
    said = Feedback(body.answer_id, body.rating, body.comment)
    await here.work(lambda _tell, _cancel: service.keep_feedback(caller, said))
    return reply({"kept": True}, 201)


def unreachable(name: str, error: EsragError, *, needed: bool = True) -> Check:
    """A check that failed."""
    return Check(name, ok=False, message=error.message, hint=error.hint, needed=needed)
