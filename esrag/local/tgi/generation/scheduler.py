"""Continuous batching: requests join and leave a running batch between two tokens.

    waiting ──► reading its prompt (one at a time, in stretches) ──► running ──► gone
                row n                                                rows 0 … n-1

Each turn of the one worker thread reads some of the newest prompt and then adds one token to
every running request, so a long prompt delays the others by a stretch, never by all of it.
Knows neither HTTP nor torch: the forward pass is a ``Runner``.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from esrag.local.tgi.generation.sequence import RunningSequence, Sink, Vocabulary
from esrag.local.tgi.metrics import Metrics, PassTimes
from esrag.local.tgi.validation import ValidRequest

_STOPPING = "the server is stopping"
_log = logging.getLogger(__name__)


class Runner(Protocol):
    """The forward pass over rows of memory; see ``runner.TorchRunner``."""

    def prefill(
        self, row: int, *, ids: Sequence[int], start: int, all_logits: bool, adapter: Any
    ) -> NDArray[np.float32]:
        """Read a stretch of a prompt into a row."""

    def decode(
        self, ids: Sequence[int], *, positions: Sequence[int], adapters: Sequence[Any]
    ) -> NDArray[np.float32]:
        """Add one token to each of the first rows; every row has its adapter, or None."""

    def move(self, *, source: int, target: int, length: int) -> None:
        """Copy a row over another."""

    def release(self) -> None:
        """Nothing is running."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """``rows`` requests at once; ``tokens`` is rows times the longest, as memory sees it."""

    rows: int
    tokens: int
    stretch: int = 256


class Scheduler:
    """Owns the worker thread and everything that only it may touch."""

    def __init__(
        self,
        runner: Runner,
        *,
        vocabulary: Vocabulary,
        end_tokens: Collection[int],
        limits: BatchLimits,
        metrics: Metrics | None = None,
    ) -> None:
        self._runner = runner
        self._vocabulary = vocabulary
        self._end_tokens = frozenset(end_tokens)
        self._limits = limits
        self._metrics = metrics or Metrics()
        self._wake = threading.Condition()
        self._waiting: deque[RunningSequence] = deque()
        self._reading: RunningSequence | None = None
        self._running: list[RunningSequence] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="generation", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether requests will be worked on."""
        return self._thread.is_alive() and not self._stopping

    @property
    def busy(self) -> int:
        """How many requests hold a row of the batch."""
        return len(self._running) + (self._reading is not None)

    def start(self) -> None:
        """Start the worker."""
        self._thread.start()

    def stop(self, *, timeout: float) -> None:
        """Tell everybody at once, and end the worker after its current pass."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
            everybody = [*self._waiting, *self._batch()]
        for sequence in everybody:
            sequence.fail(_STOPPING, stopped=True)
        if self._thread.is_alive():
            self._thread.join(timeout)

    def submit(self, request: ValidRequest, sink: Sink) -> RunningSequence:
        """Queue a request; ``sink`` is called from the worker thread."""
        sequence = RunningSequence(
            request, sink, vocabulary=self._vocabulary, end_tokens=self._end_tokens
        )
        with self._wake:
            if self._stopping:
                sequence.fail(_STOPPING, stopped=True)
            else:
                self._waiting.append(sequence)
                self._metrics.set("tgi_queue_size", len(self._waiting))
                self._wake.notify_all()
        return sequence

    def turn(self) -> None:
        """One turn of the worker: drop, read, decode.  Public for tests without a thread."""
        self._drop_cancelled()
        self._read_prompts()
        self._decode()
        self._metrics.set("tgi_queue_size", len(self._waiting))
        self._metrics.set("tgi_batch_current_size", self.busy)
        longest = max((one.longest for one in self._batch()), default=0)
        self._metrics.set("tgi_batch_current_max_tokens", longest * self.busy)
        if not self._running and self._reading is None:
            self._runner.release()

    def _work(self) -> None:
        try:
            while self._wait_for_work():
                try:
                    self.turn()
                except (RuntimeError, MemoryError) as error:  # out of memory, a failed kernel
                    _log.exception("a forward pass failed")
                    self._fail_batch(str(error))
        finally:
            with self._wake:
                self._stopping = True
                left = [*self._waiting, *self._batch()]
                self._waiting.clear()
            for sequence in left:
                sequence.fail(_STOPPING, stopped=True)

    def _wait_for_work(self) -> bool:
        with self._wake:
            while not (self._stopping or self._waiting or self._batch()):
                self._wake.wait()
            return not self._stopping

    def _batch(self) -> list[RunningSequence]:
        return [*self._running, *([self._reading] if self._reading else [])]

    def _fail_batch(self, message: str) -> None:
        for sequence in self._batch():
            sequence.fail(message)
        self._running, self._reading = [], None
        self._runner.release()

    def _drop_cancelled(self) -> None:
        with self._wake:
            if any(sequence.cancelled for sequence in self._waiting):
                self._waiting = deque(one for one in self._waiting if not one.cancelled)
        if self._reading is not None and self._reading.cancelled:
            self._reading = None
        for row in reversed(range(len(self._running))):
            if self._running[row].cancelled:
                self._leave(row)

    def _leave(self, row: int) -> None:
        """Take a request out of the batch; the last rows move into the gap."""
        last = len(self._running) - 1
        if row != last:
            moved = self._running[last]
            self._runner.move(source=last, target=row, length=len(moved.ids))
            self._running[row] = moved
        self._running.pop()
        if self._reading is not None:
            self._runner.move(source=last + 1, target=last, length=self._reading.prefilled)

    def _read_prompts(self) -> None:
        """Read prompts until a stretch of tokens is used up; finished ones start to run."""
        left = self._limits.stretch
        while left > 0:
            sequence = self._reading or self._admit()
            if sequence is None:
                return
            end = min(sequence.prefilled + left, sequence.prompt_length)
            left -= end - sequence.prefilled
            with PassTimes(self._metrics, "prefill") as times:
                logits = self._runner.prefill(
                    len(self._running),
                    ids=sequence.ids[sequence.prefilled : end],
                    start=sequence.prefilled,
                    all_logits=sequence.wants_prefill,
                    adapter=sequence.adapter,
                )
                times.mark("forward")
                sequence.read_prompt(logits, until=end)
                if end == sequence.prompt_length:
                    self._reading = None
                    if not sequence.advance(logits[-1]):
                        self._running.append(sequence)
                times.mark("decode")

    def _admit(self) -> RunningSequence | None:
        with self._wake:
            if not self._waiting or len(self._running) >= self._limits.rows:
                return None
            candidate = self._waiting[0]
            longest = max([candidate.longest, *(one.longest for one in self._running)])
            if self._running and longest * (len(self._running) + 1) > self._limits.tokens:
                return None
            self._waiting.popleft()
        self._metrics.observe("tgi_batch_next_size", 1)
        if self._running:
            self._metrics.count("tgi_batch_concat", reason="chunking")
        candidate.start()
        self._reading = candidate
        return candidate

    def _decode(self) -> None:
        if not self._running:
            return
        with PassTimes(self._metrics, "decode") as times:
            logits = self._runner.decode(
                [sequence.ids[-1] for sequence in self._running],
                positions=[len(sequence.ids) - 1 for sequence in self._running],
                adapters=[sequence.adapter for sequence in self._running],
            )
            times.mark("forward")
            finished = [
                row for row, sequence in enumerate(self._running) if sequence.advance(logits[row])
            ]
            times.mark("decode")
            for row in reversed(finished):
                self._leave(row)
            times.mark("filter")
