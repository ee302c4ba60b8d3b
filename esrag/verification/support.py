"""Finds the unit of a passage that carries a sentence, if one does.

A sentence is supported by a unit of a passage (a sentence, list item or table row, read
together with the passage's title and headings) when

* every figure of the sentence (date, version, number, code) stands there,
* every name of the sentence (a capitalised word inside it) stands there,
* at least ``coverage`` of its content words stand there, and
* both say it with or both without a negation.

This is deterministic and lexical: it rejects a true paraphrase sooner than it lets an invented
figure pass.  It does not know whether the sentence answers the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from esrag.sentences import Unit, units_of
from esrag.terms import Terms, names, terms
from esrag.types import Hit

DEFAULT_COVERAGE = 0.8
LEAST_IN_UNIT = 0.4  # share of the words that the unit itself must hold
_NEGATION = re.compile(r"\b(?:not|no|never|none|cannot|without|neither|nor)\b|n['’]t\b", re.I)


@dataclass(frozen=True, slots=True)
class Support:
    """The unit of a hit that carries a sentence; ``coverage`` is the share of its words there."""

    hit: Hit
    unit: Unit
    coverage: float


def best_support(text: str, hits: Sequence[Hit], threshold: float) -> Support | None:
    """The unit of ``hits`` that carries ``text`` best, if one covers ``threshold`` of its words."""
    sought = terms(text)
    if not sought.words:
        return None
    named = names(text)
    negated = bool(_NEGATION.search(text))
    best: Support | None = None
    for hit in hits:
        around = terms(hit.context)
        for unit in units_of(hit):
            if unit.is_heading or bool(_NEGATION.search(unit.text)) != negated:
                continue
            share = _coverage(sought, terms(unit.text), around, named)
            if share >= threshold and (best is None or share > best.coverage):
                best = Support(hit, unit, share)
    return best


def _coverage(sought: Terms, own: Terms, around: Terms, named: frozenset[str]) -> float:
    """Share of ``sought`` found in the unit or in the passage's headings; 0 if a fact is not.

    Neighbouring sentences do not count: a figure or a subject from there often belongs to
    something else.
    """
    everything = own.words | around.words
    if not sought.figures <= everything or not named <= everything:
        return 0.0
    # a sentence that stands only on the headings is not carried by this unit
    if len(sought.words & own.words) / len(sought.words) < LEAST_IN_UNIT:
        return 0.0
    plain = sought.words - sought.figures
    return len(plain & everything) / len(plain) if plain else 1.0
