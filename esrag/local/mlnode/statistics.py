"""Counts and times of one deployment, as its statistics show them.

Everything counts inputs, not HTTP requests, as the real server does.  The clock is handed in,
so that a test decides what a minute is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 60


class Statistics:
    """What happened so far; the owner holds a lock around every call."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.inference_count = 0
        self.error_count = 0
        self.rejected_count = 0
        self.timeout_count = 0
        self.cache_hit_count = 0
        self.peak_per_minute = 0
        self._executed = 0
        self.executed_seconds = 0.0
        self._last_access: float | None = None
        self._seconds: deque[tuple[int, int]] = deque()
        self._in_window = 0

    def executed(self, inputs: int, seconds: float) -> None:
        """A batch gave this many results in this time."""
        self._executed += inputs
        self.executed_seconds += seconds
        self._count(inputs)

    def served_from_cache(self, inputs: int) -> None:
        """This many results were known already."""
        self.cache_hit_count += inputs
        self._count(inputs)

    @property
    def average_inference_ms(self) -> float | None:
        """Time in the model for one input, shared fairly within a batch; None before the first."""
        if self._executed == 0:
            return None
        return self.executed_seconds / self._executed * 1000

    @property
    def last_access_ms(self) -> int | None:
        """When the last result was given."""
        return None if self._last_access is None else int(self._last_access * 1000)

    @property
    def throughput_last_minute(self) -> int:
        """Results of the last sixty seconds."""
        self._forget_old()
        return self._in_window

    def _count(self, inputs: int) -> None:
        if inputs == 0:
            return
        self.inference_count += inputs
        self._last_access = self._clock()
        second = int(self._last_access)
        if self._seconds and self._seconds[-1][0] == second:
            inputs_before = self._seconds.pop()[1]
        else:
            inputs_before = 0
        self._seconds.append((second, inputs_before + inputs))
        self._in_window += inputs
        self._forget_old()
        self.peak_per_minute = max(self.peak_per_minute, self._in_window)

    def _forget_old(self) -> None:
        oldest = int(self._clock()) - WINDOW_SECONDS
        while self._seconds and self._seconds[0][0] <= oldest:
            self._in_window -= self._seconds.popleft()[1]
