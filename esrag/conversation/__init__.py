"""Turns a follow-up into a question of its own.

    turns before ─┐   ┌─ stands alone already ─────────────► as it is
    follow-up ────┴───┼─ a generator is there ─► by it, if what it says can be trusted
                      └─ else ─────────────────────────────► by words of the turns before

Only what was said is used; this package knows no index, and the generator as a function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from esrag.conversation.by_generator import LONGEST_REWRITTEN, Complete, rewritten_by
from esrag.conversation.by_words import depends, in_other_words
from esrag.errors import UnavailableError
from esrag.types import Turn

__all__ = ["LONGEST_REWRITTEN", "Standalone", "standalone"]

MOST_TURNS = 6  # the last ones; what was said long ago is rarely meant


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question of its own; ``how`` says in words how it came about."""

    text: str
    how: str


def standalone(
    question: str,
    history: Sequence[Turn],
    *,
    complete: Complete | None = None,
    always: bool = False,
) -> Standalone:
    """``question`` as one can ask it without what was said before.

    ``complete`` is what a generator says to messages.  Whatever it says, figures and names come
    from the conversation alone; a generator that fails, or is not to be trusted, is done without.
    With ``always`` it is asked about every question that is not the first, as it may see what
    words do not.
    """
    turns = tuple(history)[-MOST_TURNS:]
    question = " ".join(question.split())
    needed = bool(turns) and depends(question)
    if not needed and not (turns and always and complete is not None):
        return Standalone(question, "not needed")
    said = ""
    if complete is not None:
        try:
            by_generator = rewritten_by(complete, question, turns)
        except UnavailableError:
            said = ", as the generator did not answer"
        else:
            if by_generator is not None:
                return Standalone(by_generator, "by the generator")
            said = ", as what the generator wrote was not to be trusted"
    by_words = in_other_words(question, turns)
    how = "by words of the turns before" if by_words != question else "nothing to take up"
    return Standalone(by_words, how + said)
