"""TGI's own routes: generate, tokenise, and what the server says about itself."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from esrag.local.tgi import answers
from esrag.local.tgi.body import Fields
from esrag.local.tgi.errors import WireError
from esrag.local.tgi.exchange import authorise, json_answer, read_fields, state_of, unless_gone
from esrag.local.tgi.requests import GenerateRequest, read_compat_generate, read_generate
from esrag.local.tgi.running import run, stream, stream_headers, timing_headers, with_full_text
from esrag.local.tgi.sse import EventStream, event
from esrag.local.tgi.state import Engine

_PIPELINE = "text-generation"


async def generate(request: Request) -> Response:
    """``POST /generate``."""
    authorise(request)
    engine = state_of(request).ready()
    wanted = read_generate(await read_fields(request, struct="GenerateRequest"))
    body, headers = await unless_gone(request, _whole(engine, wanted))
    return json_answer(body, headers=headers)


async def generate_stream(request: Request) -> Response:
    """``POST /generate_stream``: 200 in any case; what is wrong comes as an event."""
    authorise(request)
    engine = state_of(request).ready()
    wanted = read_generate(await read_fields(request, struct="GenerateRequest"))
    return _stream(engine, wanted)


async def compat_generate(request: Request) -> Response:
    """``POST /``: a list of one, or a stream; what the older clients call."""
    authorise(request)
    return await answer_compat(request, await read_fields(request, struct="CompatGenerateRequest"))


async def answer_compat(request: Request, fields: Fields) -> Response:
    """Answer the body of ``/``, wherever it came to."""
    engine = state_of(request).ready()
    wanted, streamed = read_compat_generate(fields)
    full = engine.model.pipeline_tag in (None, _PIPELINE)
    wanted = with_full_text(wanted, default=full)
    if streamed:
        return _stream(engine, wanted)
    body, headers = await unless_gone(request, _whole(engine, wanted))
    return json_answer([body], headers=headers)


async def tokenize(request: Request) -> Response:
    """``POST /tokenize``."""
    authorise(request)
    engine = state_of(request).ready()
    wanted = read_generate(await read_fields(request, struct="GenerateRequest"))
    tokens = engine.tokens.tokens(wanted.inputs, add_special_tokens=True)
    return json_answer(answers.simple_tokens(tokens))


async def info(request: Request) -> Response:
    """``GET /info``."""
    return json_answer(answers.info(state_of(request).ready()))


async def models(request: Request) -> Response:
    """``GET /v1/models``."""
    return json_answer(answers.models(state_of(request).ready()))


async def metrics(request: Request) -> Response:
    """``GET /metrics``: in the text format of Prometheus."""
    return PlainTextResponse(state_of(request).ready().metrics.render())


async def health(request: Request) -> Response:
    """``GET /health``, ``/ping`` and ``/``: 503 until the model is loaded."""
    state_of(request).ready()
    return Response(status_code=200)


async def _whole(
    engine: Engine, wanted: GenerateRequest
) -> tuple[dict[str, object], dict[str, str]]:
    begun = time.monotonic()
    answer, losers = await run(engine, wanted)
    parameters = wanted.parameters
    body = answers.generated(
        answer,
        prefix=wanted.inputs if parameters.return_full_text else "",
        details=parameters.details or parameters.decoder_input_details,
        losers=losers,
        top_tokens=bool(parameters.top_n_tokens),
    )
    headers = timing_headers(
        answer, begun=begun, characters=len(wanted.inputs), compute_type=engine.compute_type
    )
    return body, headers


def _stream(engine: Engine, wanted: GenerateRequest) -> Response:
    headers = stream_headers(characters=len(wanted.inputs), compute_type=engine.compute_type)
    return EventStream(_events(engine, wanted), headers=headers)


async def _events(engine: Engine, wanted: GenerateRequest) -> AsyncIterator[bytes]:
    parameters = wanted.parameters
    prefix = wanted.inputs if parameters.return_full_text else ""
    try:
        async for one in stream(engine, wanted):
            yield event(
                answers.streamed(
                    one.index,
                    one.event,
                    prefix=prefix,
                    details=parameters.details,
                    input_length=one.input_length,
                )
            )
    except WireError as error:
        yield event(error.body())
