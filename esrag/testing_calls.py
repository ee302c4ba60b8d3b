"""A public fake of a service that is called over HTTP: canned answers by path, no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from esrag.calling.connections import Reply, Stop
from esrag.calling.wire import Limit


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    @classmethod
    def json(cls, value: Any, *, status: int = 200) -> Canned:
        """The answer with this JSON."""
        return cls(status, json.dumps(value).encode())

    @classmethod
    def stream(cls, *events: Any) -> Canned:
        """A stream of these events, and the end of the messages API."""
        lines = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]
        kind = {"content-type": "text/event-stream"}
        return cls(200, b"".join((*lines, b"data: [DONE]\n\n")), kind)


def said(text: str) -> Canned:
    """A whole answer of a generator, in one piece."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
    return Canned.stream({"choices": [choice]})


class CannedCalls:
    """Answers by path, 404 for others; may be put in the place of Connections.

    ``requests`` remembers method, path and body.
    """

    def __init__(self, answers: Mapping[str, Canned]) -> None:
        self.answers = dict(answers)
        self.requests: list[tuple[str, str, Any]] = []

    @contextmanager
    def exchange(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        connect: Limit,
        answer: Limit,
        headers: Mapping[str, str] | None = None,
        stop: Stop | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Iterator[Reply]:
        """The answer for this path."""
        del connect, headers
        if stop is not None:
            stop.check()
        self.requests.append((method, path, body))
        if on_sent is not None:
            on_sent()
        canned = self.answers.get(path, Canned(404, b'{"error":"no such route"}'))
        yield cast(Reply, _CannedReply(canned, answer))

    def close(self) -> None:
        """Nothing is open."""


class _CannedReply:
    """What a reader of a Reply uses."""

    is_whole = True

    def __init__(self, canned: Canned, limit: Limit) -> None:
        self._canned = canned
        self.status = canned.status
        self.limit = limit

    def header(self, name: str) -> str:
        return self._canned.headers.get(name, "")

    def parts(self) -> Iterator[bytes]:
        yield self._canned.body

    def read(self, most: int = 2**20) -> bytes:
        return self._canned.body[:most]
