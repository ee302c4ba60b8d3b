"""Chat through the messages API, streamed: ``POST /v1/chat/completions``.

Retries happen only before the first token, because afterwards a second attempt would show
the reader a second answer.  A stream that ends without its finish reason is incomplete, and
said to be so.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import httpx_sse

from esrag.errors import EsragError, UnavailableError
from esrag.generation.endpoint import Endpoint, error_text, explained, refused
from esrag.generation.pieces import IncompleteError, Piece
from esrag.types import Message

__all__ = ["IncompleteError", "Piece", "request_body", "stream"]

_ATTEMPTS = 4
_RETRIED = frozenset((429, 502, 503, 504))


def request_body(messages: Sequence[Message], *, model: str, max_tokens: int) -> dict[str, Any]:
    """The body of a greedy, streamed chat request, as TGI, vLLM and llama.cpp all take it.

    ``temperature`` is sent as 0 because TGI samples at 1.0 when it is absent.
    """
    return {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in messages],
        "max_tokens": max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def stream(endpoint: Endpoint, messages: Sequence[Message], *, max_tokens: int) -> Iterator[Piece]:
    """Yield the answer piece by piece.

    Raises IncompleteError when the stream breaks, UnavailableError and its siblings when it
    never begins.  Closing the iterator closes the connection, which cancels the generation.
    """
    body = request_body(messages, model=endpoint.model, max_tokens=max_tokens)
    with endpoint.client() as client:
        for attempt in range(1, _ATTEMPTS + 1):
            begun = False
            try:
                for piece in _attempt(endpoint, client, body):
                    begun = True
                    yield piece
            except _Busy as busy:
                if begun or attempt == _ATTEMPTS:
                    raise busy.error from busy.__cause__
                # full jitter, so that clients refused together do not return together
                time.sleep(random.uniform(0, 0.5 * 2**attempt))  # noqa: S311
            else:
                return


class _Busy(Exception):
    """The server said that it would take the same request later."""

    def __init__(self, error: EsragError) -> None:
        super().__init__(str(error))
        self.error = error


def _attempt(endpoint: Endpoint, client: httpx.Client, body: dict[str, Any]) -> Iterator[Piece]:
    text = ""
    finish: str | None = None
    doing = "an answer was being generated"
    try:
        with (
            explained(endpoint, doing),
            httpx_sse.connect_sse(client, "POST", "v1/chat/completions", json=body) as source,
        ):
            _check(endpoint, source.response)
            for event in source.iter_sse():
                if event.data.strip() == "[DONE]":
                    break
                piece = _piece(endpoint, event.data, text)
                text += piece.text
                finish = piece.finish_reason or finish
                yield piece
    except UnavailableError as error:
        if text:
            raise IncompleteError(f"the stream broke: {error.message}", text=text) from error
        raise
    except httpx_sse.SSEError as error:
        raise EsragError(
            f"{endpoint.url} does not stream as the messages API does: {error}"
        ) from error
    if finish is None:
        raise IncompleteError(
            f"the stream from {endpoint.url} ended before the answer was complete", text=text
        )


def _check(endpoint: Endpoint, response: httpx.Response) -> None:
    if response.status_code == 200:
        return
    error = refused(endpoint, response.status_code, response.read())
    if response.status_code in _RETRIED:
        raise _Busy(error)
    raise error


def _piece(endpoint: Endpoint, data: str, so_far: str) -> Piece:
    try:
        chunk = json.loads(data)
    except ValueError as error:
        raise IncompleteError(
            f"{endpoint.url} sent an event that is not JSON", text=so_far
        ) from error
    if "error" in chunk:
        raise IncompleteError(
            f"{endpoint.url} stopped with an error: {error_text(data.encode())}", text=so_far
        )
    usage = chunk.get("usage") or {}
    choice: dict[str, Any] = next(iter(chunk.get("choices") or ()), {})
    return Piece(
        text=(choice.get("delta") or {}).get("content") or "",
        finish_reason=choice.get("finish_reason"),
        prompt_tokens=usage.get("prompt_tokens", 0),
        generated_tokens=usage.get("completion_tokens", 0),
    )
