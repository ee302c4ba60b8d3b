"""Runs requests for the routes: whole answers, best of several, streams; and their headers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from esrag.local.tgi.answers import Answer
from esrag.local.tgi.errors import IncompleteGeneration
from esrag.local.tgi.generation.events import Finished, NextToken, Prefilled, PrefillToken, Token
from esrag.local.tgi.requests import GenerateRequest
from esrag.local.tgi.state import Engine
from esrag.local.tgi.validation import validate_best_of, validate_stream


@dataclass(frozen=True, slots=True)
class Streamed:
    """One token of a stream, numbered from 1."""

    index: int
    event: NextToken | Finished
    input_length: int


async def run(engine: Engine, request: GenerateRequest) -> tuple[Answer, list[Answer] | None]:
    """The answer and, where ``best_of`` asked for several, those that were not as good."""
    best_of = request.parameters.best_of or 1
    if best_of == 1:
        return await _collect(engine, request), None
    validate_best_of(best_of, limits=engine.limits)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_collect(engine, request)) for _ in range(best_of)]
    answers = [task.result() for task in tasks]
    best = max(range(best_of), key=lambda place: answers[place].mean_logprob)
    return answers.pop(best), answers


async def stream(engine: Engine, request: GenerateRequest) -> AsyncIterator[Streamed]:
    """Token by token; raises WireError, then nothing more comes."""
    validate_stream(request.parameters)
    index = 0
    async with engine.generate(request) as generation:
        try:
            async for event in generation.events():
                if isinstance(event, NextToken | Finished):
                    index += 1
                    yield Streamed(index, event, generation.input_length)
        except IncompleteGeneration as error:
            raise IncompleteGeneration(stream=True) from error


async def _collect(engine: Engine, request: GenerateRequest) -> Answer:
    prefill: tuple[PrefillToken, ...] = ()
    tokens: list[Token] = []
    tops: list[tuple[Token, ...]] = []
    async with engine.generate(request) as generation:
        async for event in generation.events():
            if isinstance(event, Prefilled):
                prefill = event.tokens
                continue
            if isinstance(event, NextToken | Finished):
                tokens.append(event.token)
                tops.append(event.top_tokens)
            if isinstance(event, Finished):
                return Answer(generation.input_length, prefill, tuple(tokens), tuple(tops), event)
    raise IncompleteGeneration


def timing_headers(
    answer: Answer, *, begun: float, characters: int, compute_type: str
) -> dict[str, str]:
    """TGI's ``x-`` headers of a whole answer; ``begun`` is of ``time.monotonic``."""
    now = time.monotonic()
    end = answer.end
    inference = now - end.started
    return {
        "x-compute-type": compute_type,
        "x-compute-time": f"{now - begun:.9f}",
        "x-compute-characters": str(characters),
        "x-total-time": _milliseconds(now - begun),
        "x-validation-time": _milliseconds(end.queued - begun),
        "x-queue-time": _milliseconds(end.started - end.queued),
        "x-inference-time": _milliseconds(inference),
        "x-time-per-token": _milliseconds(inference / end.generated_tokens),
        "x-prompt-tokens": str(answer.input_length),
        "x-generated-tokens": str(end.generated_tokens),
    }


def stream_headers(*, characters: int, compute_type: str) -> dict[str, str]:
    """TGI's headers of a stream, known before its first token."""
    return {
        "x-compute-type": compute_type,
        "x-compute-characters": str(characters),
        "x-accel-buffering": "no",
    }


def with_full_text(request: GenerateRequest, *, default: bool) -> GenerateRequest:
    """Fill in ``return_full_text``, whose default differs by route and model."""
    if request.parameters.return_full_text is not None:
        return request
    return replace(request, parameters=replace(request.parameters, return_full_text=default))


def _milliseconds(seconds: float) -> str:
    return str(max(0, int(seconds * 1000)))
