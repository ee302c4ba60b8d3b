"""``/v1/completions``: several prompts at once, whole or streamed side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from esrag.local.tgi import completions
from esrag.local.tgi.answers import Answer
from esrag.local.tgi.body import Fields
from esrag.local.tgi.errors import WireError
from esrag.local.tgi.exchange import authorise, json_answer, read_fields, state_of, unless_gone
from esrag.local.tgi.requests import GenerateRequest
from esrag.local.tgi.running import gather, run, stream, stream_headers, timing_headers
from esrag.local.tgi.sse import DONE, EventStream, event
from esrag.local.tgi.state import Engine


async def text_completions(request: Request) -> Response:
    """``POST /v1/completions``."""
    authorise(request)
    return await answer_completion(request, await read_fields(request, struct="CompletionRequest"))


async def answer_completion(request: Request, fields: Fields) -> Response:
    """Continue the prompts of a body, wherever it came to."""
    engine = state_of(request).ready()
    wanted = completions.read_completion(fields)
    engine.metrics.count("tgi_request_count")
    try:
        requests = completions.to_generate(wanted, most=engine.limits.max_client_batch_size)
    except WireError:
        engine.metrics.failure("validation")
        raise
    if wanted.stream:
        characters = sum(len(one.inputs) for one in requests)
        headers = stream_headers(characters=characters, compute_type=engine.compute_type)
        return EventStream(_side_by_side(engine, requests), headers=headers)
    found = await unless_gone(request, gather(*(_timed(engine, one) for one in requests)))
    body = completions.completion([answer for answer, _ in found], model=engine.model.model_id)
    return json_answer(body, headers=completions.added_headers([headers for _, headers in found]))


async def _timed(engine: Engine, wanted: GenerateRequest) -> tuple[Answer, dict[str, str]]:
    begun = time.monotonic()
    answer, _ = await run(engine, wanted)
    headers = timing_headers(
        answer, begun=begun, characters=len(wanted.inputs), compute_type=engine.compute_type
    )
    return answer, headers


async def _side_by_side(engine: Engine, requests: list[GenerateRequest]) -> AsyncIterator[bytes]:
    """The events of all prompts as they come, and one end mark."""
    events: asyncio.Queue[bytes | None] = asyncio.Queue()
    tasks = [
        asyncio.create_task(_into(events, engine, one, place)) for place, one in enumerate(requests)
    ]
    left = len(tasks)
    try:
        while left:
            part = await events.get()
            if part is None:
                left -= 1
            else:
                yield part
        yield DONE
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _into(
    events: asyncio.Queue[bytes | None], engine: Engine, wanted: GenerateRequest, place: int
) -> None:
    try:
        async for one in stream(engine, wanted):
            chunk = completions.chunk(place, one, model=engine.model.model_id)
            events.put_nowait(event(chunk))
    except WireError as error:
        events.put_nowait(event(error.openai_body()))
    finally:
        events.put_nowait(None)
