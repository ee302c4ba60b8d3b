"""The units of the passages that may be quoted, and which of them are worth embedding.

Embedding is the dear part of judging passages: ten passages have a hundred units or more, and
few of them share anything with the question.  Those whose words, figures and kind fit best are
embedded, and the best of each passage; the others are quoted only as the neighbour of one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from esrag.quoting.kinds import AskedFor, asked_for
from esrag.sentences import Unit, units_of
from esrag.terms import names, terms
from esrag.types import Hit

MOST_EMBEDDED = 20
FIRST_PASSAGES = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit of a hit; ``around`` are the words of its headings, ``words`` those and its own."""

    hit: Hit
    unit: Unit
    context: str
    around: frozenset[str]
    words: frozenset[str]

    @property
    def embedded_text(self) -> str:
        """What is compared with the question: the unit with its headings."""
        return f"{self.context}: {self.unit.text}"


@dataclass(frozen=True, slots=True)
class Sought:
    """What a question looks for, and how much each of its words counts among the candidates."""

    asked: AskedFor
    words: frozenset[str]
    figures: frozenset[str]
    names: frozenset[str]
    idf: dict[str, float]
    total: float
    share_in_a_passage: float

    @classmethod
    def of(cls, question: str, pool: Sequence[Candidate], hits: Sequence[Hit]) -> Sought:
        """What ``question`` looks for in ``pool``: a word that is rare there counts more."""
        asked = asked_for(question)
        words, figures = asked.words.words, asked.words.figures
        counts = Counter(word for candidate in pool for word in words & candidate.words)
        idf = {word: math.log(1 + len(pool) / (1 + counts[word])) for word in words}
        named = names(question) - figures
        total = sum(idf.values()) or 1.0
        share = max((sum(idf[w] for w in words & here) for here in passage_words(hits)), default=0)
        return cls(asked, words, figures, named, idf, total, share / total)

    @property
    def keys(self) -> frozenset[str]:
        """The figures and names of the question: what tells one thing from its look-alikes."""
        return self.figures | self.names

    def found_in(self, text: str, candidate: Candidate) -> frozenset[str]:
        """The words of the question that ``text`` or the candidate's headings have."""
        return (self.words | self.names) & (terms(text).words | candidate.around)

    def share_of_words(self, found: frozenset[str]) -> float:
        """How much of the question's words ``found`` covers, in [0, 1]."""
        return sum(self.idf.get(word, 0.0) for word in found) / self.total


def passage_words(hits: Sequence[Hit]) -> tuple[frozenset[str], ...]:
    """The words of each of the first hits, those of its headings included."""
    return tuple(terms(f"{hit.context}\n{hit.text}").words for hit in hits[:FIRST_PASSAGES])


def candidates(hits: Sequence[Hit]) -> tuple[Candidate, ...]:
    """All units that say something, in order."""
    found = []
    for hit in hits:
        context = hit.context
        around = terms(context).words
        for unit in units_of(hit):
            own = terms(unit.text).words
            # not a heading, an address, or a repetition of title and headings
            if not (unit.is_heading or unit.text.startswith("URL:") or own <= around):
                found.append(Candidate(hit, unit, context, around, own | around))
    return tuple(found)


def likeliest(sought: Sought, pool: Sequence[Candidate], *, most: int) -> tuple[int, ...]:
    """The places in ``pool`` of the candidates to embed, in order: at most ``most``."""
    if len(pool) <= most:
        return tuple(range(len(pool)))
    scores = [_likely(sought, candidate) for candidate in pool]
    ranked = sorted(range(len(pool)), key=lambda place: -scores[place])
    best_of: dict[str, int] = {}
    for place in ranked:
        best_of.setdefault(pool[place].hit.id, place)
    first = sorted(best_of.values(), key=lambda place: pool[place].hit.rank)
    return tuple(sorted(list(dict.fromkeys((*first, *ranked)))[:most]))


def _likely(sought: Sought, candidate: Candidate) -> float:
    """How well the words of a candidate fit; the same parts as in its score, without meaning."""
    found = (sought.words | sought.names) & candidate.words
    score = sought.share_of_words(found) + 0.1 / candidate.hit.rank
    score += 0.3 * len(found & sought.keys) / (len(sought.keys) or 1)
    return score + 0.3 * sought.asked.found_in(candidate.unit.text)
