"""``/v1/ask``: an answer, at once or as a stream of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

from fastapi import APIRouter
from starlette.responses import Response

from esrag.answering.record import AnswerRecord
from esrag.server.bodies import AskBody
from esrag.server.context import Context, Here, reply
from esrag.server.responses import PROBLEMS, STREAM
from esrag.server.running import Ended, Run, Work, unless_gone
from esrag.server.service import Wishes
from esrag.server.streams import EventStream
from esrag.server.telling import named, problem_for, record_of
from esrag.server.wire import HEARTBEAT, event
from esrag.types import Answer, Asked

HEARTBEAT_SECONDS = 10.0

_TRACE_HEADERS = ("traceparent", "tracestate")

router = APIRouter(tags=["answers"])


@router.post(
    "/v1/ask",
    response_model=AnswerRecord,
    responses={200: STREAM, **PROBLEMS},
    summary="Answer a question from the documents, with sources",
)
async def ask(body: AskBody, here: Here) -> Response:
    """One JSON record, or with ``stream`` the events rewritten, sources, sentence, answer, error.

    A stream always ends with ``answer`` or ``error``; one that does not was cut.
    """
    wishes = Wishes(body.generate, body.facets, trace_of(here))
    work = answering(here, body.record(), wishes)
    if not body.stream:
        return reply(record_of(await here.work(work), passages=body.passages))
    return await streamed(here, work, _Events(here))


def answering(here: Context, asked: Asked, wishes: Wishes) -> Work[Answer]:
    """The work that answers a question for the caller."""
    service, caller = here.server.service, here.caller
    return lambda tell, cancel: service.answer(
        caller, asked, on_event=tell, cancel=cancel, wishes=wishes
    )


def trace_of(here: Context) -> dict[str, str]:
    """The headers that say which trace a request belongs to."""
    headers = here.request.headers
    return {name: headers[name] for name in _TRACE_HEADERS if name in headers}


class Telling(Protocol):
    """Writes a stream, in one API's form or another's."""

    def happened(self, told: object) -> Iterator[bytes]:
        """An event of the answer."""

    def finished(self, answer: Answer) -> Iterator[bytes]:
        """The end, when all went well."""

    def failed(self, error: BaseException) -> Iterator[bytes]:
        """The end otherwise."""


class _Events:
    """Writes esrag's own events."""

    def __init__(self, here: Context) -> None:
        self._here = here

    def happened(self, told: object) -> Iterator[bytes]:
        """An event of the answer."""
        found = named(told)
        if found is not None:
            yield event(*found)

    def finished(self, answer: Answer) -> Iterator[bytes]:
        """The end, when all went well."""
        yield event("answer", record_of(answer))

    def failed(self, error: BaseException) -> Iterator[bytes]:
        """The end otherwise."""
        told = problem_for(error, self._here.caller, self._here.request_id)
        yield event("error", {"error": told.error(self._here.request_id), "answer": told.answer})


async def streamed(here: Context, work: Work[Answer], telling: Telling) -> Response:
    """A stream of what ``telling`` makes of the work's events.

    Nothing is sent before the first of them, so that what fails early has a status of its own.
    """
    async with AsyncExitStack() as stack:
        with here.explained():
            run = await stack.enter_async_context(here.server.runner.running(here.request, work))
            first = await unless_gone(here.request, _first(run))
            if isinstance(first, Ended):
                first.value()
        kept = stack.pop_all()
    return EventStream(_events(here, run, first, telling, kept.aclose))


async def _first(run: Run[Answer]) -> Any:
    while True:
        found = await run.next(HEARTBEAT_SECONDS)
        if found is not None:
            return found


async def _events(
    here: Context, run: Run[Answer], first: Any, telling: Telling, close: Callable[[], Any]
) -> AsyncGenerator[bytes, None]:
    end = "left"
    try:
        found = first
        while not isinstance(found, Ended):
            if found is None:
                yield HEARTBEAT
            else:
                for line in telling.happened(found):
                    yield line
            found = await run.next(HEARTBEAT_SECONDS)
        if found.error is None:
            for line in telling.finished(found.value()):
                yield line
            end = "answer"
        else:
            for line in telling.failed(found.error):
                yield line
            end = "error"
    finally:
        here.server.figures.stream_ended(end)
        await close()
