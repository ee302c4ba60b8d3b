"""Pieces of generated text, and the ways in which a generation fails.

UnavailableError
├── IncompleteError      it broke off after its first piece; never tried again
├── BusyError            it will take the same request later
├── FailedError          it tried and failed before the first piece
└── TooLongError         the prompt does not fit; a shorter one may
"""

from __future__ import annotations

from dataclasses import dataclass

from esrag.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of generated text; the last one has a finish reason and, where sent, usage."""

    text: str
    finish_reason: str | None = None
    prompt_tokens: int = 0
    generated_tokens: int = 0


class IncompleteError(UnavailableError):
    """The stream broke off; ``text`` is what had arrived."""

    def __init__(self, message: str, *, text: str, hint: str = "") -> None:
        super().__init__(message, hint=hint or "What was written so far is incomplete.")
        self.text = text


class BusyError(UnavailableError):
    """The server refuses for now; ``wait`` are the seconds that it asks for, 0 when it does not."""

    def __init__(self, message: str, *, wait: float = 0.0, status: int = 429) -> None:
        super().__init__(message, hint="It is overloaded. Try again in a moment.")
        self.wait = wait
        self.status = status


class FailedError(UnavailableError):
    """It failed before the first piece; ``status`` is 0 when the way to it did."""

    def __init__(self, message: str, *, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class TooLongError(UnavailableError):
    """The prompt has more tokens than the server takes."""
