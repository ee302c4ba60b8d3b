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
* ``rank``      1 / rank of the passage;
* ``passage``   the greatest share of the question's words in one of the first passages.

What is found in the passage's title and headings counts as found in the quote.  The confidence
is the same kind of sum over the chosen quotes together, since two passages may each hold half
of an answer.  The weights were chosen, and the threshold calibrated, on the calibration half of
the sample questions; see ``docs/answering.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import mul

from esrag.quoting.assessment import Assessment
from esrag.quoting.candidates import MOST_EMBEDDED, Candidate, Sought, candidates, likeliest
from esrag.quoting.quote import LONGEST_PAIR, Quote
from esrag.sentences import Unit
from esrag.types import Hit

Vector = Sequence[float]
Embed = Callable[[Sequence[str]], Sequence[Vector]]

MOST_QUOTES = 4
SAME_MARGIN = 0.85  # least share of the best score for a quote that adds nothing sought
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
    passage: float = 0.0


# Confidence asks whether the question is answered, not which quote is the better one.
CONFIDENCE = Weights(
    meaning=0.43, words=0.13, figures=0.28, names=0.03, kind=0.0, rank=0.0, passage=0.13
)


def assess(
    question: str,
    hits: Sequence[Hit],
    *,
    embed: Embed,
    weights: Weights | None = None,
    most_embedded: int = MOST_EMBEDDED,
) -> Assessment:
    """Rank the quotes of ``hits``, choose the few to show, and say how well they answer.

    ``embed`` is called once, with the question first, then the ``most_embedded`` units whose words
    fit best; it raises what the cluster raises, and gives empty vectors when there is no model to
    ask: then words and figures alone decide.
    """
    pool = candidates(hits)
    if not pool:
        return Assessment(question, (), (), 0.0)
    sought = Sought.of(question, pool, hits)
    picked = likeliest(sought, pool, most=most_embedded)
    vectors = embed([question, *(pool[index].embedded_text for index in picked)])
    meanings = dict(zip(picked, cosines(vectors[0], vectors[1:]), strict=True))
    scorer = _Scorer(sought, weights or Weights(), blind=not any(map(len, vectors)))
    quotes = [
        scorer.quote(pool[first], units, meaning, before, after)
        for first, units, meaning, before, after in _windows(pool, meanings)
    ]
    quotes.sort(key=lambda quote: -quote.score)
    chosen = select(quotes, sought=sought.keys)
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


def cosines(one: Vector, others: Sequence[Vector]) -> list[float]:
    """The cosine of ``one`` with each of the others, at least 0; 0 when a vector is all zeros."""
    length = sum(map(mul, one, one)) ** 0.5
    found = []
    for other in others:
        norm = length * sum(map(mul, other, other)) ** 0.5
        found.append(max(0.0, sum(map(mul, one, other)) / norm) if norm else 0.0)
    return found


def _windows(
    pool: Sequence[Candidate], meanings: Mapping[int, float]
) -> Iterator[tuple[int, tuple[Unit, ...], float, Unit | None, Unit | None]]:
    """Each embedded unit alone, and with each neighbour, with the greater of both meanings.

    The first is the candidate that the window begins with; the last two are the units before and
    after, if they stand in the same passage.
    """

    def unit_at(index: int, hit: Hit) -> Unit | None:
        inside = 0 <= index < len(pool) and pool[index].hit is hit
        return pool[index].unit if inside else None

    for index in sorted({place for picked in meanings for place in (picked - 1, picked)}):
        if index < 0:
            continue
        hit, unit = pool[index].hit, pool[index].unit
        before, following = unit_at(index - 1, hit), unit_at(index + 1, hit)
        if index in meanings:
            yield index, (unit,), meanings[index], before, following
        if following and following.end - unit.start <= LONGEST_PAIR:
            meaning = max(meanings.get(index, 0.0), meanings.get(index + 1, 0.0))
            yield index, (unit, following), meaning, before, unit_at(index + 2, hit)


class _Scorer:
    """Scores the quotes of one question."""

    def __init__(self, sought: Sought, weights: Weights, *, blind: bool) -> None:
        self._sought = sought
        self._weights = _without_meaning(weights) if blind else weights
        self._confidence = _without_meaning(CONFIDENCE) if blind else CONFIDENCE

    def quote(
        self,
        first: Candidate,
        units: tuple[Unit, ...],
        meaning: float,
        before: Unit | None,
        after: Unit | None,
    ) -> Quote:
        """The quote with its score."""
        text = " ".join(unit.text for unit in units)
        found = self._sought.found_in(text, first)
        kind = float(self._sought.asked.found_in(text))
        parts = self._parts(found, meaning=meaning, kind=kind, rank=1 / first.hit.rank)
        # of two quotes that score alike the shorter one is the better answer
        score = _sum(parts, self._weights) * (1.0 if len(units) == 1 else 0.97)
        return Quote(first.hit, units, score, meaning, found, before, after)

    def parts_of(self, chosen: Sequence[Quote]) -> dict[str, float]:
        """What the chosen quotes together have of each part."""
        found = frozenset[str]().union(*(quote.found for quote in chosen))
        meaning = max((quote.meaning for quote in chosen), default=0.0)
        parts = self._parts(found, meaning=meaning, kind=1.0, rank=1.0)
        return parts | {"passage": self._sought.share_in_a_passage}

    def confidence(self, parts: Mapping[str, float]) -> float:
        """How well quotes with these parts answer the question, in [0, 1]."""
        return _sum(parts, self._confidence)

    def _parts(
        self, found: frozenset[str], *, meaning: float, kind: float, rank: float
    ) -> dict[str, float]:
        sought = self._sought
        return {
            "meaning": meaning,
            "words": sought.share_of_words(found),
            "figures": _share(sought.figures, found),
            "names": _share(sought.names, found),
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


def _share(asked: frozenset[str], here: frozenset[str]) -> float:
    return len(asked & here) / len(asked) if asked else 1.0
