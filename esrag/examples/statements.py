"""Reads one sentence: who does what, how much of it, or when; so that it can be asked for.

    "A batch may hold up to 8,000 points." ──► subject "A batch", value "8,000 points",
                                              "how many points may a batch hold"

Each shape has one pattern and the clauses that ask for its value; a sentence that fits none gives
nothing, which is better than a question that nobody would ask.  English only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
DATE = (
    rf"(?:\d{{1,2}} (?:{_MONTH})(?: \d{{4}})?|(?:{_MONTH}) \d{{1,2}}(?:, \d{{4}})?"
    r"|\d{4}-\d\d-\d\d)"
)
NUMBER = r"(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?(?![.,]?[0-9]))"
_COUNT = rf"(?:{NUMBER}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_QUANTITY = (
    r"(?:(?:up to|at most|at least|no more than|no fewer than|about|around|some|only|exactly"
    r"|roughly) )?"
)
_ADVERB = r"(?: (?:now|also|still|then|usually|typically|normally|always|today|currently))?"
# names, plain nouns, paths and codes; no commas, so that the verb after it is the sentence's own
_SUBJECT = r"(?P<subject>(?:The |A |An |Each |Every |No )?[A-Z/`a-z0-9][^,;:()?!]{1,70}?)" + _ADVERB
_TIMES = frozenset(
    "second seconds minute minutes hour hours day days week weeks month months year years".split()
)
_BASE = {
    "has": "have", "takes": "take", "needs": "need", "holds": "hold", "supports": "support",
    "costs": "cost", "lasts": "last", "weighs": "weigh", "uses": "use", "contains": "contain",
    "keeps": "keep", "allows": "allow", "accepts": "accept", "includes": "include",
    "requires": "require", "serves": "serve", "runs": "run", "reads": "read", "covers": "cover",
    "speaks": "speak", "sends": "send", "stores": "store", "waits": "wait", "gives": "give",
    "had": "have", "took": "take", "lasted": "last", "held": "hold", "needed": "need",
    "used": "use", "affected": "affect", "lost": "lose",
}  # fmt: skip
_PAST = frozenset("had took lasted held needed used affected lost".split())
# what points out of the sentence cannot be asked about without its neighbours
_POINTS_OUT = re.compile(
    r"^(?:its?|their|our|your|neither|none|nothing|this|that|these|those|they|he|she|we|you|i|there|here|such|both|all|most|some|many"
    r"|others?|another|then|also|after|before|when|if|while|because|since|until|for|in|on|at|to"
    r"|from|with|by|as|but|and|or|so|please|see|note|make|use|what|which|who|where|how|why)\b",
    re.IGNORECASE,
)
# what says nothing without the sentence before it
_POINTS_BACK = re.compile(
    r"^(?:the|a|an) (?:limit|difference|value|number|default|rest|result|reason|answer|same|other"
    r"|first|second|third|last|next|former|latter|total|sum|average|mean|maximum|minimum)$",
    re.IGNORECASE,
)
_CATCHWORD = re.compile(r"^(?:[A-Z][^.!?]{2,40}[.!] )+(?=[A-Z])")
_MOST_WORDS = 12
_OUTSIDE = re.compile(r"\b(?:that|which|who|whose|where|when|because|if|and|or|but)\b")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a sentence says; ``clauses`` ask for ``value``, each without its question mark.

    ``stated`` is the part of the sentence that holds subject and value, as it is written.
    """

    subject: str
    attribute: str
    value: str
    stated: str
    clauses: tuple[str, ...]


def statement_in(sentence: str) -> Statement | None:
    """The first shape that fits; None when none does, or when the subject needs its neighbours."""
    sentence = _bare(sentence)
    if _POINTS_OUT.match(sentence):
        return None
    for pattern, make in _SHAPES:
        match = pattern.match(sentence)
        if match and _is_subject(match["subject"]):
            return make(match)
    return None


def _bare(sentence: str) -> str:
    """The sentence without a catchword before it: "More voices. The voice …"."""
    begun = _CATCHWORD.match(sentence)
    return sentence[begun.end() :] if begun else sentence


def inside(subject: str) -> str:
    """A subject as it stands inside a sentence: its article in small letters."""
    first, _, rest = subject.partition(" ")
    return f"{first.lower()} {rest}" if first in _ARTICLES and rest else subject


_ARTICLES = frozenset(("The", "A", "An", "Each", "Every", "No"))


def _is_subject(subject: str) -> bool:
    words = subject.split()
    return (
        0 < len(words) <= _MOST_WORDS
        and not _OUTSIDE.search(subject)
        and not _POINTS_BACK.match(subject)
        and re.search(r"[^\W\d_]{2}", subject) is not None
        and ". " not in subject
    )


