"""Which pairs make up each step: drawn from the seed and the epoch alone, so that a run that was
cut off goes on with the very same steps.

In a batch every passage is a negative for the questions of all others; so two pairs whose
documents answer the same question never stand in one.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from esrag.retriever_tuning.negatives import Pair

_LOOKED_AT = 256  # pairs tried for a place before a batch stays smaller


@dataclass(frozen=True, slots=True)
class Batch:
    """The pairs of a step with the rows of their hard negatives, as many for each."""

    pairs: tuple[Pair, ...]
    negatives: tuple[tuple[int, ...], ...]


def batches_of(
    pairs: Sequence[Pair],
    documents: Sequence[str],
    *,
    size: int,
    negatives: int,
    seed: int,
    epoch: int,
) -> tuple[Batch, ...]:
    """The batches of one epoch; every pair stands in one, except alone in a last one.

    ``documents`` names the document of each row.
    """
    random = chance(seed, "batches", epoch)
    order = deque(random.sample(range(len(pairs)), len(pairs)))
    found: list[Batch] = []
    while order:
        chosen = [pairs[number] for number in _compatible(order, pairs, documents, size)]
        if len(chosen) > 1:
            found.append(
                Batch(tuple(chosen), tuple(pair.negatives(negatives, random) for pair in chosen))
            )
    return tuple(found)


def chance(seed: int, *words: object) -> Random:
    """A generator that seed and words decide."""
    text = "\0".join(map(str, (seed, *words)))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - no secret is made of it


def _compatible(
    order: deque[int], pairs: Sequence[Pair], documents: Sequence[str], size: int
) -> list[int]:
    """Take pairs from the front; those that clash keep their turn for the next batch."""
    chosen: list[int] = []
    answering: set[str] = set()  # documents that answer a question of the batch
    shown: set[str] = set()  # documents of its positives
    passed: list[int] = []
    while order and len(chosen) < size and len(passed) < _LOOKED_AT:
        number = order.popleft()
        pair = pairs[number]
        document = documents[pair.positive]
        if document in answering or shown & set(pair.question.grades):
            passed.append(number)
            continue
        chosen.append(number)
        shown.add(document)
        answering.update(pair.question.grades)
    order.extendleft(reversed(passed))
    return chosen
