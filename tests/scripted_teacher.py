"""A server for ``examples.teacher`` that answers by a function and fails on cue; no sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress

from esrag.errors import EsragError
from esrag.generation.budget import Limits
from esrag.generation.cancelling import Cancellation
from esrag.generation.pieces import Piece
from esrag.types import Message

Says = Callable[[Sequence[Message]], str]


class ScriptedServer:
    """Says what ``says`` makes of the messages; first raises ``faults``, one for each request.

    ``most_at_once`` is how many requests were under way together.
    """

    def __init__(
        self,
        says: Says,
        *,
        faults: Sequence[EsragError | None] = (),
        model: str = "tgi",
        told: str = "org/teacher-1b",
        finish: str = "stop",
        down: EsragError | None = None,
    ) -> None:
        self.says = says
        self.faults = list(faults)
        self.model = model
        self.told = told
        self.finish = finish
        self.down = down
        self.asked: list[tuple[Message, ...]] = []
        self.most_at_once = 0
        self.gate = threading.Barrier(1)
        self._now = 0
        self._lock = threading.Lock()

    def limits(self) -> Limits:
        """What the server says it is."""
        if self.down is not None:
            raise self.down
        return Limits(4096, 4096, self.told)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        cancel: Cancellation | None = None,
        max_tokens: int | None = None,
    ) -> Generator[Piece, None, None]:
        """The answer in two pieces."""
        del max_tokens
        with self._lock:
            self.asked.append(tuple(messages))
            fault = self.faults.pop(0) if self.faults else self.down
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            if cancel is not None:
                cancel.check()
            if fault is not None:
                raise fault
            with suppress(threading.BrokenBarrierError):
                self.gate.wait(timeout=5)
            text = self.says(messages)
            yield Piece(text[:3])
            yield Piece(text[3:], finish_reason=self.finish, prompt_tokens=9, generated_tokens=4)
        finally:
            with self._lock:
                self._now -= 1

    def close(self) -> None:
        """Nothing is open."""
