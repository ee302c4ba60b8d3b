"""How a stretch of a reply is worded: a phrase or a sentence, polite, about the passages, a code.

Pure; knows no question.
"""

from __future__ import annotations

import re
from itertools import pairwise

from esrag.evaluation.expected import SHORT_TEXT, Wanted, content, stems
from esrag.evaluation.units import MONTHS
from esrag.evaluation.values import agreement, values
from esrag.verification.support import ground

FILLERS = stems(
    "answer question result value following according passage document text source stated states"
    " says final correct note given here based exact called named number weight price cost date day"
    " size amount duration reason item indeed respectively"
)
LABEL = re.compile(r"^\W*(?:the |my |final )*(?:answer|result|value|date|number)\b", re.I)
MUCH_REPEATED = 5  # words of the question, beside which one new word of no weight says nothing
PRONOUN = re.compile(r"^(?:it|this|that|they|these|he|she|there)\b", re.I)
VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|can|could|may|might|must|will|would"
    r"|should|needs?|takes?|gets?|uses?)\b",
    re.I,
)
FINITE = re.compile(rf"{VERB.pattern}|\b(?:weighs|costs|lasts|holds|serves|\w{{3,}}ed)\b", re.I)
LIKE_CODE = re.compile(r"[=_`(){}<>/\\]|\w\.\w|--")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]+(?![\w-])")
_NUMBERED = re.compile(r"\b([A-Z]\w*) (\d{1,4})(?![\w.,]\w|\w)")
BOUNDS = re.compile(
    r"\b(?:more than|less than|fewer than|over|under|before|after|above|below|at least|at most"
    r"|up to|no more than|not before|until|except)\b",
    re.I,
)
EXCLUSIVE = frozenset(
    "more than|less than|fewer than|over|under|before|after|above|below".split("|")
)


def is_other_phrase(text: str, wanted: Wanted) -> bool:
    """Whether ``text`` is a phrase of the kind of the reference, and so stands in its place."""
    said = stems(text) - FILLERS
    if not said or len(said) > SHORT_TEXT or len(text.split()) > SHORT_TEXT + 2:
        return False
    if PRONOUN.match(text):
        return False
    named = is_name(text)
    if wanted.kind == "value":
        return named and not values(text) and any(v.kind == "code" for v in wanted.values)
    if wanted.kind == "name":
        return named and not values(text)
    if wanted.kind != "text" or named or values(text):
        return False
    if any(LIKE_CODE.search(form) for form in wanted.forms) and LIKE_CODE.search(text):
        return True
    return len(said) < SHORT_TEXT and any(len(stems(form)) == len(said) for form in wanted.forms)


def is_part(text: str, wanted: Wanted, rest: frozenset[str]) -> bool:
    """Whether a phrase says the words of the reference, or most of them, and little else.

    ``rest`` is what it says beside its values, which must all be the reference's.
    """
    said = stems(text) - FILLERS
    for form in wanted.forms:
        there = values(form)
        if VERB.search(text) and negates(form) != negates(text):
            continue
        if not all(any(agreement(v, other) == "equal" for other in there) for v in values(text)):
            continue
        own = stems(form)
        if own and own <= said and len(rest - own) <= 1:
            return True
        known = 2 * len(said & own)
        named = all(token.capital for token in content(form))
        most = known >= len(own) if named else known > len(own)
        if rest and rest <= own and most and (values(text) or not there):
            return True
    return False


def values_beside(new: frozenset[str], text: str) -> bool:
    """Whether one of the new words is a value."""
    return any(value.key in new or stems(value.text) & new for value in values(text))


def only_values(text: str) -> bool:
    """Whether a stretch says nothing beside its values."""
    return all(
        any(value.start <= match.start() < value.end for value in values(text))
        for match in re.finditer(r"\w+", text)
    )


def shape(key: str) -> str:
    """The form of a code: letters and digits, each run with its length."""
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", key))


def is_name(text: str) -> bool:
    """Whether every word of ``text`` is capitalised."""
    words = re.findall(r"[^\W\d_][\w-]*", text)
    return bool(words) and all(word[0].isupper() for word in words)


def negates(text: str) -> bool:
    """Whether a negation stands anywhere in ``text``."""
    return any(token.key == "not" for token in ground(text).row)


def other_numbers(text: str, question: str) -> frozenset[str]:
    """Numbers behind a name of the question that has another there: "Kestrel 5" for "Kestrel 3".

    None when ``text`` says the question's own too.
    """
    asked = set(_NUMBERED.findall(question))
    said = set(_NUMBERED.findall(text))
    if asked & said:
        return frozenset()
    names = {name for name, _ in asked if name.lower() not in MONTHS}
    return frozenset(number for name, number in said if name in names)


def other_head(text: str, question: str, titled: frozenset[tuple[str, str]]) -> bool:
    """Whether a name of the question has another noun behind it: "Halden proxy", "Halden relay".

    ``titled`` are the ``named_pairs`` of the passages' titles: what a document is about is a thing.
    """
    asked, words = named_pairs(question), {token.key for token in content(question)}
    names = {name for name, _ in asked}
    return any(
        name in names and noun not in words for name, noun in (named_pairs(text) & titled) - asked
    )


def named_pairs(text: str) -> frozenset[tuple[str, str]]:
    """Capitalised words with the plain word behind them."""
    return frozenset(
        (one.key, two.key)
        for one, two in pairwise(content(text))
        if one.capital and two.kind == "word" and not two.capital
    )
