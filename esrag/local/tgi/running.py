"""Runs requests for the routes: whole answers, best of several, streams; and their headers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from esrag.local.tgi.answers import Answer
from esrag.local.tgi.errors import GenerationFailed, IncompleteGeneration, WireError
from esrag.local.tgi.generation.events import (
    Event,
    Finished,
    NextToken,
    Prefilled,
    PrefillToken,
    Token,
)
from esrag.local.tgi.metrics import Metrics
from esrag.local.tgi.requests import GenerateRequest
from esrag.local.tgi.state import Engine, Generation
from esrag.local.tgi.validation import validate_best_of, validate_stream

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Streamed:
    """One token of a stream, numbered from 1."""

    index: int
    event: NextToken | Finished
    input_length: int


async def run(engine: Engine, request: GenerateRequest) -> tuple[Answer, list[Answer] | None]:
    """The answer and, where ``best_of`` asked for several, those that were not as good."""
    begun = time.monotonic()
    engine.metrics.count("tgi_request_count")
    best_of = request.parameters.best_of or 1
    if best_of == 1:
        answer, losers = await _collect(engine, request), None
    else:
        validate_best_of(best_of, limits=engine.limits)
        losers = await gather(*(_collect(engine, request) for _ in range(best_of)))
        best = max(range(best_of), key=lambda place: losers[place].mean_logprob)
        answer = losers.pop(best)
    _record_success(engine.metrics, answer.end, begun=begun)
    return answer, losers


async def gather(*work: Coroutine[Any, Any, Result]) -> list[Result]:
    """All results in order; the first failure cancels the rest and is raised as it is."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stream(engine: Engine, request: GenerateRequest) -> AsyncGenerator[Streamed, None]:
    """Token by token; raises WireError, then nothing more comes."""
    begun = time.monotonic()
    engine.metrics.count("tgi_request_count")
    try:
        validate_stream(request.parameters)
    except WireError:
        engine.metrics.failure("validation")
        raise
    index = 0
    async with engine.generate(request) as generation:
        try:
            async for event in _watched(engine, generation):
                if isinstance(event, NextToken | Finished):
                    index += 1
                    if isinstance(event, Finished):
                        _record_success(engine.metrics, event, begun=begun)
                    yield Streamed(index, event, generation.input_length)
        except IncompleteGeneration as error:
            raise IncompleteGeneration(stream=True) from error


async def _watched(engine: Engine, generation: Generation) -> AsyncIterator[Event]:
    ended = False
    try:
        async for event in generation.events():
            ended = isinstance(event, Finished)
            yield event
    except (asyncio.CancelledError, GeneratorExit):
        if not ended:  # nobody reads any more
            engine.metrics.failure("dropped")
        raise
    except IncompleteGeneration:
        engine.metrics.failure("incomplete")
        raise
    except GenerationFailed:
        engine.metrics.failure("generation")
        raise


def _record_success(metrics: Metrics, end: Finished, *, begun: float) -> None:
    now = time.monotonic()
    inference = now - end.started
    metrics.count("tgi_request_success")
    for name, seconds in (
        ("duration", now - begun),
        ("validation_duration", end.queued - begun),
        ("queue_duration", end.started - end.queued),
        ("inference_duration", inference),
        ("mean_time_per_token_duration", inference / end.generated_tokens),
    ):
        metrics.observe(f"tgi_request_{name}", max(0.0, seconds))
    metrics.observe("tgi_request_generated_tokens", end.generated_tokens)


async def _collect(engine: Engine, request: GenerateRequest) -> Answer:
    prefill: tuple[PrefillToken, ...] = ()
    tokens: list[Token] = []
    tops: list[tuple[Token, ...]] = []
    async with engine.generate(request) as generation:
        async for event in _watched(engine, generation):
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
