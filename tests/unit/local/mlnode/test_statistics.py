"""Counts and times of a deployment."""

from __future__ import annotations

from esrag.local.mlnode.statistics import Statistics


class Clock:
    """A clock that stands where it is put."""

    now = 1_000_000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def test_nothing_has_happened_at_first() -> None:
    """There is no average and no last access yet."""
    statistics = Statistics(Clock())
    assert statistics.average_inference_ms is None
    assert statistics.last_access_ms is None
    assert statistics.throughput_last_minute == 0


def test_the_average_shares_a_batchs_time_among_its_inputs() -> None:
    """Ten inputs in one second, then ten in three."""
    statistics = Statistics(Clock())
    statistics.executed(10, 1.0)
    statistics.executed(10, 3.0)
    assert statistics.average_inference_ms == 200


def test_cache_hits_count_as_inferences_but_take_no_time() -> None:
    """The average is that of the model."""
    statistics = Statistics(Clock())
    statistics.executed(1, 0.5)
    statistics.served_from_cache(3)
    assert (statistics.inference_count, statistics.cache_hit_count) == (4, 3)
    assert statistics.average_inference_ms == 500


def test_the_last_minute_forgets_and_the_peak_remembers() -> None:
    """A busy minute, then a quiet one."""
    clock = Clock()
    statistics = Statistics(clock)
    statistics.executed(30, 1.0)
    clock.now += 30
    statistics.executed(20, 1.0)
    assert statistics.throughput_last_minute == 50
    clock.now += 31
    assert statistics.throughput_last_minute == 20
    clock.now += 60
    assert statistics.throughput_last_minute == 0
    assert statistics.peak_per_minute == 50


def test_the_last_access_is_the_last_result() -> None:
    """In milliseconds."""
    clock = Clock()
    statistics = Statistics(clock)
    statistics.executed(1, 1.0)
    clock.now += 5
    statistics.executed(0, 0.0)
    assert statistics.last_access_ms == 1_000_000_000
