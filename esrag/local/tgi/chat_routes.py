"""The chat routes of TGI: answers, streams, calls of tools, and a chat turned into tokens."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from esrag.local.tgi import chat_answers
from esrag.local.tgi.answers import simple_tokens
from esrag.local.tgi.body import Fields
from esrag.local.tgi.chat_requests import (
    BASE_MODEL,
    ChatRequest,
    read_chat,
    to_generate,
    without_tools,
)
from esrag.local.tgi.errors import TemplateFailed, WireError
from esrag.local.tgi.exchange import authorise, json_answer, read_fields, state_of, unless_gone
from esrag.local.tgi.generation.events import Finished
from esrag.local.tgi.requests import GenerateRequest
from esrag.local.tgi.running import Streamed, run, stream, stream_headers, timing_headers
from esrag.local.tgi.sse import DONE, EventStream, event
from esrag.local.tgi.state import Engine
from esrag.local.tgi.tool_calls import CallStream, read_call


async def chat_completions(request: Request) -> Response:
    """``POST /v1/chat/completions``."""
    authorise(request)
    return await answer_chat(request, await read_fields(request, struct="ChatRequest"))


async def chat_tokenize(request: Request) -> Response:
    """``POST /chat_tokenize``: the prompt that a chat becomes, and its tokens; needs no key."""
    engine = state_of(request).ready()
    chat = read_chat(await read_fields(request, struct="ChatRequest"))
    engine.metrics.count("tgi_request_count")
    wanted, _ = prepare(engine, chat)
    tokens = engine.tokens.tokens(wanted.inputs, add_special_tokens=False)
    return json_answer(
        {"tokenize_response": simple_tokens(tokens), "templated_text": wanted.inputs}
    )


async def answer_chat(request: Request, fields: Fields) -> Response:
    """Answer a chat, wherever its body came to.

    A model name that is not known is served by the base model and echoed, as TGI does with
    adapters that it does not have.
    """
    engine = state_of(request).ready()
    chat = read_chat(fields)
    engine.metrics.count("tgi_request_count")
    wanted, uses_tools = prepare(engine, chat)
    name = chat.model if chat.model not in (None, BASE_MODEL) else engine.model.model_id
    talk = _Talk(engine, chat, model=str(name))
    if chat.stream:
        headers = stream_headers(characters=len(wanted.inputs), compute_type=engine.compute_type)
        return EventStream(talk.events(wanted, uses_tools=uses_tools), headers=headers)
    body, headers = await unless_gone(request, talk.whole(wanted, uses_tools=uses_tools))
    return json_answer(body, headers=headers)


def prepare(engine: Engine, chat: ChatRequest) -> tuple[GenerateRequest, bool]:
    """The prompt of a chat; a template that refuses it is counted."""
    try:
        return to_generate(chat, engine.template)
    except TemplateFailed:
        engine.metrics.failure("template")
        raise


@dataclass(frozen=True, slots=True)
class _Talk:
    """One chat on its way to its answer."""

    engine: Engine
    chat: ChatRequest
    model: str

    async def whole(
        self, wanted: GenerateRequest, *, uses_tools: bool
    ) -> tuple[dict[str, object], dict[str, str]]:
        """The body and the headers; a model that chose no tool is asked again."""
        begun = time.monotonic()
        first, _ = await run(self.engine, wanted)
        last, call = first, None
        if uses_tools:
            call = read_call(first.end.text)
            if call is None:
                begun = time.monotonic()
                wanted, _ = prepare(self.engine, without_tools(self.chat))
                last, _ = await run(self.engine, wanted)
        headers = timing_headers(
            last,
            begun=begun,
            characters=len(wanted.inputs),
            compute_type=self.engine.compute_type,
        )
        body = chat_answers.completion(
            first,
            said=chat_answers.message(last.end.text, call),
            prompt_tokens=last.input_length,
            model=self.model,
            logprobs=self.chat.logprobs,
        )
        return body, headers

    async def events(self, wanted: GenerateRequest, *, uses_tools: bool) -> AsyncIterator[bytes]:
        """The stream, down to its end mark; an error comes as an event."""
        try:
            calls = CallStream()
            if uses_tools:
                async with aclosing(self._call_events(wanted, calls)) as parts:
                    async for part in parts:
                        yield part
                wanted, _ = prepare(self.engine, without_tools(self.chat))
            if calls.declined or not uses_tools:
                async for one in stream(self.engine, wanted):
                    yield event(
                        chat_answers.chunk(one.event, model=self.model, logprobs=self.chat.logprobs)
                    )
                    for part in self._usage(one):
                        yield part
        except WireError as error:
            yield event(error.openai_body())
        yield DONE

    async def _call_events(
        self, wanted: GenerateRequest, calls: CallStream
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of a call; ends at once where the model wants no tool."""
        async with aclosing(stream(self.engine, wanted)) as tokens:
            async for one in tokens:
                for piece in calls.push(one.event):
                    yield event(
                        chat_answers.call_chunk(
                            piece,
                            call_id=self.chat.next_call_id,
                            model=self.model,
                            logprobs=self.chat.logprobs,
                        )
                    )
                if calls.declined:
                    return
                for part in self._usage(one):
                    yield part

    def _usage(self, one: Streamed) -> list[bytes]:
        if not self.chat.include_usage or not isinstance(one.event, Finished):
            return []
        chunk = chat_answers.usage_chunk(
            model=self.model,
            prompt_tokens=one.input_length,
            completion_tokens=one.event.generated_tokens,
        )
        return [event(chunk)]
