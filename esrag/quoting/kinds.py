"""What kind of thing a question asks for, and whether a text holds one.

"When" wants a date, "how heavy" a mass, "what does it cost" a sum of money.  The words that only
say the kind are no words to look for in a passage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What a question asks for: ``words`` to look for, and what a text of the kind must hold."""

    words: Terms
    held: re.Pattern[str] | None

    def found_in(self, text: str) -> bool:
        """Whether ``text`` brings something new of the kind that the question asks for."""
        own = terms(text)
        if self.held is None:
            return not own.words <= self.words.words
        return not own.figures <= self.words.figures and bool(
            self.held.search(dates_normalised(text))
        )


@lru_cache(maxsize=1_024)
def asked_for(question: str) -> AskedFor:
    """What ``question`` asks for; words that only say the kind are no words to look for."""
    for wanted, held in _KINDS:
        if wanted.search(question):
            return AskedFor(terms(wanted.sub(" ", question)), held)
    return AskedFor(terms(question), None)
