"""One request while it is generated from: its tokens, its choices, its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from esrag.local.tgi.generation.constraint import ConstraintFailed
from esrag.local.tgi.generation.detokenizer import Detokenizer
from esrag.local.tgi.generation.events import (
    Event,
    Failed,
    Finished,
    NextToken,
    Prefilled,
    PrefillToken,
    Token,
)
from esrag.local.tgi.generation.sampling import Choice, TokenChooser, log_softmax
from esrag.local.tgi.generation.stopping import StopCriteria
from esrag.local.tgi.validation import ValidRequest

Sink = Callable[[Event], None]


class Vocabulary(Protocol):
    """What generation needs to know of a tokenizer."""

    def decode(self, ids: Sequence[int]) -> str:
        """Text of these ids, special tokens included."""

    def is_special(self, token_id: int) -> bool:
        """Whether the token is a marker rather than text."""


class RunningSequence:
    """State of one request.  Only the worker thread calls it, except for ``cancel``."""

    def __init__(
        self,
        request: ValidRequest,
        sink: Sink,
        *,
        vocabulary: Vocabulary,
        end_tokens: Collection[int],
    ) -> None:
        self.ids = list(request.input_ids)
        self.prompt_length = len(request.input_ids)
        self.longest = self.prompt_length + request.max_new_tokens
        self.prefilled = 0
        self.wants_prefill = request.prefill_details
        self.adapter = request.adapter
        self.cancelled = False
        self._sink = sink
        self._vocabulary = vocabulary
        self._chooser = TokenChooser(
            request.sampling, top_n=request.top_n_tokens, constraint=request.constraint
        )
        self._stop = StopCriteria(
            max_new_tokens=request.max_new_tokens, end_tokens=end_tokens, stop=request.stop
        )
        self._detokenizer = Detokenizer(vocabulary.decode, request.input_ids)
        self._pieces: list[str] = []
        self._prefill_tokens: list[PrefillToken] = []
        self._prefill_tail: NDArray[np.float32] | None = None
        self._queued = time.monotonic()
        self._started = self._queued

    def cancel(self) -> None:
        """Nobody listens any more; the worker drops it before its next pass."""
        self.cancelled = True

    def start(self) -> None:
        """It has left the queue."""
        self._started = time.monotonic()

    def fail(self, message: str, *, stopped: bool = False) -> None:
        """Tell the client that nothing more will come."""
        self._sink(Failed(message, stopped=stopped))

    def read_prompt(self, logits: NDArray[np.float32], *, until: int) -> None:
        """The prompt has been read up to ``until``; logits of that stretch, or of its end."""
        begin, self.prefilled = self.prefilled, until
        if not self.wants_prefill:
            return
        for position in range(begin, until):
            before = self._prefill_tail if position == begin else logits[position - begin - 1]
            number = self.ids[position]
            logprob = None if before is None else float(log_softmax(before)[number])
            text = self._vocabulary.decode([number])
            self._prefill_tokens.append(PrefillToken(number, text, logprob))
        self._prefill_tail = logits[-1]
        if until == self.prompt_length:
            self._sink(Prefilled(tuple(self._prefill_tokens)))

    def advance(self, logits: NDArray[np.float32]) -> bool:
        """Choose the next token and tell the client; True when it was the last."""
        try:
            choice = self._chooser.choose(logits, self.ids)
        except ConstraintFailed as error:  # this answer's own trouble, not the batch's
            self.fail(str(error))
            return True
        self.ids.append(choice.token_id)
        token = self._token(choice)
        top_tokens = tuple(self._top_token(*one) for one in choice.top)
        reason = self._stop.push(token.id, token.text)
        if reason is None:
            self._sink(NextToken(token, top_tokens))
            return False
        self._sink(
            Finished(
                token=token,
                top_tokens=top_tokens,
                text="".join(self._pieces),
                finish_reason=reason,
                generated_tokens=len(self.ids) - self.prompt_length,
                seed=self._chooser.seed,
                queued=self._queued,
                started=self._started,
            )
        )
        return True

    def _token(self, choice: Choice) -> Token:
        special = self._vocabulary.is_special(choice.token_id)
        if special:
            text = self._detokenizer.skip(choice.token_id)
        else:
            text = self._detokenizer.push(choice.token_id)
            self._pieces.append(text)
        return Token(choice.token_id, text, choice.logprob, special)

    def _top_token(self, token_id: int, logprob: float) -> Token:
        special = self._vocabulary.is_special(token_id)
        return Token(token_id, self._vocabulary.decode([token_id]), logprob, special)
