"""Finds the unit of a passage that carries a sentence, if one does, or says why none does.

A sentence is supported by a unit of a passage (a sentence, list item or table row, read
together with the passage's title and headings) when

* every figure of the sentence (date, version, number, code), with its sign, stands there,
* every name (a capitalised word inside it) and every quoted string stands there,
* at least ``coverage`` of its content words stand there, and no other word,
* its words stand there in the same order, and what it leaves out is harmless (``alignment``).

This is deterministic: it rejects a true paraphrase sooner than it lets an invented or altered
statement pass.  It does not know whether the sentence answers the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from esrag.sentences import Unit, units_of
from esrag.types import Hit
from esrag.verification.alignment import says
from esrag.verification.rows import row_says
from esrag.verification.tokens import Token, tokens
from esrag.verification.vocabulary import NEGATION

DEFAULT_COVERAGE = 0.8
PARAPHRASE_STAGE = 3  # from this check on a sentence may still be a paraphrase
LEAST_IN_UNIT = 0.4  # share of the words that the unit itself must hold
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»]{2,})[\"”“»]|`([^`]{2,})`")


@dataclass(frozen=True, slots=True)
class Support:
    """The unit of a hit that carries a sentence; ``coverage`` is the share of its words there."""

    hit: Hit
    unit: Unit
    coverage: float


@dataclass(frozen=True, slots=True)
class Sought:
    """A sentence, taken apart once for all units it is compared with."""

    text: str
    row: tuple[Token, ...]
    words: frozenset[str]
    figures: frozenset[str]
    quoted: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Sought:
        """``text`` taken apart."""
        row = tokens(text)
        return cls(
            text=text,
            row=row,
            words=frozenset(token.key for token in row if token.kind == "word"),
            figures=frozenset(token.key for token in row if token.kind == "figure"),
            quoted=tuple(folded(a or b) for a, b in _QUOTED.findall(text)),
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """A text as what may carry a sentence: its row, its words, and all forms of its figures."""

    row: tuple[Token, ...]
    words: frozenset[str]
    figures: frozenset[str]

    def holds(self, token: Token) -> bool:
        """Whether a word or figure stands here."""
        return token.key in (self.figures if token.kind == "figure" else self.words)


@lru_cache(maxsize=4_096)
def ground(text: str) -> Ground:
    """``text`` as ground."""
    row = tokens(text)
    return Ground(
        row=row,
        words=frozenset(token.key for token in row if token.kind == "word"),
        figures=frozenset(form for token in row for form in token.forms),
    )


class Search:
    """One search for support: the best that was found, and how near the others came."""

    def __init__(self, sought: Sought, *, coverage: float) -> None:
        self.sought = sought
        self._coverage = coverage
        self._nearest = 0
        self._near: list[Support] = []
        self.best: Support | None = None
        self.why = "no passage speaks of it"

    def look_into(self, hits: Sequence[Hit]) -> Support | None:
        """The best support that ``hits`` give."""
        if not self.sought.words and not self.sought.figures:
            return None
        for hit in hits:
            for unit in units_of(hit):
                if not unit.is_heading:
                    self._try(hit, unit)
        return self.best

    def _try(self, hit: Hit, unit: Unit) -> None:
        stage, reason, share = compare(self.sought, hit, unit, coverage=self._coverage)
        if not reason:
            if self.best is None or share > self.best.coverage:
                self.best = Support(hit, unit, share)
            return
        if stage >= PARAPHRASE_STAGE and self._has_names(hit, unit):
            self._near.append(Support(hit, unit, share))
        if stage > self._nearest:
            self._nearest, self.why = stage, reason

    @property
    def near(self) -> list[Support]:
        """Units that have all figures, quoted strings and names of the sentence, most words first.

        Whether one of them says the same in other words, the rules cannot tell.
        """
        return sorted(self._near, key=lambda support: -support.coverage)

    def _has_names(self, hit: Hit, unit: Unit) -> bool:
        own, around = ground(unit.text), ground(hit.context)
        names = {t.key for t in self.sought.row[1:] if t.kind == "word" and t.capital}
        negated = any(token.key == NEGATION for token in self.sought.row)
        return names <= own.words | around.words and negated == any(
            token.key == NEGATION for token in own.row
        )


def compare(sought: Sought, hit: Hit, unit: Unit, *, coverage: float) -> tuple[int, str, float]:
    """How many checks the sentence passes with this unit, what fails then, and its coverage."""
    own, around = ground(unit.text), ground(hit.context)
    share = _coverage(sought, own, around)
    if share < LEAST_IN_UNIT:
        return 0, "no passage speaks of it", share
    missing = sought.figures - own.figures - around.figures
    if missing:
        return 1, f"the passage does not say {_spelled(sought, missing)}", share
    whole = folded(f"{hit.context} {unit.text} {hit.text[unit.start : unit.end]}")
    if not all(quoted in whole for quoted in sought.quoted):
        return 2, "it quotes words that the passage does not have", share
    strange = sought.words - own.words - around.words
    if strange or share < coverage:
        return 3, f"the passage does not say {_spelled(sought, strange)}", share
    if len(sought.words & own.words) < LEAST_IN_UNIT * len(sought.words):
        return 3, "only the headings speak of it", share
    carried = (
        row_says(unit.cells, sought.row, around.holds)
        if unit.cells
        else says(own.row, sought.row, around.holds)
    )
    return (5, "", share) if carried else (4, "the passage joins these words otherwise", share)


def folded(text: str) -> str:
    """``text`` for a comparison letter by letter: one case, one space, no marks of Markdown."""
    return " ".join(text.replace("*", "").replace("`", "").split()).casefold().strip(" .,;:!?")


def _coverage(sought: Sought, own: Ground, around: Ground) -> float:
    """Share of the words and figures that stand in the unit or in the headings."""
    total = len(sought.words) + len(sought.figures)
    found = len(sought.words & (own.words | around.words))
    return (found + len(sought.figures & (own.figures | around.figures))) / total if total else 0.0


def _spelled(sought: Sought, keys: frozenset[str]) -> str:
    """The words of the sentence with these keys, as it has them."""
    raw = dict.fromkeys(token.raw for token in sought.row if token.key in keys)
    return ", ".join(f'"{word}"' for word in raw) or "enough of it"
