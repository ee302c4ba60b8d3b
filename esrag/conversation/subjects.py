"""Finds what a question speaks of: names, versions, codes, each with the words that belong to it.

A subject is a run of capitalised words and of words with figures ("Siltbase 4.2.1", "Frostwick
P5"), with the plain word before a code or behind a name that says what it is ("error SLT-1031",
"Vault plan").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from esrag.terms import STOPWORDS

Shape = Literal["version", "number", "code", "date", "name"]

_TOKEN = re.compile(r"[^\s,;:?!()\"“”«»]+")
_MONTHS = frozenset(
    "january february march april may june july august september october november december".split()
)
_KIND_BEHIND = frozenset(
    "plan region firmware team version release office edition model gateway sensor list app licence"
    " license incident outage policy service server cluster".split()
)
_ASKING = frozenset(
    "who what when where which why how is are was were do does did can could should would will has"
    " have may must tell show give list name explain describe and or but so then also".split()
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The stretch ``text[start:end]`` of a question; ``key`` is the part that tells it apart."""

    text: str
    start: int
    end: int
    key: str
    shape: Shape


def subjects(text: str) -> tuple[Subject, ...]:
    """All subjects of a question or an answer, in order."""
    return tuple(_subjects(text))


def _subjects(text: str) -> Iterator[Subject]:
    tokens = [_Token(match, text) for match in _TOKEN.finditer(text)]
    for index, token in enumerate(tokens):
        token.proper = _is_proper(token, index, tokens)
    index = 0
    while index < len(tokens):
        if not tokens[index].proper:
            index += 1
            continue
        last = index
        while last + 1 < len(tokens) and tokens[last + 1].proper and not tokens[last].closes:
            last += 1
        first = _with_word_before(tokens, index)
        behind = _with_word_behind(tokens, last)
        run = tokens[index : last + 1]
        key = next((t.word for t in reversed(run) if t.has_digit), run[-1].word)
        start, end = tokens[first].start, tokens[behind].end
        yield Subject(text[start:end], start, end, key, shape_of(key))
        index = behind + 1


def shape_of(key: str) -> Shape:
    """What kind of a thing a key is: only things of one kind replace each other."""
    plain = key.lower()
    if re.fullmatch(r"v?\d+(?:\.\d+)+\w*", plain):
        return "version"
    if re.fullmatch(r"\d{4}-\d{2}(?:-\d{2})?", plain) or plain in _MONTHS:
        return "date"
    if re.fullmatch(r"\d+(?:[.,]\d+)*", plain):
        return "number"
    if any(character.isdigit() for character in plain):
        return "code"
    return "name"


class _Token:
    """One word of a question and where it stands; ``closes`` says that a stretch ends behind it."""

    def __init__(self, match: re.Match[str], text: str) -> None:
        self.word = match.group().rstrip(".'’").removesuffix("'s").removesuffix("’s")
        self.start = match.start()
        self.end = self.start + len(self.word)
        self.has_digit = any(character.isdigit() for character in self.word)
        self.is_capital = self.word[:1].isupper()
        self.closes = text[self.end : self.end + 1] in (",", ";", ":", "?", ".", "!", "(", ")")
        self.proper = False

    @property
    def plain(self) -> str:
        return self.word.lower()


def _is_proper(token: _Token, index: int, tokens: list[_Token]) -> bool:
    if not token.word or token.plain in STOPWORDS or token.plain in _ASKING:
        return False
    if token.has_digit:
        return True
    if not token.is_capital:
        return False
    if index:
        return True
    # the first word is always capitalised: a name only when another one follows
    following = tokens[1] if len(tokens) > 1 else None
    return following is not None and (following.has_digit or following.is_capital)


def _with_word_before(tokens: list[_Token], first: int) -> int:
    """The plain word before a code says what it is: "firmware 2.8.0", "frostwick p5"."""
    before = tokens[first - 1] if first else None
    if before is None or before.closes or not tokens[first].has_digit:
        return first
    is_word = before.word.isalpha() and len(before.word) > 2
    if is_word and before.plain not in STOPWORDS and before.plain not in _ASKING:
        return first - 1
    return first


def _with_word_behind(tokens: list[_Token], last: int) -> int:
    """The plain word behind a name says what it is: "Vault plan"."""
    following = tokens[last + 1] if last + 1 < len(tokens) else None
    if following is None or tokens[last].closes:
        return last
    return last + 1 if following.plain in _KIND_BEHIND else last
