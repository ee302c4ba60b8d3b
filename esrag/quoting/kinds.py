"""What kind of thing a question asks for, and whether a text holds one.

"When" wants a date, "how heavy" a mass, "what does it cost" a sum of money.  The words that only
say the kind are no words to look for in a passage.
"""

from __future__ import annotations

import re

from esrag.terms import Terms, dates_normalised, terms

_ASKED_KINDS = (
    # what a question asks for, and what a quote must then hold
    (
        r"\b(?:when|(?:what|which|on which) (?:date|day|month|time)|since|release date|deadline)\b"
        r"|\bhow (?:many (?:days|weeks|months)|long)\b"
        r"(?=.*\b(?:after|before|between|from|until)\b)",
        r"\d{4}-\d{2}|--\d{2}-\d{2}|\d{1,2}:\d{2}",
    ),
    (
        r"\b(?:prices?|costs?|charges?|fees?|how much (?:is|are|do|does|for))\b",
        r"[€$£¥]|\b(?:EUR|USD|GBP|AUD|CHF|JPY|PLN|SEK|NOK|DKK|CAD|NZD|SGD|INR|cents?|free)\b",
    ),
    (
        r"\bhow (?:long|often|soon|many (?:seconds|minutes|hours))\b"
        r"|\b(?:duration|lifetimes?)\b",
        r"\d[\d.,]*\s*(?:s|ms|min|h|seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b|:\d{2}",
    ),
    (
        r"\b(?:how heavy|weighs?|weight)\b",
        r"\d\s*(?:g|kg|grams?|lbs?|pounds?|oz)\b",
    ),
    (
        r"\bhow (?:many|much|large|big|fast|far|old|high|low|hot|cold|wide|deep)\b"
        r"|\b(?:port|percent(?:age)?|number|max(?:imum)?|min(?:imum)?|limit|size|version)\b",
        r"\d",
    ),
)
_KINDS = tuple((re.compile(asked, re.I), re.compile(held)) for asked, held in _ASKED_KINDS)


def without_kind(question: str) -> str:
    """The question without the words that only say what kind of thing is asked for."""
    for wanted, _ in _KINDS:
        if wanted.search(question):
            return wanted.sub(" ", question)
    return question


def kind_found(question: str, asked: Terms, text: str) -> float:
    """1 when ``text`` brings something new of the kind that the question asks for."""
    text = dates_normalised(text)
    own = terms(text)
    for wanted, held in _KINDS:
        if wanted.search(question):
            return float(bool(held.search(text)) and not own.figures <= asked.figures)
    return float(len(own.words - asked.words) > 0)
