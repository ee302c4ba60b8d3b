"""Actions that wait to be sent, and how they are put together into deliveries.

A new document's chunks may be spread over deliveries.  A document that replaces an older version
travels whole: first the deletes of all old positions, then the new chunks, so that no search ever
sees chunks of both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from esrag.cluster.bulk import Action

MAX_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one delivery carries; ``ordered`` when its parts must arrive one after the other."""

    actions: tuple[Action, ...]
    ordered: bool


class Outbox:
    """First in, first out."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[tuple[Action, ...], bool]] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, actions: Sequence[Action], *, whole: bool = False) -> None:
        """Add the actions of one document."""
        if actions:
            self._waiting.append((tuple(actions), whole))
            self._count += len(actions)

    def take(self, *, size: int, max_bytes: int = MAX_BYTES) -> Parcel:
        """Remove and return what one delivery shall carry; more than ``size`` only to be whole."""
        taken: list[Action] = []
        bytes_taken = 0
        ordered = False
        while self._waiting:
            actions, whole = self._waiting[0]
            room = _fitting(actions, size - len(taken), max_bytes - bytes_taken)
            if whole and room < len(actions):
                if taken:
                    break
                room = len(actions)
            if room == 0 and taken:
                break
            room = max(room, 1)
            taken += actions[:room]
            bytes_taken += sum(action.size for action in actions[:room])
            ordered = ordered or whole
            if room < len(actions):
                self._waiting[0] = (actions[room:], False)
                break
            self._waiting.popleft()
        self._count -= len(taken)
        return Parcel(tuple(taken), ordered)


def _fitting(actions: Sequence[Action], count: int, max_bytes: int) -> int:
    """How many of the first actions fit."""
    for number, action in enumerate(actions[: max(count, 0)]):
        max_bytes -= action.size
        if max_bytes < 0:
            return number
    return max(0, min(count, len(actions)))
