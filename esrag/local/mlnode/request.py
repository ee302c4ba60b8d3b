"""What one caller asked of a deployment: the inputs, their results as they come in, the end.

Records shared by ``waiting``, ``cache`` and ``deployment``; no locks and no threads here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.tokenization import TokenIds, TokenizationSettings


@dataclass(frozen=True, slots=True)
class InputResult:
    """The vector of one input, or the reason why there is none."""

    vector: npt.NDArray[Any] | None
    is_truncated: bool = False
    error: str = ""


class InferRequest:
    """The inputs of one caller; ``future`` holds the results when all are there."""

    def __init__(self, texts: Sequence[str], settings: TokenizationSettings) -> None:
        self.texts = texts
        self.settings = settings
        self.waiting: list[WaitingInput] = []
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


@dataclass(eq=False, slots=True)
class WaitingInput:
    """One encoded input on its way; ``small`` and ``arrival`` are the queue's notes."""

    request: InferRequest
    position: int
    ids: TokenIds
    is_truncated: bool = False
    small: bool = False
    arrival: int = -1

    @property
    def length(self) -> int:
        """How many tokens it has."""
        return len(self.ids)
