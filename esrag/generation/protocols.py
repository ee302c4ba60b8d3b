"""What is said to a generator and what its events mean, in each protocol it may speak.  Pure.

Messages        POST /v1/chat/completions        TGI, vLLM, SGLang, llama.cpp
Native          POST /generate_stream            TGI's own, for a model without a chat template
ThroughCluster  POST /_inference/chat_completion/ID/_stream      Elasticsearch, to any of them
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from esrag.generation.pieces import Piece
from esrag.generation.places import BASE_MODEL, Place
from esrag.generation.sse import Event, EventError
from esrag.types import Message

# what a tokenizer puts first by itself, so that a templated text must not bring it along
_BEGINNINGS = ("<s>", "<|begin_of_text|>", "<bos>", "<｜begin▁of▁sentence｜>")
_DONE = b"[DONE]"


class ErrorEvent(Exception):
    """The stream tells an error; ``data`` is its body."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data


@dataclass(frozen=True, slots=True)
class Sending:
    """A request that generates."""

    path: str
    body: dict[str, Any]


class Speech(Protocol):
    """A protocol."""

    ends_with_done: bool
    wants_text: bool

    def request(self, messages: Sequence[Message], *, max_tokens: int, text: str) -> Sending:
        """The request; ``text`` is the templated prompt, where ``wants_text`` is true."""

    def piece(self, event: Event) -> Piece | None:
        """What an event says; None is the end.  Raises ErrorEvent and EventError."""


class Messages:
    """The messages API, greedy and streamed, as TGI, vLLM and llama.cpp all take it."""

    ends_with_done = True
    wants_text = False

    def __init__(self, place: Place) -> None:
        self._model = place.model

    def request(self, messages: Sequence[Message], *, max_tokens: int, text: str = "") -> Sending:
        """``temperature`` is sent as 0 because TGI samples at 1.0 when it is absent."""
        del text
        body = {
            "model": self._model,
            "messages": turns(messages),
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return Sending("/v1/chat/completions", body)

    def piece(self, event: Event) -> Piece | None:
        """A chunk, or the end."""
        return chunk_piece(event)


class ThroughCluster:
    """The cluster's chat_completion endpoint, which hands the chat on to its service."""

    ends_with_done = True
    wants_text = False

    def __init__(self, place: Place) -> None:
        self._path = f"/_inference/chat_completion/{quote(place.inference_id, safe='')}/_stream"

    def request(self, messages: Sequence[Message], *, max_tokens: int, text: str = "") -> Sending:
        """The endpoint knows its model; the cluster asks for usage by itself."""
        del text
        body = {
            "messages": turns(messages),
            "max_completion_tokens": max_tokens,
            "temperature": 0,
        }
        return Sending(self._path, body)

    def piece(self, event: Event) -> Piece | None:
        """A chunk, or the end; an error has a name of its own."""
        if event.name == "error":
            raise ErrorEvent(event.data)
        return chunk_piece(event)


class Native:
    """TGI's own route, which takes the prompt as one text."""

    ends_with_done = False
    wants_text = True

    def __init__(self, place: Place) -> None:
        self._model = place.model

    def request(self, messages: Sequence[Message], *, max_tokens: int, text: str) -> Sending:
        """Greedy, since no parameter of sampling is sent; an adapter goes by its name."""
        del messages
        parameters: dict[str, Any] = {
            "max_new_tokens": max_tokens,
            "do_sample": False,
            "return_full_text": False,
            "details": True,
        }
        if self._model != BASE_MODEL:
            parameters["adapter_id"] = self._model
        return Sending("/generate_stream", {"inputs": text, "parameters": parameters})

    def piece(self, event: Event) -> Piece | None:
        """A token; the one with the whole text is the last."""
        found = _object(event.data)
        if "error" in found:
            raise ErrorEvent(event.data)
        token = found.get("token") or {}
        text = "" if token.get("special") else str(token.get("text") or "")
        if found.get("generated_text") is None:
            return Piece(text)
        details = found.get("details") or {}
        return Piece(
            text,
            finish_reason=str(details.get("finish_reason") or "stop"),
            prompt_tokens=_count(details.get("input_length")),
            generated_tokens=_count(details.get("generated_tokens")),
        )


def speech_of(place: Place) -> Speech:
    """The protocol of a place."""
    if place.protocol == "tgi":
        return Native(place)
    return ThroughCluster(place) if place.protocol == "elasticsearch" else Messages(place)


def turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages as the messages API has them."""
    return [{"role": message.role, "content": message.content} for message in messages]


def plain_text(messages: Sequence[Message]) -> str:
    """A prompt for a model that was never taught to chat."""
    return "\n\n".join(message.content for message in messages) + "\n\nAnswer:"


def without_beginning(templated: str) -> str:
    """A templated prompt without the token that the tokenizer adds itself."""
    for beginning in _BEGINNINGS:
        if templated.startswith(beginning):
            return templated.removeprefix(beginning)
    return templated


def folded(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same with the system message at the head of the first turn of the user."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if not system or not rest:
        return tuple(messages)
    return (Message(rest[0].role, f"{system}\n\n{rest[0].content}"), *rest[1:])


def chunk_piece(event: Event) -> Piece | None:
    """A chunk of the messages API; None for the line that ends the stream."""
    if event.data.strip() == _DONE:
        return None
    chunk = _object(event.data)
    if chunk.get("error"):
        raise ErrorEvent(event.data)
    usage = chunk.get("usage") or {}
    choices = chunk.get("choices") or [{}]
    choice = choices[0] if isinstance(choices, list) else {}
    try:
        return Piece(
            text=str((choice.get("delta") or {}).get("content") or ""),
            finish_reason=choice.get("finish_reason") or None,
            prompt_tokens=_count(usage.get("prompt_tokens")),
            generated_tokens=_count(usage.get("completion_tokens")),
        )
    except AttributeError as error:
        raise EventError("an event that is no chunk of a chat") from error


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EventError("an event that is not JSON") from error
    if not isinstance(found, dict):
        raise EventError("an event that is no object")
    return found


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
