"""Finds the passage that says otherwise: the same statement with another value, or negated.

Two documents that contradict each other both "support" a sentence, each its own.  Neither may be
shown as the answer; the quotes show both.  A conflict is a unit of another document which has all
plain words of the sentence, and

* in place of its only missing figure another one that the supporting unit does not know, or
* in place of its missing name another name, or
* the same figures and names, and a negation more or less.

Statements about different things, such as two versions, differ in more than one of these.
"""

from __future__ import annotations

from collections.abc import Sequence

from esrag.sentences import Unit, units_of
from esrag.terms import names
from esrag.types import Hit
from esrag.verification.support import Ground, Sought, Support, ground
from esrag.verification.tokens import Token
from esrag.verification.vocabulary import NEGATION

LEAST_WORDS = 2  # plain words that two statements must share to be about the same


def conflict(sought: Sought, support: Support, hits: Sequence[Hit]) -> tuple[Hit, Unit] | None:
    """The hit and unit that contradict ``sought``, which ``support`` carries."""
    own = ground(support.unit.text)
    for hit in hits:
        if hit.document_id == support.hit.document_id:
            continue
        for unit in units_of(hit):
            if not unit.is_heading and _contradicts(sought, support, own, hit, unit):
                return hit, unit
    return None


def _contradicts(sought: Sought, support: Support, own: Ground, hit: Hit, unit: Unit) -> bool:
    other, around = ground(unit.text), ground(hit.context)
    named = _name_keys(sought)
    plain = sought.words - named
    if len(plain & other.words) < LEAST_WORDS or not plain <= other.words | around.words:
        return False
    figures = sought.figures - other.figures - around.figures
    missing = named - other.words - around.words
    if not figures and not missing:
        return _is_negated(own.row) != _is_negated(other.row)
    if _is_negated(own.row) != _is_negated(other.row):
        return False
    if len(figures) == 1 and not missing:
        if _subjects(other) - _subjects(own) - ground(support.hit.context).words - sought.words:
            return False  # it speaks of something of another name
        return bool(_primary(other) - own.figures - ground(support.hit.context).figures)
    if missing and not figures:
        return bool(names(f"- {unit.text}") - names(f"- {support.unit.text}") - sought.words)
    return False


def _name_keys(sought: Sought) -> frozenset[str]:
    """The keys of the sentence's names: capitalised words behind the first."""
    return frozenset(
        token.key for token in sought.row[1:] if token.kind == "word" and token.capital
    )


def _subjects(ground_: Ground) -> frozenset[str]:
    """The names and codes of a unit, its first word aside."""
    return frozenset(
        token.key
        for token in ground_.row[1:]
        if token.capital or (token.kind == "figure" and token.raw[:1].isalpha())
    )


def _primary(ground_: Ground) -> frozenset[str]:
    """The figures as they are written, without their shorter forms."""
    return frozenset(token.key for token in ground_.row if token.kind == "figure")


def _is_negated(row: Sequence[Token]) -> bool:
    return any(token.key == NEGATION for token in row)
