"""Ranks the sentences of the retrieved passages by how well they answer the question.

The extractive half of answering: its best sentences are what is quoted when nothing generated
survives verification, and its best score says whether the passages answer the question at
all.  A score is a weighted sum of parts that are each in [0, 1]:

* ``meaning``   cosine of question and sentence, both embedded by the cluster's own model;
* ``words``     share of the question's words found, rare words counting more (idf over the pool);
* ``figures``   share of the question's versions, dates, numbers and codes found;
* ``kind``      1 when the sentence holds the kind of thing asked for (a date for "when", …);
* ``rank``      1 / rank of the passage.

The weights were chosen, and the threshold calibrated, on the calibration half of the sample
questions; see ``docs/answering.md``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from esrag.sentences import Unit, units
from esrag.terms import Terms, terms
from esrag.types import Hit

Vector = Sequence[float]
Embed = Callable[[Sequence[str]], Sequence[Vector]]

_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?|\d{1,2}:\d{2}")
_ASKS_DATE = re.compile(
    r"\b(?:when|what (?:date|day|month|time)|which (?:date|day|month)|since)\b", re.I
)
_ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|often|large|big|fast|far|old|high|low|soon)|price|cost|costs|"
    r"port|percentage|percent|number|maximum|minimum|max|min|limit|size|version)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part of the score counts; they add up to 1."""

    meaning: float = 0.35
    words: float = 0.35
    figures: float = 0.15
    kind: float = 0.1
    rank: float = 0.05


@dataclass(frozen=True, slots=True)
class Quote:
    """A unit of a hit with its score; ``found`` are the question's words that it covers."""

    hit: Hit
    unit: Unit
    score: float
    found: frozenset[str]


def rank_quotes(
    question: str, hits: Sequence[Hit], *, embed: Embed, weights: Weights | None = None
) -> tuple[Quote, ...]:
    """All quotable units of ``hits``, best first.

    ``embed`` is called once, with the question first; it raises what the cluster raises.
    """
    weights = weights or Weights()
    pool = [(hit, unit) for hit in hits for unit in units(hit.text) if not unit.is_heading]
    if not pool:
        return ()
    vectors = embed([question, *(f"{hit.context}: {unit.text}" for hit, unit in pool)])
    asked = terms(question)
    found_terms = [_terms_in_context(hit, unit) for hit, unit in pool]
    idf = _idf(asked, found_terms)
    total = sum(idf.values()) or 1.0
    quotes = []
    for (hit, unit), here, vector in zip(pool, found_terms, vectors[1:], strict=True):
        found = asked.words & here.words
        parts = Weights(
            meaning=max(0.0, cosine(vectors[0], vector)),
            words=sum(idf[word] for word in found) / total,
            figures=_share(asked.figures, here.words),
            kind=_kind(question, asked, terms(unit.text)),
            rank=1 / hit.rank,
        )
        quotes.append(Quote(hit, unit, _weighted(parts, weights), frozenset(found)))
    return tuple(sorted(quotes, key=lambda quote: -quote.score))


def select(
    quotes: Sequence[Quote], *, threshold: float, most: int = 3, margin: float = 0.85
) -> tuple[Quote, ...]:
    """The few quotes to show: the best, then those that add words of the question or are as good.

    None when even the best is below ``threshold``.
    """
    if not quotes or quotes[0].score < threshold:
        return ()
    chosen = [quotes[0]]
    covered = set(quotes[0].found)
    for quote in quotes[1:]:
        if len(chosen) == most or quote.score < margin * quotes[0].score:
            break
        if any(quote.unit.text == other.unit.text for other in chosen):
            continue
        chosen.append(quote)
        covered |= quote.found
    return tuple(chosen)


def cosine(a: Vector, b: Vector) -> float:
    """Cosine of two vectors; 0 when one is all zeros."""
    norm = (
        math.sqrt(math.sumprod(a, a) * math.sumprod(b, b))
        if hasattr(math, "sumprod")
        else (math.sqrt(sum(x * x for x in a) * sum(y * y for y in b)))
    )
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm else 0.0


def _terms_in_context(hit: Hit, unit: Unit) -> Terms:
    return terms(f"{hit.context}\n{unit.text}")


def _idf(asked: Terms, found: Sequence[Terms]) -> dict[str, float]:
    """Weight of each question word: log(1 + n / (1 + df)) over the units of the pool."""
    counts = Counter(word for here in found for word in asked.words & here.words)
    return {word: math.log(1 + len(found) / (1 + counts[word])) for word in asked.words}


def _share(asked: frozenset[str], here: frozenset[str]) -> float:
    return len(asked & here) / len(asked) if asked else 1.0


def _kind(question: str, asked: Terms, own: Terms) -> float:
    """1 when the unit brings something new of the kind that the question asks for."""
    new_figures = own.figures - asked.figures
    if _ASKS_DATE.search(question):
        return float(any(_DATE.fullmatch(figure) for figure in new_figures))
    if _ASKS_NUMBER.search(question):
        return float(bool(new_figures))
    return float(len(own.words - asked.words) > 0)


def _weighted(parts: Weights, weights: Weights) -> float:
    return (
        parts.meaning * weights.meaning
        + parts.words * weights.words
        + parts.figures * weights.figures
        + parts.kind * weights.kind
        + parts.rank * weights.rank
    )
