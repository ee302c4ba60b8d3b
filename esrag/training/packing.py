"""Which rows go into which step, and which of them share a pass through the model.  No torch.

A step of the optimizer has a fixed number of rows, whatever their lengths: packing changes how
fast a step is, never what it computes.  Order and packs follow from the seed alone, so that a run
that goes on after a break meets the rows that it would have met.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One example as tokens; those from ``answer_start`` on are what it teaches.

    ``answer_start`` is at least 1, because the first token follows nothing.
    """

    key: str
    kind: str
    tokens: tuple[int, ...]
    answer_start: int

    @property
    def answer_tokens(self) -> int:
        """How many tokens carry loss."""
        return len(self.tokens) - self.answer_start


class Order:
    """The rows of every step: each epoch is a shuffle of its own, cut into batches.

    An epoch's last batch has what is left.
    """

    def __init__(self, rows: int, *, batch: int, seed: int) -> None:
        self._rows, self._batch, self._seed = rows, batch, seed
        self.steps_per_epoch = max(1, math.ceil(rows / batch))
        self._epoch = -1
        self._shuffled: list[int] = []

    def batch(self, step: int) -> list[int]:
        """The numbers of the rows of ``step``, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._shuffled = list(range(self._rows))
            # a text as seed is hashed the same way on every machine and version
            random.Random(f"{self._seed}/{epoch}").shuffle(self._shuffled)  # noqa: S311
            self._epoch = epoch
        start = place * self._batch
        return self._shuffled[start : start + self._batch]


def packed(lengths: Sequence[int], *, capacity: int) -> list[list[int]]:
    """Numbers of rows in packs of at most ``capacity`` tokens: best fit, longest first.

    What alone is longer than the capacity has a pack of its own.  Best fit decreasing needs at
    most 11/9 of the fewest packs possible, plus one (Johnson 1973); with rows much shorter than
    the capacity it is nearly always the fewest.
    """
    packs: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, number of the pack), sorted
    for number in sorted(range(len(lengths)), key=lambda each: (-lengths[each], each)):
        place = bisect_left(room, (lengths[number], -1))
        if place == len(room):
            packs.append([number])
            free, pack = capacity - lengths[number], len(packs) - 1
        else:
            before, pack = room.pop(place)
            packs[pack].append(number)
            free = before - lengths[number]
        insort(room, (free, pack))
    return packs


def shares(lengths: Sequence[int], *, processes: int) -> list[list[int]]:
    """Numbers of rows for each process, of about equally many tokens; some may get none."""
    parts: list[list[int]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for number in sorted(range(len(lengths)), key=lambda each: (-lengths[each], each)):
        least = min(range(processes), key=lambda each: (loads[each], each))
        parts[least].append(number)
        loads[least] += lengths[number]
    return parts
