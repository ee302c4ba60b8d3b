"""Keeps what says something new: texts that are too like one that was admitted before are refused.

Likeness is the F1 of ROUGE-L over words (Lin 2004), and the limit of 0.7 that of Self-Instruct
(Wang et al. 2022, https://arxiv.org/abs/2212.10560, section 2.2), which keeps an instruction when
it is below 0.7 with all others.  Words are those of ``esrag.terms``, so that a version or date is
one word and texts in any script count.  Pure; what the texts are for, it does not know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from esrag.terms import written_words

SELF_INSTRUCT_LIMIT = 0.7


@dataclass(frozen=True, slots=True)
class Likeness:
    """The text that is most alike, and how much, in [0, 1]."""

    score: float
    text: str


class Novelty:
    """What was admitted so far; a text is admitted when all of it are less like it than ``limit``.

    The time of one look grows with what was admitted: 10,000 questions take some seconds each
    thousand, since most pairs are settled by their common words alone.
    """

    def __init__(self, limit: float = SELF_INSTRUCT_LIMIT) -> None:
        self._limit = limit
        self._admitted: list[tuple[str, Counter[str], tuple[str, ...]]] = []

    def __len__(self) -> int:
        return len(self._admitted)

    def admit(self, text: str) -> Likeness | None:
        """Admit ``text`` and return None, or return what it is too like."""
        words = written_words(text)
        near = self._near(words)
        if near is None:
            self._admitted.append((text, Counter(words), words))
        return near

    def _near(self, words: Sequence[str]) -> Likeness | None:
        """The first admitted text that is at the limit or above it."""
        counts = Counter(words)
        for text, others, row in self._admitted:
            both = len(words) + len(row)
            # no common sequence is longer than the words in common
            if both and 2 * sum((counts & others).values()) / both < self._limit:
                continue
            score = rouge_l(words, row)
            if score >= self._limit:
                return Likeness(score, text)
        return None


def rouge_l(words: Sequence[str], others: Sequence[str]) -> float:
    """F1 of the longest common subsequence of two rows of words; 0 when one of them is empty."""
    if not words or not others:
        return 0.0
    return 2 * common_length(words, others) / (len(words) + len(others))


def common_length(words: Sequence[str], others: Sequence[str]) -> int:
    """The length of the longest common subsequence.

    Bit-parallel (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"): a zero in ``row``
    stands where the longest common subsequence grows.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << place
    whole = (1 << len(words)) - 1
    row = whole
    for word in others:
        matched = row & places.get(word, 0)
        row = ((row + matched) | (row - matched)) & whole
    return len(words) - row.bit_count()
