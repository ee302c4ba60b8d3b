"""The sequences that wait for a deployment, and which of them go into the next batch.

    requests ─► pending ─┬─ small requests (a question) : their own, short batches
                         └─ everything else             : sorted by length, full batches

A full batch always holds the input that has waited longest, and beside it its nearest
neighbours in length, so that little padding is executed and nobody waits for ever.  When both
kinds wait they take turns: a question waits for the batch that is running, not for the ingest
behind it, and a flood of questions cannot stop an ingest.

There are no threads here; ``deployment`` holds a lock around every call.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.request import WaitingSequence

SMALL_REQUEST_INPUTS = 4
SMALL_REQUEST_TOKENS = 64
SMALL_BATCH_TOKENS = 256
# Lengths in a batch differ by at most this share, or by a few tokens: two small batches cost no
# more than a large one (measured), while padding costs what real tokens cost.
PADDING_SHARE = 0.08
PADDING_TOKENS = 6


@dataclass(slots=True)
class _Lane:
    """Waiting inputs by length and by arrival; both views hold the same inputs."""

    by_length: list[tuple[int, int]] = field(default_factory=list)
    by_arrival: dict[int, WaitingSequence] = field(default_factory=dict)

    def add(self, item: WaitingSequence) -> None:
        insort(self.by_length, (item.length, item.arrival))
        self.by_arrival[item.arrival] = item

    def take(self, low: int, high: int) -> list[WaitingSequence]:
        keys = self.by_length[low:high]
        del self.by_length[low:high]
        return [self.by_arrival.pop(arrival) for _, arrival in keys]

    def remove(self, item: WaitingSequence) -> bool:
        if self.by_arrival.pop(item.arrival, None) is None:
            return False
        del self.by_length[bisect_left(self.by_length, (item.length, item.arrival))]
        return True


class WaitingSequences:
    """A bounded pool of waiting sequences that hands out batches; the bound counts inputs."""

    def __init__(self, *, capacity: int, token_budget: int) -> None:
        self._capacity = capacity
        self._token_budget = token_budget
        self._small = _Lane()
        self._large = _Lane()
        self._small_had_its_turn = False
        self._arrivals = 0
        self._inputs = 0

    def __len__(self) -> int:
        return self._inputs

    @property
    def empty(self) -> bool:
        """Whether nothing waits at all."""
        return not self._small.by_arrival and not self._large.by_arrival

    def require_room(self, inputs: int) -> None:
        """Refuse with queue_full when this many more inputs would not fit."""
        if len(self) + inputs > self._capacity:
            raise Problem(
                "queue_full",
                f"inference process queue is full: {len(self)} inputs wait, {inputs} more would "
                f"exceed the queue capacity [{self._capacity}]",
            )

    def add(self, items: Sequence[WaitingSequence]) -> None:
        """Let all inputs of a request wait, or refuse all of them."""
        inputs = sum(item.counts for item in items)
        self.require_room(inputs)
        self._inputs += inputs
        small = (
            len(items) <= SMALL_REQUEST_INPUTS
            and sum(item.length for item in items) <= SMALL_REQUEST_TOKENS
        )
        for item in items:
            item.small = small
            item.arrival = self._arrivals
            self._arrivals += 1
            self._lane_of(item).add(item)

    def remove(self, items: Sequence[WaitingSequence]) -> int:
        """Drop those of the sequences that still wait; returns how many there were."""
        removed = [item for item in items if self._lane_of(item).remove(item)]
        self._inputs -= sum(item.counts for item in removed)
        return len(removed)

    def take_all(self) -> list[WaitingSequence]:
        """Everything that waits, oldest first; nothing waits afterwards."""
        items = [*self._small.by_arrival.values(), *self._large.by_arrival.values()]
        self._small, self._large = _Lane(), _Lane()
        self._inputs = 0
        return sorted(items, key=lambda item: item.arrival)

    def take_batch(self) -> list[WaitingSequence]:
        """The sequences to execute next, empty when none wait."""
        batch = self._take_batch()
        self._inputs -= sum(item.counts for item in batch)
        return batch

    def _take_batch(self) -> list[WaitingSequence]:
        both = bool(self._small.by_arrival) and bool(self._large.by_arrival)
        turn_of_small = bool(self._small.by_arrival) and not (both and self._small_had_its_turn)
        self._small_had_its_turn = both and turn_of_small
        if turn_of_small:
            return self._take_around_oldest(self._small, SMALL_BATCH_TOKENS)
        if self._large.by_arrival:
            return self._take_around_oldest(self._large, self._token_budget)
        return []

    def _lane_of(self, item: WaitingSequence) -> _Lane:
        return self._small if item.small else self._large

    @staticmethod
    def _take_around_oldest(lane: _Lane, budget: int) -> list[WaitingSequence]:
        lengths = lane.by_length
        oldest = next(iter(lane.by_arrival.values()))
        low = bisect_left(lengths, (oldest.length, oldest.arrival))
        high = low + 1
        while True:
            longest, rows = lengths[high - 1][0], high - low
            shorter = lengths[low - 1][0] if low > 0 else None
            longer = lengths[high][0] if high < len(lengths) else None
            if shorter is not None and not _worth_padding(shorter, longest, rows, budget):
                shorter = None
            if longer is not None and not _worth_padding(lengths[low][0], longer, rows, budget):
                longer = None
            if shorter is None and longer is None:
                return lane.take(low, high)
            if longer is None or (
                shorter is not None and lengths[low][0] - shorter <= longer - longest
            ):
                low -= 1
            else:
                high += 1


def _worth_padding(shortest: int, longest: int, rows: int, budget: int) -> bool:
    """Whether one more row fits the budget and little of the batch would be padding."""
    waste = longest - shortest
    return (rows + 1) * longest <= budget and (
        waste <= PADDING_TOKENS or waste <= PADDING_SHARE * longest
    )
