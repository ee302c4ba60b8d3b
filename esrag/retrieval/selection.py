"""Leaves out hits that repeat a better one, and hits beyond a document's share.  Pure.

A passage repeats another one when nearly all its sequences of words stand there, and no word is
new that could make it say something else: a number, a name, a negation.  So two release notes
that differ in a version both stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from esrag.types import Hit

SEQUENCE = 3  # words
PROBED = 24  # words of a passage whose names and numbers settle most comparisons
_DENYING = frozenset({"no", "not", "never", "none", "without", "cannot", "nor", "nicht", "kein"})


@dataclass(frozen=True, slots=True)
class Selection:
    """The hits that stay, ranked anew, and how many were left out for which reason."""

    hits: tuple[Hit, ...]
    repeated: int = 0
    crowding: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, in words."""
        found = []
        if self.repeated:
            found.append(f"{_passages(self.repeated)} left out that repeat a better one")
        if self.crowding:
            found.append(f"{_passages(self.crowding)} left out beyond a document's share")
        return tuple(found)


def select(
    hits: Sequence[Hit], *, size: int, per_source: int = 0, near_duplicates: float = 0.0
) -> Selection:
    """The first ``size`` hits of which none repeats a better one.

    ``per_source`` is the most hits of one document, 0 for any number; ``near_duplicates`` the share
    of common word sequences from which a passage repeats another one, 0 to leave out none.
    """
    kept: list[Hit] = []
    said: list[_Said] = []
    of_document: Counter[str] = Counter()
    repeated = crowding = 0
    for hit in hits:
        if len(kept) == size:
            break
        if per_source and of_document[hit.document_id] >= per_source:
            crowding += 1
            continue
        if near_duplicates:
            new = _Said(hit)
            if any(new.repeats(old, near_duplicates) for old in said):
                repeated += 1
                continue
            said.append(new)
        of_document[hit.document_id] += 1
        kept.append(hit)
    ranked = tuple(
        hit if hit.rank == rank else replace(hit, rank=rank)
        for rank, hit in enumerate(kept, start=1)
    )
    return Selection(ranked, repeated, crowding)


class _Said:
    """What a passage says, with the title and headings that it stands under."""

    __slots__ = ("_distinct", "_words", "first", "text")

    def __init__(self, hit: Hit) -> None:
        self.text = f"{hit.context}\n{hit.text}"
        self.first = [word for word in self.text.split(None, PROBED)[:PROBED] if not word.islower()]
        self._words: list[str] = []
        self._distinct: frozenset[str] = frozenset()

    @property
    def words(self) -> list[str]:
        """In their order; parted when they are needed, as most passages are told apart without."""
        if not self._words:
            self._words = self.text.split()
        return self._words

    @property
    def distinct(self) -> frozenset[str]:
        """Each word once."""
        if not self._distinct:
            self._distinct = frozenset(self.words)
        return self._distinct

    def repeats(self, other: _Said, share: float) -> bool:
        """Whether all of it stands in ``other``, but for what changes nothing."""
        for word in self.first:
            # a word that stands nowhere in the other's text is none of its words
            if word not in other.text and _changes_sense(word):
                return False
        if self.words == other.words:
            return True
        if share >= 1.0:
            return False
        new = self.distinct - other.distinct
        # a word that is new spoils at least one sequence: most pairs end here
        if len(new) > (1.0 - share) * len(self.words) or any(map(_changes_sense, new)):
            return False
        mine, others = _sequences(self.words), _sequences(other.words)
        return len(mine & others) >= share * len(mine)


def _sequences(words: Sequence[str]) -> set[tuple[str, ...]]:
    if len(words) <= SEQUENCE:
        return {tuple(words)}
    return set(zip(*(words[first:] for first in range(SEQUENCE)), strict=False))


def _changes_sense(word: str) -> bool:
    """Whether one such word can make another statement of the same sentence."""
    bare = word.strip(".,;:!?()[]\"'*_`")
    return (
        bare[:1].isupper()
        or any(sign.isdigit() for sign in bare)
        or bare.casefold() in _DENYING
        or "n't" in bare
    )


def _passages(count: int) -> str:
    return "1 passage was" if count == 1 else f"{count} passages were"
