"""Decides when an answer is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

FinishReason = Literal["length", "eos_token", "stop_sequence"]


class StopCriteria:
    """The limits of one request.  As in TGI, length wins over the others on the last token."""

    def __init__(
        self, *, max_new_tokens: int, end_tokens: Collection[int], stop: Sequence[str]
    ) -> None:
        self._left = max_new_tokens
        self._end_tokens = end_tokens
        self._stop = tuple(stop)  # an empty one ends the answer at once, as in TGI
        self._longest = max((len(sequence) for sequence in self._stop), default=0)
        self._tail = ""

    def push(self, token_id: int, text: str) -> FinishReason | None:
        """Why the answer ends with this token, or None.

        A stop sequence may be spread over tokens, but must end where a token ends.
        """
        self._left -= 1
        if self._left <= 0:
            return "length"
        if token_id in self._end_tokens:
            return "eos_token"
        if self._stop:
            self._tail += text
            if any(self._tail.endswith(sequence) for sequence in self._stop):
                return "stop_sequence"
            self._tail = self._tail[-max(self._longest, 1) :]
        return None
