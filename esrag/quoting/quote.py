"""One quote: a unit of a passage or two neighbours, with what makes it a good one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from esrag.sentences import Unit
from esrag.types import Hit

LONGEST_PAIR = 400  # characters; two long sentences are no longer a quote
_ANAPHOR = re.compile(
    r"(?:it|its|they|them|their|this|that|these|those|both|he|she)\b"
    r"|\w+ (?:it|them|this|that|these|those)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Quote:
    """One unit of a hit, or two neighbours.

    ``found`` are the words of the question, figures and names included, that it covers;
    ``before`` and ``after`` the units beside it.
    """

    hit: Hit
    units: tuple[Unit, ...]
    score: float
    meaning: float
    found: frozenset[str]
    before: Unit | None = None
    after: Unit | None = None

    @property
    def start(self) -> int:
        """Offset of the first character in the hit's text."""
        return self.units[0].start

    @property
    def end(self) -> int:
        """Offset behind the last character in the hit's text."""
        return self.units[-1].end

    @property
    def text(self) -> str:
        """How it reads outside the passage."""
        return " ".join(unit.text for unit in self.units)

    def readable(self) -> Quote:
        """The quote with the neighbour that a pronoun in it, or behind it, speaks of.

        "Tighten them to 2.5 Nm" says nothing without the sentence before, and that sentence
        may be but half an answer without this one.
        """
        chosen = self.units
        if self.before and _ANAPHOR.match(chosen[0].text):
            chosen = (self.before, *chosen)
        if self.after and _ANAPHOR.match(self.after.text):
            chosen = (*chosen, self.after)
        if chosen[-1].end - chosen[0].start > LONGEST_PAIR:
            return self
        return replace(self, units=chosen)

    def overlaps(self, other: Quote) -> bool:
        """Whether both quote some of the same words, in the same place or copied elsewhere."""
        if self.hit.id == other.hit.id and self.start < other.end and other.start < self.end:
            return True
        return self.text in other.text or other.text in self.text
