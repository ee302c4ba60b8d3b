"""Checks each generated sentence against the passages: what they do not support is not shown.

A sentence is supported by a unit of a passage (a sentence, list item or table row, read
together with the passage's title and headings) when

* every figure of the sentence (date, version, number, code) stands there,
* every name of the sentence (a capitalised word inside it) stands there,
* at least ``coverage`` of its content words stand there, and
* both say it with or both without a negation.

This is deterministic and lexical: it rejects a true paraphrase sooner than it lets an invented
figure pass.  It does not know whether the sentence answers the question; ``answering`` asks
``quoting`` for that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from esrag.sentences import Unit, sentences, units_of
from esrag.terms import Terms, names, terms
from esrag.types import Hit

DEFAULT_COVERAGE = 0.8
LEAST_IN_UNIT = 0.4  # share of the words that the unit itself must hold
_MARKER = re.compile(r"\s*[\[(](?:passage\s*|source\s*)?(\d{1,2}(?:\s*,\s*\d{1,2})*)[\])]", re.I)
_MARKUP = re.compile(r"\||›|^\s*#")
_LABEL = re.compile(r"^\s*(?:answer|passage\s*\d*|source\s*\d*)\s*[:\-]\s*", re.I)
_NEGATION = re.compile(r"\b(?:not|no|never|none|cannot|without|neither|nor)\b|n['’]t\b", re.I)


@dataclass(frozen=True, slots=True)
class Support:
    """The unit of a hit that carries a sentence; ``coverage`` is the share of its words there."""

    hit: Hit
    unit: Unit
    coverage: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A generated sentence without its markers, the passages it cited, and what supports it."""

    text: str
    cited: tuple[int, ...]
    support: Support | None


def claims(
    generated: str, hits: Sequence[Hit], *, coverage: float = DEFAULT_COVERAGE
) -> tuple[Claim, ...]:
    """Every sentence of ``generated``, each with the support found in ``hits`` or None."""
    return tuple(
        claim
        for sentence in sentences(generated)
        if (claim := check(sentence, hits, coverage=coverage)).text
    )


def check(sentence: str, hits: Sequence[Hit], *, coverage: float = DEFAULT_COVERAGE) -> Claim:
    """One sentence against ``hits``; the passages it cites are tried first."""
    cited = tuple(
        int(number)
        for marker in _MARKER.finditer(sentence)
        for number in marker.group(1).split(",")
    )
    text = _LABEL.sub("", " ".join(_MARKER.sub("", sentence).split()))
    if not _is_statement(text):
        return Claim(text, cited, None)
    valid = [hits[number - 1] for number in cited if 1 <= number <= len(hits)]
    for candidates in (valid, [hit for hit in hits if hit not in valid]):
        found = _best_support(text, candidates, coverage)
        if found is not None:
            return Claim(text, cited, found)
    return Claim(text, cited, None)


def _is_statement(text: str) -> bool:
    """Whether this is a whole sentence: not a question, a cut-off end, a heading or a table."""
    return bool(text) and text.rstrip("\"'”’)*")[-1:] in (".", "!") and not _MARKUP.search(text)


def _best_support(text: str, hits: Sequence[Hit], threshold: float) -> Support | None:
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
