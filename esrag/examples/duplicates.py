"""Finds rows that are nearly equal: MinHash over word triples, with bands to look for candidates.

Two rows are near duplicates when the Jaccard similarity of their triples is at least ``LIKE`` and
their figures are the same: two questions that differ in a version only are two questions.
MinHash and banding after Broder (1997) and Leskovec, Rajaraman and Ullman, Mining of Massive
Datasets, ch. 3; with 8 bands of 4 a pair at 0.85 is found with probability 0.997.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence

from esrag.terms import terms

LIKE = 0.85
_BANDS, _ROWS = 8, 4
_PRIME = (1 << 61) - 1
_WORD = re.compile(r"\w+(?:[.,:/-]\w+)*")
_chance = random.Random(61)  # noqa: S311 - any fixed numbers do, as long as they stay
_FUNCTIONS = tuple(
    (_chance.randrange(1, _PRIME), _chance.randrange(_PRIME)) for _ in range(_BANDS * _ROWS)
)


def shingles(text: str) -> frozenset[int]:
    """The word triples of a text, as numbers; a short text is one."""
    words = _WORD.findall(text.casefold())
    triples = (words[start : start + 3] for start in range(max(1, len(words) - 2)))
    return frozenset(_number(" ".join(triple)) for triple in triples)


def bands(found: frozenset[int], *, apart: str) -> tuple[int, ...]:
    """One number for each band; near duplicates have at least one in common, nearly always.

    What differs in ``apart`` has none in common.
    """
    least = [min((a * one + b) % _PRIME for one in found) for a, b in _FUNCTIONS]
    return tuple(
        _number(f"{band} {apart} {least[band * _ROWS : (band + 1) * _ROWS]}")
        for band in range(_BANDS)
    )


def similarity(one: frozenset[int], other: frozenset[int]) -> float:
    """Jaccard: what both have over what either has."""
    return len(one & other) / len(one | other)


def figures(text: str) -> str:
    """What must be equal in near duplicates."""
    return " ".join(sorted(terms(text).figures))


def question_key(question: str) -> str:
    """Equal for questions of the same content: the same stems and figures, in whatever order."""
    found = terms(question)
    return " ".join(sorted(found.words | found.figures)) or question.casefold()


def answers_key(accepted: Sequence[Sequence[str]], answer: str) -> str:
    """Equal for answers that say the same figures, or where there are none, the same words."""
    text = " ".join(forms[0] for forms in accepted if forms) or answer
    found = terms(text)
    return " ".join(sorted(found.figures or found.words)) or text.casefold()


def _number(text: str) -> int:
    # below 2**61, so that a product stays exact and SQLite can keep it
    return (
        int.from_bytes(
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
        )
        >> 3
    )
