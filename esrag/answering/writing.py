"""Reads what a generator streams and hands out its sentences as they become whole."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from esrag import sentences as text
from esrag.generation.pieces import Piece

MOST_SENTENCES = 3
# the end of a sentence, with what may stand behind it: quotes, brackets, citations
_ENDS = re.compile(r"[.!?…。！？][\"'”’»)\]]*(?:\s*\[[\d,\s]+\])*[.\s]*$")


class Writing:
    """What was written so far.  ``first_token`` is the time until it began, in seconds.

    ``cut_off`` when more was not wanted, ``ran_out`` when the generator had no tokens left.
    """

    def __init__(self) -> None:
        self.prompt_tokens = 0
        self.generated_tokens = 0
        self.first_token = 0.0
        self.cut_off = False
        self.ran_out = False
        self._written = text.Writing()
        self._began = time.monotonic()

    @property
    def text(self) -> str:
        """All that came."""
        return self._written.text

    def sentences(self, pieces: Iterator[Piece]) -> Iterator[str]:
        """Each sentence once its end, and the citation that may follow it, have arrived.

        The prompt asks for few sentences; a generator that goes on is cut off, which also
        cancels its work.  A last sentence that has no end because the tokens ran out is left out:
        what it would have gone on to say may turn it round.
        """
        done = 0
        for piece in pieces:
            if done >= MOST_SENTENCES:
                self.cut_off = True
                return
            for sentence in self._take(piece):
                done += 1
                yield sentence
        rest = self._written.rest()
        if rest and self.ran_out and not _ENDS.search(rest[-1]):
            rest = rest[:-1]
        yield from rest[: max(0, MOST_SENTENCES - done)]

    def _take(self, piece: Piece) -> tuple[str, ...]:
        if piece.text and not self.text:
            self.first_token = time.monotonic() - self._began
        self.ran_out = self.ran_out or piece.finish_reason == "length"
        self.prompt_tokens = piece.prompt_tokens or self.prompt_tokens
        # servers send about a token in each piece; what they count in the end is better
        self.generated_tokens = piece.generated_tokens or self.generated_tokens + bool(piece.text)
        return self._written.add(piece.text)