def _dated(match: re.Match[str]) -> Statement:
    """Something was done, or is to be done, on a date."""
    subject, be, done, value = (match[name] for name in ("subject", "be", "done", "value"))
    about = inside(subject)
    clauses = [
        f"when {be} {about} {done}",
        f"on which day {be} {about} {done}",
        f"on what date {be} {about} {done}",
        f"what is the date on which {about} {be} {done}",
    ]
    if done == "released":
        clauses[1:1] = [f"what is the release date of {about}", f"when did {about} come out"]
    return Statement(subject, f"date {done}", value, match["stated"], tuple(clauses))


def _counted(match: re.Match[str]) -> Statement:
    """Something may, can or must do so many of something."""
    subject, modal, verb, unit = (match[name] for name in ("subject", "modal", "verb", "unit"))
    about, value = inside(subject), f"{match['number']} {unit}"
    clauses = (
        f"how many {unit} {modal} {about} {verb}",
        f"what number of {unit} {modal} {about} {verb}",
        f"{about} {modal} {verb} how many {unit}",
        f"what is the number of {unit} that {about} {modal} {verb}",
    )
    return Statement(subject, f"{unit} it {modal} {verb}", value, match["stated"], clauses)


def _measured(match: re.Match[str]) -> Statement:
    """Something has, takes, needs … so many of something."""
    subject, written, unit = match["subject"], match["verb"], match["unit"]
    about, base = inside(subject), _BASE.get(written, written)
    plural = written == base
    do = "did" if written in _PAST else "do" if plural else "does"
    value = f"{match['number']} {unit}"
    if unit.split()[-1] in _TIMES and base in ("take", "last", "wait"):
        clauses = (
            f"how long {do} {about} {base}",
            f"how much time {do} {about} {base}",
            f"{about} {written} how long",
            f"what time {do} {about} {base}, as a number of {unit}",
        )
    else:
        clauses = (
            f"how many {unit} {do} {about} {base}",
            f"what number of {unit} {do} {about} {base}",
            f"{about} {written} how many {unit}",
            f"what is the number of {unit} that {about} {written}",
        )
    return Statement(subject, f"{unit} it {written}", value, match["stated"], clauses)


def _equals(match: re.Match[str]) -> Statement:
    """Something is a value: a number with its unit, a date, a code."""
    subject, be, value = match["subject"], match["be"], match["value"]
    about = inside(subject)
    clauses = (
        f"what {be} {about}",
        f"which value {'have' if be in ('are', 'were') else 'has'} {about}",
        f"how much {be} {about}" if be in ("is", "was") else f"how many {be} {about}",
        f"{about} {be} what",
    )
    return Statement(subject, "value", value, match["stated"], clauses)


# a plural, with up to two words before it, or an abbreviation such as GiB
_UNIT = (
    r"(?P<unit>(?!of\b|per\b|times\b)(?:[a-z][a-z-]+ ){0,2}"
    r"(?!times\b|as\b|is\b|was\b|has\b)[a-z][a-z-]*s|[kMGT]i?B)"
)
_NO_MORE = r"(?![\w-])(?!\s+(?:of|to|and|or|per|percent)\b)"
_DONE = r"(?P<done>[a-z]+(?:ed|en|wn|ld|de|ilt|ut))"
_BE = r"(?P<be>was|were|is|are|will be)"
_VERB = rf"(?P<verb>{'|'.join(sorted({*_BASE, *_BASE.values()}))})"
_MODAL = r"(?P<modal>may|can|must|should|will) (?P<verb>[a-z]+)"
_HOW_MANY = rf"{_QUANTITY}(?P<number>{_COUNT}) {_UNIT}"
_VALUE = (
    rf"{_QUANTITY}(?P<value>{DATE}|{NUMBER}"
    r"(?: ?(?:%|°C|percent\b)| [a-zA-Z]+(?: per [a-z]+)?)?)"
)
_NO_PART = r"(?![\w-])(?!\s+(?:of|to|and|or|more|fewer|less|older|newer)\b)"
_SHAPES = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (rf"^(?P<stated>{_SUBJECT} {_BE} {_DONE} on (?P<value>{DATE}))(?!\w)", _dated),
        (rf"^(?P<stated>{_SUBJECT} {_MODAL} {_HOW_MANY}){_NO_MORE}", _counted),
        (rf"^(?P<stated>{_SUBJECT} {_VERB} {_HOW_MANY}){_NO_MORE}", _measured),
        (rf"^(?P<stated>{_SUBJECT} (?P<be>is|are|was|were) {_VALUE}){_NO_PART}", _equals),
    )
)
