"""What one caller asked of a deployment: the inputs, their results as they come in, the end.

Records shared by ``waiting``, ``cache`` and ``deployment``; no locks and no threads here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.tasks.task import Prepared, Row, Task
from esrag.local.mlnode.tokenization import Refused, TokenIds
from esrag.local.mlnode.tokenizer import VocabularyTokenizer


@dataclass(frozen=True, slots=True)
class InputResult:
    """The result of one input as the wire shows it, or the reason why there is none."""

    body: dict[str, Any] | None
    error: str = ""


class InferRequest:
    """The inputs of one caller; ``future`` holds the results when all are there."""

    def __init__(self, texts: Sequence[str], task: Task) -> None:
        self.texts = texts
        self.task = task
        self.waiting: list[WaitingSequence] = []
        self.future: Future[list[InputResult]] = Future()
        self._results: dict[int, InputResult] = {}

    @property
    def missing(self) -> int:
        """How many inputs have no result yet."""
        return len(self.texts) - len(self._results)

    def settle(self, position: int, result: InputResult) -> None:
        """Note the result of one input; the last one completes the request."""
        self._results[position] = result
        if self.missing == 0:
            # The caller may have given up at this very moment, on its own thread.
            with contextlib.suppress(InvalidStateError):
                self.future.set_result([self._results[i] for i in range(len(self.texts))])

    def fail(self, problem: Problem) -> None:
        """End the request with a refusal, unless it has ended already."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(problem)


class Work:
    """One input of a request with the rows of its sequences as they come in."""

    def __init__(self, request: InferRequest, position: int, prepared: Prepared) -> None:
        self.request = request
        self.position = position
        self.prepared = prepared
        self._rows: dict[int, Row | str] = {}

    @property
    def text(self) -> str:
        """The input."""
        return self.request.texts[self.position]

    @property
    def sequences(self) -> list[WaitingSequence]:
        """What has to be executed for it."""
        positions = self.prepared.positions
        return [
            WaitingSequence(self, part, sequence.ids, positions[part] if positions else None)
            for part, sequence in enumerate(self.prepared.sequences)
        ]

    def add(self, part: int, row: Row | str) -> bool:
        """Note the row of one sequence; True when that was the last one."""
        self._rows[part] = row
        return len(self._rows) == len(self.prepared.sequences)

    def finish(self, tokenizer: VocabularyTokenizer) -> InputResult:
        """The result; called once, when all rows are there."""
        rows: list[Row] = []
        for part in range(len(self.prepared.sequences)):
            row = self._rows[part]
            if isinstance(row, str):
                return InputResult(None, error=row)
            rows.append(row)
        try:
            return InputResult(self.request.task.finish(self.text, self.prepared, rows, tokenizer))
        except Refused as refused:
            return InputResult(None, error=refused.reason)


@dataclass(eq=False, slots=True)
class WaitingSequence:
    """One sequence of an input on its way; ``small`` and ``arrival`` are the queue's notes."""

    work: Work
    part: int
    ids: TokenIds
    place: int | None = None
    small: bool = False
    arrival: int = -1

    @property
    def length(self) -> int:
        """How many tokens it has."""
        return len(self.ids)

    @property
    def counts(self) -> bool:
        """Whether it stands for its input where inputs are counted; one sequence of each does."""
        return self.part == 0
