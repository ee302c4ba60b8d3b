"""A statement as a row of tokens: words, figures, small words that matter, and what parts them.

Unlike ``terms``, which is a set, a row keeps the order, the sign of a number and the small words,
because a statement can be made wrong by changing nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from esrag.terms import dates_normalised, figure_forms, stem
from esrag.verification.vocabulary import (
    BREAKS,
    CONDITIONS,
    COORDINATORS,
    LIGHT,
    RESTRICTIONS,
    function_word,
    same_stem,
)

Kind = Literal["word", "figure", "small", "light", "and", "comma", "break"]

_SYMBOLS = (
    (re.compile(r"[−‒]"), "-"),
    (re.compile(r"€\s?"), " EUR "),
    (re.compile(r"£\s?"), " GBP "),
    (re.compile(r"(?<![A-Z])\$\s?"), " USD "),
    (re.compile(r"\s?%"), " percent"),
    (re.compile(r"\s?°\s?C\b"), " celsius"),
    (re.compile(r"\s?°\s?F\b"), " fahrenheit"),
    (re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}\b)"), ""),
    (re.compile(r"(?<=\d)\s?[–—]\s?(?=[+-]?\d)"), " "),
)
_TOKEN = re.compile(
    r"""(?P<date>(?<!\w)--\d\d-\d\d)
    |(?P<sign>(?<![\w.)\]])[-+](?=\d))?(?P<word>[^\W_]+(?:[._:/@+'’-][^\W_]+)*)
    |(?P<comma>[,:()\[\]"“”])
    |(?P<break>[;—–])""",
    re.VERBOSE,
)
_LONGEST_KEPT = 40
_NOT = re.compile(r"^(?:(?P<verb>\w+)n['’]t|cannot)$")


@dataclass(frozen=True, slots=True)
class Token:
    """``key`` is compared; a figure stands for all of ``forms``; ``raw`` is as it is written."""

    kind: Kind
    key: str
    raw: str
    forms: frozenset[str] = frozenset()
    capital: bool = False

    @property
    def means(self) -> bool:
        """Whether it says something by itself."""
        return self.kind in ("word", "figure", "small")

    @property
    def restricts(self) -> bool:
        """Whether what follows it limits the statement."""
        return self.raw.lower() in RESTRICTIONS

    @property
    def conditions(self) -> bool:
        """Whether it limits all of a sentence, not only what follows next."""
        return self.raw.lower() in CONDITIONS

    def carried_by(self, other: Token) -> bool:
        """Whether ``other``, of a passage, says what this one says."""
        if self.kind == "figure":
            return other.kind == "figure" and self.key in other.forms
        return self.kind == other.kind and self.key == other.key


@lru_cache(maxsize=4_096)
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of ``text`` in order."""
    prepared = dates_normalised(text)
    for symbol, spelled in _SYMBOLS:
        prepared = symbol.sub(spelled, prepared)
    found: list[Token] = []
    for match in _TOKEN.finditer(prepared):
        if match["comma"]:
            found.append(Token("comma", ",", match.group()))
        elif match["break"]:
            found.append(Token("break", ";", match.group()))
        elif match["date"]:
            found.append(Token("figure", match["date"], match["date"], frozenset({match["date"]})))
        else:
            # words come again in other texts; a word of any length is not kept
            read = _kept_word if len(match["word"]) <= _LONGEST_KEPT else _word
            found += read(match["word"], match["sign"] == "-", not found)
    return tuple(found)


def _word(raw: str, negative: bool, first: bool) -> list[Token]:
    low = raw.lower().replace("’", "'").removesuffix("'s")
    capital = raw[0].isupper()
    refused = _NOT.match(low)
    if refused:
        verb = refused["verb"] or "can"
        helper = {"ca": "can", "wo": "will", "sha": "must"}.get(verb, verb)
        return [*_plain(helper, raw, capital=False), Token("small", "not", raw)]
    forms = figure_forms(low)
    if forms is not None:
        key = f"-{forms[0]}" if negative else forms[0]
        if _has_unit(forms):  # 20s is a number and a unit
            number = Token("figure", key, raw, frozenset({key}), capital)
            return [number, Token("word", same_stem(stem(forms[1])), raw)]
        return [Token("figure", key, raw, frozenset({key} if negative else forms), capital)]
    if len(raw) == 1 and capital and not first and raw != "I":
        return [Token("word", f"={raw}", raw, capital=True)]  # node A
    parts = (part for part in re.split(r"[-/_:.'@+]", low) if part)
    return [token for part in parts for token in _plain(part, raw, capital=capital)]


_kept_word = lru_cache(maxsize=32_768)(_word)


def _has_unit(forms: tuple[str, ...]) -> bool:
    return len(forms) == 2 and not any(character.isdigit() for character in forms[1])


def _plain(word: str, raw: str, *, capital: bool) -> list[Token]:
    """The token of a word without digits."""
    if word in COORDINATORS:
        return [Token("and", word, raw)]
    if word in BREAKS:
        return [Token("break", word, raw)]
    small = function_word(word)
    if small:
        return [Token("small", small, raw)]
    if word in LIGHT:
        return [Token("light", word, raw)]
    return [Token("word", same_stem(stem(word)), raw, capital=capital)]
