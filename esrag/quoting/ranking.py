"""Ranks the sentences of the retrieved passages by how well they answer the question.

The extractive half of answering: its best quotes are what is shown when nothing generated
survives verification, and their confidence says whether the passages answer the question at
all.  A quote is one unit of a passage (sentence, list item, table row) or two neighbouring ones.
Its score is a weighted sum of parts that are each in [0, 1]:

* ``meaning``   cosine of question and unit, both embedded by the cluster's own model;
* ``words``     share of the question's words found, rare words counting more (idf over the pool);
* ``figures``   share of the question's versions, dates, numbers and codes found;
* ``names``     share of the question's names found;
* ``kind``      1 when the quote holds the kind of thing asked for (a date for "when", …);
* ``rank``      1 / rank of the passage.

What is found in the passage's title and headings counts as found in the quote.  The confidence
is the same kind of sum over the chosen quotes together, since two passages may each hold half
of an answer.  The weights were chosen, and the threshold calibrated, on the calibration half of
the sample questions; see ``docs/answering.md``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from esrag.quoting.assessment import Assessment
from esrag.quoting.kinds import kind_found, without_kind
from esrag.quoting.quote import LONGEST_PAIR, Quote
from esrag.sentences import Unit, units_of
from esrag.terms import Terms, names, terms
from esrag.types import Hit

Vector = Sequence[float]
Embed = Callable[[Sequence[str]], Sequence[Vector]]

MOST_QUOTES = 4
SAME_MARGIN = 0.8  # least share of the best score for a quote that adds nothing sought
NEW_MARGIN = 0.6  # and for one that does


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part of a sum counts; they add up to 1."""

    meaning: float = 0.3
    words: float = 0.3
    figures: float = 0.12
    names: float = 0.12
    kind: float = 0.12
    rank: float = 0.04


# Confidence asks whether the question is answered, not which quote is the better one.
CONFIDENCE = Weights(meaning=0.5, words=0.15, figures=0.32, names=0.03, kind=0.0, rank=0.0)


def assess(
    question: str, hits: Sequence[Hit], *, embed: Embed, weights: Weights | None = None
) -> Assessment:
    """Rank the quotes of ``hits``, choose the few to show, and say how well they answer.

    ``embed`` is called once, with the question first; it raises what the cluster raises, and gives
    empty vectors when there is no model to ask: then words and figures alone decide.
    """
    pool = [(hit, unit) for hit in hits for unit in units_of(hit) if _says_something(hit, unit)]
    if not pool:
        return Assessment(question, (), (), 0.0)
    vectors = embed([question, *(f"{hit.context}: {unit.text}" for hit, unit in pool)])
    scorer = _Scorer(question, pool, weights or Weights(), blind=not any(map(len, vectors)))
    meanings = [max(0.0, cosine(vectors[0], vector)) for vector in vectors[1:]]
    quotes = [
        replace(scorer.quote(hit, chosen, meaning), before=before, after=after)
        for hit, chosen, meaning, before, after in _windows(pool, meanings)
    ]
    quotes.sort(key=lambda quote: -quote.score)
    chosen = select(quotes, sought=scorer.keys)
    parts = scorer.parts_of(chosen)
    return Assessment(
        question,
        tuple(quotes),
        _readable(chosen),
        scorer.confidence(parts),
        parts=parts,
        embedded=len(vectors),
    )


def _readable(chosen: Sequence[Quote]) -> tuple[Quote, ...]:
    """The chosen quotes as they are shown; two that grow into each other are shown once."""
    shown: list[Quote] = []
    for quote in chosen:
        whole = quote.readable()
        if not any(whole.overlaps(other) for other in shown):
            shown.append(whole)
    return tuple(shown)


def select(
    quotes: Sequence[Quote], *, sought: frozenset[str], most: int = MOST_QUOTES
) -> tuple[Quote, ...]:
    """The best quote, then those nearly as good that say something else.

    A quote that covers a figure or name of the question (``sought``) which no other covers may
    score less: it is the other half of a comparison.
    """
    chosen: list[Quote] = []
    missing = set(sought)
    for quote in quotes:
        adds = bool(quote.found & missing)
        enough = (NEW_MARGIN if adds else SAME_MARGIN) * quotes[0].score
        if len(chosen) == most or quote.score < NEW_MARGIN * quotes[0].score:
            break
        if quote.score >= enough and not any(quote.overlaps(other) for other in chosen):
            chosen.append(quote)
            missing -= quote.found
    return tuple(chosen)


def cosine(a: Vector, b: Vector) -> float:
    """Cosine of two vectors; 0 when one is all zeros."""
    norm = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm else 0.0


