"""Turns tokens into text one at a time, so that the pieces join to exactly the whole text.

A character may span several tokens, and some decoders drop a space at the start of what they
are given.  So each piece is the difference between two decodings that share a beginning, and
is held back while it ends inside a character.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

_UNFINISHED = "\ufffd"
_CONTEXT = 5  # tokens of the prompt decoded along, to defeat clean-up at the start


class Detokenizer:
    """The text of one answer while it grows."""

    def __init__(self, decode: Callable[[Sequence[int]], str], prompt: Sequence[int]) -> None:
        self._decode = decode
        self._ids = list(prompt[-_CONTEXT:])
        self._start = 0
        self._read = len(self._ids)

    def push(self, token_id: int) -> str:
        """The text that this token completes; empty inside a character."""
        self._ids.append(token_id)
        known = self._decode(self._ids[self._start : self._read])
        text = self._decode(self._ids[self._start :])
        if len(text) <= len(known) or text.endswith(_UNFINISHED):
            return ""
        self._start, self._read = self._read, len(self._ids)
        return text[len(known) :]

    def skip(self, token_id: int) -> str:
        """A special token: its own text; what was held back before it was no whole character."""
        self._ids.append(token_id)
        self._start = len(self._ids) - 1
        self._read = len(self._ids)
        return self._decode([token_id])
