"""Has a generator rewrite a follow-up, and takes what it says only where it can be trusted.

What was said before may hold the words of a hostile document, and a small model invents.  So a
rewritten question has to be made of the conversation: every figure and every name comes from it,
nearly every word does, and what was asked is still in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from esrag.prompting import escape
from esrag.terms import names, terms
from esrag.types import Message, Turn

Complete = Callable[[Sequence[Message]], str]

LONGEST_REWRITTEN = 96  # tokens
LONGEST_QUESTION = 400  # characters
LONGEST_ANSWER = 400  # characters of an answer that are shown again
TURNS = 4
LEAST_KNOWN = 0.8  # share of its words that were said before
LEAST_KEPT = 0.5  # share of the follow-up's words that are still there
SYSTEM = (
    "You rewrite the last question of a conversation so that it can be understood alone. "
    "Replace words such as it, they or that by what they stand for, and complete what is left out. "
    "Use names, numbers, versions and dates exactly as the conversation has them; add nothing. "
    "Do not answer the question. Reply with the rewritten question only."
)
_LABEL = re.compile(
    r"^\s*(?:(?:the\s+)?(?:rewritten|standalone|last)?\s*question|q|rewritten)\s*[:\-]\s*", re.I
)
_QUOTES = "\"'“”«»` "
_NEGATION = re.compile(r"\b(?:not|no|never|none|cannot|without)\b|n['’]t\b", re.I)


def rewritten_by(complete: Complete, question: str, turns: Sequence[Turn]) -> str | None:
    """What the generator makes of ``question``, or None when that is not to be trusted."""
    reply = complete(messages(question, turns))
    return trusted(reply, question, turns)


def messages(question: str, turns: Sequence[Turn]) -> tuple[Message, ...]:
    """What the generator is asked."""
    said = "\n".join(
        f"Question: {escape(' '.join(turn.question.split()))}\n"
        f"Answer: {escape(' '.join(turn.answer.split())[:LONGEST_ANSWER])}"
        for turn in turns[-TURNS:]
    )
    return (
        Message("system", SYSTEM),
        Message("user", f"{said}\n\nLast question: {escape(question)}\n\nRewritten question:"),
    )


def trusted(reply: str, question: str, turns: Sequence[Turn]) -> str | None:
    """The question in a reply; None when it is none, or is not made of the conversation."""
    lines = [line for line in reply.strip().splitlines() if line.strip()]
    if not lines:
        return None
    text = _LABEL.sub("", lines[0].strip()).strip(_QUOTES)
    if not text or len(text) > LONGEST_QUESTION or "<" in text:
        return None
    said = " \n".join([question, *(f"{turn.question}\n{turn.answer}" for turn in turns)])
    own, known, asked = terms(text), terms(said), terms(question)
    if not own.words or not own.figures <= known.figures or not names(text) <= known.words:
        return None
    if not asked.figures <= own.figures or not names(question) <= own.words:
        return None
    if len(own.words & known.words) < LEAST_KNOWN * len(own.words):
        return None
    if len(asked.words & own.words) < LEAST_KEPT * len(asked.words):
        return None
    # a denial that came or went turns the question round
    if bool(_NEGATION.search(text)) != bool(_NEGATION.search(question)):
        return None
    return text if text.endswith("?") else f"{text.rstrip('.!')}?"
