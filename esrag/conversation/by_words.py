"""Rewrites a follow-up by words of the turns before, without any model.

    "And in 4.2.2?"            what is of the same kind in the question before is replaced
    "When was it released?"    the pronoun becomes what the question before spoke of
    "What about the warranty?" what it spoke of is added

What does not look like a follow-up is left alone: a word too many misleads a search more than one
too few.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from esrag.conversation.subjects import Subject, subjects
from esrag.terms import STOPWORDS
from esrag.types import Turn

_LEAD_IN = re.compile(
    r"^(?:(?:and|or|but|ok(?:ay)?|so|then|also|thanks|great|hm+)\b[,!.]?\s*)+"
    r"|^(?:(?:and|or|but|so|then)\s+)?(?:what|how)\s+about\s+"
    r"|^(?:and\s+)?(?:the\s+)?same\s+(?:question\s+)?for\s+",
    re.I,
)
_ABOUT = re.compile(r"^(?:(?:and|or|but|so|then|ok(?:ay)?)[,\s]+)*(?:what|how)\s+about\s+", re.I)
_VERB = re.compile(
    r"\b(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|must|may|costs?|"
    r"mean|means|takes?|lasts?|works?|happens?|comes?|came|gets?|need|needs)\b|n['’]t\b",
    re.I,
)
_EMPTY_IT = re.compile(
    r"\b(?:does|did|will|would|can|could)\s+it\s+(?:mean|take|matter|make\s+sense|cost\s+to)\b"
    r"|\b(?:is|was)\s+it\s+(?:possible|necessary|true|safe|ok(?:ay)?|worth|allowed|better|enough|"
    r"recommended|required|correct)\b"
    r"|\bit\s+(?:is|was|['’]s)\s+(?:possible|necessary|true|safe|allowed|required)\b",
    re.I,
)
_PRONOUN = re.compile(
    r"\b(?P<whose>its|their|theirs|his|her)\b"
    r"|\b(?P<pointing>this|that|these|those)\s+(?P<noun>(?!is\b|are\b|was\b|were\b|does\b|do\b|"
    r"did\b|can\b|will\b|has\b|have\b|one\b|ones\b|and\b|or\b)[a-z]{3,})\b"
    r"|\b(?P<what>it|they|them|this|that|these|those|he|she|him|that\s+one|those\s+ones)\b",
    re.I,
)
# "that" that joins clauses, "there is", and pronouns within their own sentence are no follow-up
_JOINING_THAT = re.compile(r"\b[a-z]{3,}\s+that\s+(?!one\b|ones\b)[a-z]+", re.I)
_SAYING = re.compile(
    r"\b(?:know|knew|says?|said|means?|tells?|told|think|so|sure|such|ensures?|checks?|shows?|sees?|"
    r"believe|claims?|states?|assume|provided)\s+$",
    re.I,
)
_CLAUSE = re.compile(r"[,;:.?!]|\b(?:and|or|but|when|if|while|because|since|after|before)\b", re.I)
_THERE = re.compile(r"\b(?:there|then)\s*[?.!]?$", re.I)
_PLACE = re.compile(r"^(?:and\s+)?(?P<how>in|on|at|for|with|from|since|until|under|by)\s+", re.I)
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_ASKS_WHICH = re.compile(r"^\W*(?:which|who)\b", re.I)
LONGEST_FRAGMENT = 7  # words


def depends(question: str) -> bool:
    """Whether ``question`` speaks of something that only the turns before name."""
    return _is_fragment(question) or _pronoun(question) is not None or _points_there(question)


def in_other_words(question: str, turns: Sequence[Turn]) -> str:
    """``question`` with what it takes from the turns before; as it is when nothing fits."""
    before = ""
    answered = ""
    for turn in turns:
        before = _rewritten(" ".join(turn.question.split()), before, answered)
        answered = turn.answer
    return _rewritten(question, before, answered)


def _rewritten(question: str, before: str, answered: str) -> str:
    """``question`` after the question ``before``, which stands alone, and its answer."""
    if not before or not depends(question):
        return question
    found = _pronoun(question)
    if found is not None:
        return _with_subject(question, found, _subject(before, answered))
    if _is_fragment(question):
        return _completed(question, before, answered)
    return _joined(question, _subject(before, answered))


def _is_fragment(question: str) -> bool:
    """Whether it is no whole question: "And in 4.2.2?", "What about the P5?", "Why?"."""
    words = _WORD.findall(question)
    if _ABOUT.match(question):
        return True
    rest = _LEAD_IN.sub("", question)
    if rest != question and len(_WORD.findall(rest)) <= LONGEST_FRAGMENT and not _VERB.search(rest):
        return True
    if _PLACE.match(question) and len(words) <= LONGEST_FRAGMENT and not _VERB.search(question):
        return True
    if _is_bare(question):
        return True
    return len(words) <= 2 and not any(s.shape != "number" for s in subjects(question))


def _is_bare(question: str) -> bool:
    """Whether it is the name of something and nothing else: "SLT-1044?"."""
    rest = question.strip(" ?!.")
    found = subjects(f"x {rest}")
    return len(found) == 1 and found[0].text == rest and found[0].shape != "name"


def _pronoun(question: str) -> re.Match[str] | None:
    """The first pronoun that stands for something said before."""
    bare = _EMPTY_IT.sub(lambda match: " " * len(match.group()), question)
    for found in _PRONOUN.finditer(bare):
        if _joins_clauses(bare, found):
            continue
        # it speaks of what its own question named: in a clause before, or as its owner
        named = [s for s in subjects(question) if s.end <= found.start()]
        if named and (found["whose"] or _CLAUSE.search(question[named[0].end : found.start()])):
            return None
        return found
    return None


def _joins_clauses(question: str, found: re.Match[str]) -> bool:
    """Whether a "that" begins a clause: "know that snapshots are", "the setting that I need"."""
    noun = found["noun"] or ""
    if (found["pointing"] or found["what"] or "").lower() != "that":
        return False
    if noun.endswith("s") and not noun.endswith("ss"):
        return True  # it would be "those"
    head = question[: found.start()]
    if found["pointing"]:
        return bool(_SAYING.search(head))
    return any(
        match.start() < found.start() < match.end() for match in _JOINING_THAT.finditer(question)
    )


def _points_there(question: str) -> bool:
    return bool(_THERE.search(question)) and not subjects(question)


def _with_subject(question: str, found: re.Match[str], subject: str) -> str:
    if not subject:
        return question
    if found["pointing"]:
        return f"{question[: found.end()]} ({subject}){question[found.end() :]}"
    said = f"{subject}'s" if found["whose"] else subject
    if found.start() == 0:
        said = said[:1].upper() + said[1:]
    return question[: found.start()] + said + question[found.end() :]


def _completed(question: str, before: str, answered: str) -> str:
    """A fragment put into the place of its like in the question before, or joined with it."""
    rest = _ABOUT.sub("", question)
    rest = _LEAD_IN.sub("", rest).strip(" ?!.")
    own = subjects(f"x {rest}")  # not at the beginning, so that a capital means a name
    place = _PLACE.match(rest)
    if not own:
        if all(word.lower() in STOPWORDS for word in _WORD.findall(rest)):
            return f"{before} {question}"  # "Why?", "Since when?"
        if place:
            return _elsewhere(rest, place["how"], before)
        return _joined(rest[:1].upper() + rest[1:], _subject(before, answered))
    new = own[-1]
    target = _like(new, rest, before)
    if target is not None:
        head = before[: target.start]
        if new.shape == "name" and not re.search(r"\bthe\s", rest, re.I):
            head = re.sub(r"\bthe\s+$", "", head)  # "the United States", but "Australia"
        return head + _piece(new, target) + before[target.end :]
    if place:
        return _elsewhere(rest, place["how"], before)
    if _is_bare(question):
        return question  # something else that is looked up
    return f"{before.rstrip(' ?!.')} ({rest})?"


def _elsewhere(rest: str, how: str, before: str) -> str:
    """The question before, asked for another place or time."""
    asked = before.rstrip(" ?!.")
    found = re.search(rf"\b{how}\s+(?:the\s+)?[\w-]+$", asked, re.I)
    return f"{asked[: found.start()] if found else asked + ' '}{rest}?"


def _like(new: Subject, rest: str, before: str) -> Subject | None:
    """The subject of the question before that the new one stands for."""
    old = subjects(before)
    place = _PLACE.match(rest)
    if place:
        how = place["how"].lower()
        same = [s for s in old if re.search(rf"\b{how}\s+(?:the\s+)?$", before[: s.start].lower())]
        same = [s for s in same if _exchangeable(new, s)]
        if same:
            return same[-1]
        if new.shape == "name" and how not in ("for", "with", "by"):
            return None  # a place or a time that was not spoken of
    last_word = new.text.split()[-1].lower()
    of_one_kind = [s for s in old if s.text.split()[-1].lower() == last_word]
    of_one_shape = [s for s in old if s.shape == new.shape]
    exchangeable = [s for s in old if _exchangeable(new, s)]
    found = of_one_kind or of_one_shape or exchangeable
    if found:
        return found[-1]
    return old[0] if len(old) == 1 and new.shape == "name" else None


def _exchangeable(new: Subject, old: Subject) -> bool:
    """Whether one may stand where the other stood: "Siltbase 5" for "Siltbase 4.2.1"."""
    if new.shape == old.shape or {new.shape, old.shape} <= {"code", "name"}:
        return True
    return {new.shape, old.shape} <= {"version", "number"} and "version" in (new.shape, old.shape)


def _piece(new: Subject, target: Subject) -> str:
    """What is put in the place of ``target``; the name before a version or code of its kind stays.

    "4.2.2" after "Siltbase 4.2.1", and "the G2" after "Pellwarden G4", but not "the P5".
    """
    bare = new.text.lower() == new.key.lower()
    if bare and new.shape != "name" and _letters(new.key) == _letters(target.key):
        return target.text.replace(target.key, new.key)
    return new.text


def _letters(key: str) -> str:
    return "".join(character for character in key.lower() if character.isalpha())


def _subject(before: str, answered: str) -> str:
    """What the question before spoke of, or, where it asked which, what the answer named."""
    asked = subjects(before)
    if _ASKS_WHICH.match(before):
        known = before.lower()
        for named in subjects(answered[:400]):
            if named.key.lower() not in known and named.shape in ("version", "code", "name"):
                return named.text
    if asked:
        return _wider(asked)
    words = [match.group() for match in _WORD.finditer(before)]
    run: list[str] = []
    for word in reversed(words):
        if word.lower() in STOPWORDS:
            if run:
                break
            continue
        run.insert(0, word)
    return " ".join(run[-3:])


def _wider(found: Sequence[Subject]) -> str:
    """The subject that a pronoun most likely means: a thing rather than a place or a date."""
    things = [s for s in found if s.shape in ("version", "code")] or [
        s for s in found if s.shape == "name" and not s.text.isupper()
    ]
    return (things or list(found))[0].text


def _joined(question: str, subject: str) -> str:
    if not subject or subject.lower() in question.lower():
        return question
    end = "?" if question.endswith("?") else ""
    return f"{question.rstrip(' ?!.')} ({subject}){end or '?'}"
