"""The OpenAI-like routes of TGI: chat, and chat turned into tokens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from esrag.local.tgi import chat_answers
from esrag.local.tgi.answers import simple_tokens
from esrag.local.tgi.chat_requests import BASE_MODEL, ChatRequest, read_chat, to_generate
from esrag.local.tgi.errors import WireError
from esrag.local.tgi.exchange import authorise, json_answer, read_fields, state_of, unless_gone
from esrag.local.tgi.generation.events import Finished
from esrag.local.tgi.requests import GenerateRequest
from esrag.local.tgi.running import run, stream, stream_headers, timing_headers
from esrag.local.tgi.sse import DONE, EventStream, event
from esrag.local.tgi.state import Engine


async def chat_completions(request: Request) -> Response:
    """``POST /v1/chat/completions``.

    A model name that is not known is served by the base model and echoed, as TGI does with
    adapters that it does not have.
    """
    authorise(request)
    engine = state_of(request).ready()
    chat = read_chat(await read_fields(request, struct="ChatRequest"))
    wanted = to_generate(chat, engine.template)
    name = chat.model if chat.model not in (None, BASE_MODEL) else engine.model.model_id
    if chat.stream:
        headers = stream_headers(characters=len(wanted.inputs), compute_type=engine.compute_type)
        events = _events(engine, wanted, chat=chat, model=str(name))
        return EventStream(events, headers=headers)
    begun = time.monotonic()
    answer, _ = await unless_gone(request, run(engine, wanted))
    headers = timing_headers(
        answer, begun=begun, characters=len(wanted.inputs), compute_type=engine.compute_type
    )
    body = chat_answers.completion(answer, model=str(name), logprobs=chat.logprobs)
    return json_answer(body, headers=headers)


async def chat_tokenize(request: Request) -> Response:
    """``POST /chat_tokenize``: the prompt that a chat becomes, and its tokens; needs no key."""
    engine = state_of(request).ready()
    chat = read_chat(await read_fields(request, struct="ChatRequest"))
    wanted = to_generate(chat, engine.template)
    tokens = engine.tokens.tokens(wanted.inputs, add_special_tokens=False)
    return json_answer(
        {"tokenize_response": simple_tokens(tokens), "templated_text": wanted.inputs}
    )


async def _events(
    engine: Engine, wanted: GenerateRequest, *, chat: ChatRequest, model: str
) -> AsyncIterator[bytes]:
    try:
        async for one in stream(engine, wanted):
            yield event(chat_answers.chunk(one.event, model=model, logprobs=chat.logprobs))
            if chat.include_usage and isinstance(one.event, Finished):
                yield event(
                    chat_answers.usage_chunk(
                        model=model,
                        prompt_tokens=one.input_length,
                        completion_tokens=one.event.generated_tokens,
                    )
                )
    except WireError as error:
        yield event(error.openai_body())
    yield DONE
