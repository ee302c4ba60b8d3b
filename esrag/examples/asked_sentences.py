"""Turns a whole sentence into questions as people ask them, by moving its verb of being or duty.

    "The key is kept in the vault of the bank." ──► What is kept in the vault of the bank?
                                                  ──► Where is the key kept?

A sentence with such a verb behind a short subject can be asked for its subject, and for the part
that a small word (because, by, until, in the …) begins.  Who asks so wants the sentence, or a part
of it, so the sentence answers.  English only, without a parser: what fits no pattern gives none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from esrag.examples.statements import inside
from esrag.terms import STOPWORDS, written_words

_VERB = r"(?:is|are|was|were|can|may|must|will|should|has been|have been)"
_SENTENCE = re.compile(
    rf"^(?P<subject>[A-Z][^,;:()|`*]*?) (?P<verb>{_VERB}) (?P<rest>[^;:()|`*]+)\.$"
)
# a clause of the subject has a verb of its own; its sentence would be turned wrongly
_NO_SUBJECT = re.compile(
    r"\b(?:that|which|who|whose|where|when|if|because|while|as|and|or|but|there|it|this|these"
    r"|they|he|she|we|you|i|what|nothing|none|no|not|both|so)\b",
    re.IGNORECASE,
)
_LONGEST_SUBJECT = 7  # words
_SHORTEST_REST = 3
_LEAST_TELLING = 2  # words of a question that are not small words
# the part that is asked for begins so: how it is asked for
_PARTS = (
    (re.compile(r"\s+because\s"), "Why"),
    (re.compile(r"\s+so that\s"), "Why"),
    (re.compile(r"\s+by (?!\d)[a-z]+ing\s"), "How"),
    (re.compile(r"\s+by (?:the|an?|its|our)\s"), "By whom or what"),
    (re.compile(r"\s+(?:when|after|before|until|once|every|within|since|during)\s"), "When"),
    (re.compile(r"\s+(?:only )?(?:if|unless)\s"), "When"),
    (re.compile(r"\s+(?:in|at|on|under|behind|inside) (?:the|an?|its|each|every)\s"), "Where"),
    (re.compile(r"\s+from (?:the|an?|its)\s"), "From where"),
    (re.compile(r"\s+with (?:the|an?|its|at)\s"), "With what"),
    (re.compile(r"\s+to (?:the|an?|its)\s"), "To what"),
)
_DUTIES = frozenset({"can", "may", "must", "will", "should"})
_DONE = re.compile(r"(?:[a-z]+ly )?[a-z]+(?:ed|en|wn|ld|pt|nt|ilt|ut)\b")  # what is done to it
_DENIES = re.compile(r"(?:not|no|never)\b")  # what is not so answers nothing
_LEFT_OPEN = re.compile(r"\b(?:not|no|that|which|what)\b")
# what is not written with a capital for the sentence's sake alone
_NAMED = re.compile(r"(?:The|An?|Each|Every|All|Our|Its|Most)\b|[A-Z]\S*[A-Z\d]|.* [A-Z\d]")


def questions_for(sentence: str) -> Iterator[str]:
    """Questions that ``sentence`` answers; none where it has another form."""
    found = _SENTENCE.match(sentence)
    if found is None:
        return
    subject, verb, rest = found["subject"], found["verb"], found["rest"].split(", ")[0]
    if len(subject.split()) > _LONGEST_SUBJECT or _NO_SUBJECT.search(subject):
        return
    if len(rest.split()) >= _SHORTEST_REST and not _DENIES.match(rest) and _telling(rest):
        yield f"What {verb} {rest}?"
    if _NAMED.match(subject) and (verb in _DUTIES or _DONE.match(rest)):
        yield from _for_a_part(subject, verb, rest)


def _for_a_part(subject: str, verb: str, rest: str) -> Iterator[str]:
    """At most one question, for the first sort of part that the sentence has."""
    first, *more = verb.split()
    for pattern, question in _PARTS:
        part = pattern.search(rest)
        said = rest[: part.start()] if part else ""
        if said and not _LEFT_OPEN.search(said) and _telling(f"{subject} {said}"):
            yield " ".join((question, first, inside(subject), *more, said)) + "?"
            return


def _telling(text: str) -> bool:
    """Whether enough words say what is asked about."""
    words = {word.casefold() for word in written_words(text)}
    return len(words - STOPWORDS) >= _LEAST_TELLING
