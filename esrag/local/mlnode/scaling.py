"""Adaptive allocations: how many a deployment should have for the load it has had.

    seconds in the model / seconds that passed  =  load: how many allocations were busy

The rule is the server's: more while the load would fill more than nine tenths of them, fewer
while one fewer would still be filled less than 85 hundredths.  The clock is handed in.  Nobody
is scaled to zero, because here an idle allocation costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from esrag.local.mlnode.problems import Problem

SCALE_UP_ABOVE = 0.9
SCALE_DOWN_BELOW = 0.85
SHARE_OF_LATEST = 0.5  # of the latest measurement in the load; the rest is the past
MOST_ALLOCATIONS = 32


@dataclass(frozen=True, slots=True)
class AdaptiveAllocations:
    """What was asked for; a limit that is None is left to the stack."""

    enabled: bool
    min_number_of_allocations: int | None = None
    max_number_of_allocations: int | None = None

    def bound(self, allocations: int) -> int:
        """The nearest number that is allowed."""
        lowest = max(self.min_number_of_allocations or 1, 1)
        highest = self.max_number_of_allocations or MOST_ALLOCATIONS
        return max(lowest, min(allocations, highest, MOST_ALLOCATIONS))

    def describe(self) -> dict[str, Any]:
        """As it was asked for."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Scaler:
    """Follows the load of one deployment."""

    def __init__(self) -> None:
        self._load: float | None = None
        self._last: tuple[float, float] | None = None

    def decide(
        self, allocations: int, limits: AdaptiveAllocations, *, busy_seconds: float, now: float
    ) -> int:
        """How many allocations there should be, given all seconds in the model up to now."""
        last, self._last = self._last, (busy_seconds, now)
        if last is None or now <= last[1]:
            return limits.bound(allocations)
        measured = max(busy_seconds - last[0], 0.0) / (now - last[1])
        past = measured if self._load is None else self._load
        load = self._load = past + SHARE_OF_LATEST * (measured - past)
        wanted = max(allocations, 1)
        while load / wanted > SCALE_UP_ABOVE:
            wanted += 1
        while wanted > 1 and load / (wanted - 1) < SCALE_DOWN_BELOW:
            wanted -= 1
        return limits.bound(wanted)


def read_adaptive(
    value: object, before: AdaptiveAllocations | None = None
) -> AdaptiveAllocations | None:
    """What a request asks for, on top of what was asked for before."""
    if value is None:
        return before
    if not isinstance(value, Mapping):
        raise Problem("bad_request", "[adaptive_allocations] must be an object")
    enabled = value.get("enabled")
    if enabled is None:
        enabled = before is None or before.enabled
    if not isinstance(enabled, bool):
        raise Problem("bad_request", "[enabled] must be true or false")
    lowest = _limit(value, "min_number_of_allocations", before)
    highest = _limit(value, "max_number_of_allocations", before)
    if lowest is not None and highest is not None and lowest > highest:
        raise Problem(
            "bad_request",
            "[min_number_of_allocations] must not be larger than [max_number_of_allocations]",
        )
    return AdaptiveAllocations(enabled, lowest, highest)


def _limit(value: Mapping[str, Any], name: str, before: AdaptiveAllocations | None) -> int | None:
    limit = value.get(name)
    if limit is None:
        return None if before is None else getattr(before, name)
    least = 0 if name.startswith("min") else 1
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < least:
        raise Problem(
            "bad_request",
            f"[{name}] must be a {'non-negative' if least == 0 else 'positive'} integer",
        )
    return limit