def _says_something(hit: Hit, unit: Unit) -> bool:
    """Whether a unit is more than a heading, an address, or a repetition of title and headings."""
    if unit.is_heading or unit.text.startswith("URL:"):
        return False
    return not terms(unit.text).words <= terms(hit.context).words


def _windows(
    pool: Sequence[tuple[Hit, Unit]], meanings: Sequence[float]
) -> Iterator[tuple[Hit, tuple[Unit, ...], float, Unit | None, Unit | None]]:
    """Each unit alone, and each pair of neighbours with the greater of both meanings.

    The last two are the units before and after, if they stand in the same passage.
    """

    def unit_at(index: int, hit: Hit) -> Unit | None:
        inside = 0 <= index < len(pool) and pool[index][0].id == hit.id
        return pool[index][1] if inside else None

    for index, (hit, unit) in enumerate(pool):
        before, following = unit_at(index - 1, hit), unit_at(index + 1, hit)
        yield hit, (unit,), meanings[index], before, following
        if following and following.end - unit.start <= LONGEST_PAIR:
            meaning = max(meanings[index], meanings[index + 1])
            yield hit, (unit, following), meaning, before, unit_at(index + 2, hit)


class _Scorer:
    """Scores the quotes of one question; what depends on the question alone is computed once."""

    def __init__(
        self,
        question: str,
        pool: Sequence[tuple[Hit, Unit]],
        weights: Weights,
        *,
        blind: bool = False,
    ) -> None:
        self._question = question
        self._weights = _without_meaning(weights) if blind else weights
        self._confidence = _without_meaning(CONFIDENCE) if blind else CONFIDENCE
        self._asked = terms(without_kind(question))
        self._names = names(question) - self._asked.figures
        self._idf = _idf(self._asked, [terms(f"{h.context}\n{u.text}") for h, u in pool])
        self._total = sum(self._idf.values()) or 1.0

    @property
    def keys(self) -> frozenset[str]:
        """The figures and names of the question: what tells one thing from its look-alikes."""
        return self._asked.figures | self._names

    def quote(self, hit: Hit, chosen: tuple[Unit, ...], meaning: float) -> Quote:
        """The quote with its score."""
        text = " ".join(unit.text for unit in chosen)
        here = terms(text).words | terms(hit.context).words
        found = (self._asked.words | self._names) & here
        kind = kind_found(self._question, self._asked, text)
        parts = self._parts(found, meaning=meaning, kind=kind, rank=1 / hit.rank)
        # of two quotes that score alike the shorter one is the better answer
        score = _sum(parts, self._weights) * (1.0 if len(chosen) == 1 else 0.97)
        return Quote(hit, chosen, score, meaning, frozenset(found))

    def parts_of(self, chosen: Sequence[Quote]) -> dict[str, float]:
        """What the chosen quotes together have of each part."""
        found = frozenset[str]().union(*(quote.found for quote in chosen))
        meaning = max((quote.meaning for quote in chosen), default=0.0)
        return self._parts(found, meaning=meaning, kind=1.0, rank=1.0)

    def confidence(self, parts: Mapping[str, float]) -> float:
        """How well quotes with these parts answer the question, in [0, 1]."""
        return _sum(parts, self._confidence)

    def _parts(
        self, found: frozenset[str], *, meaning: float, kind: float, rank: float
    ) -> dict[str, float]:
        return {
            "meaning": meaning,
            "words": sum(self._idf.get(word, 0.0) for word in found) / self._total,
            "figures": _share(self._asked.figures, found),
            "names": _share(self._names, found),
            "kind": kind,
            "rank": rank,
        }


def _without_meaning(weights: Weights) -> Weights:
    """The same weights for a question without vectors: the other parts stand for meaning too."""
    grown = {
        part.name: getattr(weights, part.name) / (1.0 - weights.meaning) for part in fields(weights)
    }
    return Weights(**(grown | {"meaning": 0.0}))


def _sum(parts: Mapping[str, float], weights: Weights) -> float:
    return sum(value * float(getattr(weights, part)) for part, value in parts.items())


def _idf(asked: Terms, found: Sequence[Terms]) -> dict[str, float]:
    """Weight of each question word: log(1 + n / (1 + df)) over the units of the pool."""
    counts = Counter(word for here in found for word in asked.words & here.words)
    return {word: math.log(1 + len(found) / (1 + counts[word])) for word in asked.words}


def _share(asked: frozenset[str], here: frozenset[str]) -> float:
    return len(asked & here) / len(asked) if asked else 1.0
