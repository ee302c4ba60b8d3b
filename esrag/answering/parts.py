"""What an answerer is put together from: a generator, and what was chosen.  No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Generator as Yielding
from dataclasses import dataclass
from typing import Literal, Protocol

from esrag.errors import UnavailableError
from esrag.generation.cancelling import Cancellation
from esrag.generation.pieces import IncompleteError, Piece
from esrag.types import Answer, Found, Hit, Message, Query

Pieces = Yielding[Piece, None, None]
Retrieve = Callable[[Query], Found]
Verify = Literal["remove", "mark", "off"]
Rewrite = Literal["auto", "generator", "words", "off"]

# Quotes are searched in more passages than the prompt holds: they cost no tokens.
QUOTE_POOL = 10


class Generator(Protocol):
    """What answering needs of a generator; one object serves many threads at once.

    ``budget`` and ``count_tokens`` are asked only when a prompt is built, so that a refusal needs
    no generator.
    """

    @property
    def model(self) -> str:
        """The model or adapter that is asked for."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        cancel: Cancellation | None = None,
        max_tokens: int | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Pieces:
        """The answer piece by piece; closing the iterator, or ``cancel``, ends the generation.

        ``on_sent`` is called when the request is on its way, before anything is awaited.
        """

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt."""

    def budget(self) -> int:
        """Tokens that a prompt may have."""

    def close(self) -> None:
        """End its connections."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Which steps an answer takes, and how much each of them gets.

    ``size`` is how many hits are searched for quotes, ``passages`` how many of them the prompt may
    hold.  Whether there is something to generate with is up to the answerer's generator.
    """

    verify: Verify = "remove"
    quote: bool = True
    refuse: bool = True
    speculate: bool = True
    rewrite: Rewrite = "auto"
    size: int = QUOTE_POOL
    passages: int = 5
    per_source: int = 0
    facets: bool = False
    explain: bool = False


class GeneratorFailedError(UnavailableError):
    """The generator failed; ``fallback`` is the best answer without what it did not say."""

    def __init__(self, cause: UnavailableError, fallback: Answer) -> None:
        super().__init__(cause.message, hint=cause.hint)
        self.fallback = fallback
        self.partial_text = cause.text if isinstance(cause, IncompleteError) else ""


def sources(answer: Answer) -> tuple[tuple[int, Hit], ...]:
    """The cited hits with their numbers, in the order of the numbers."""
    found = {c.number: c.hit for sentence in answer.sentences for c in sentence.citations}
    return tuple(sorted(found.items()))
