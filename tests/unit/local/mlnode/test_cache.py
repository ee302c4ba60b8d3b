"""Results of earlier inputs."""

from __future__ import annotations

import numpy as np
import pytest

from esrag.local.mlnode.cache import ResultCache, parse_size
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.request import InputResult


def result(value: float) -> InputResult:
    """A vector of one kilobyte."""
    return InputResult({"values": np.full(256, value, dtype=np.float32)})


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("0b", 0), ("17", 17), ("10kb", 10240), ("1.5MB", 1572864), (" 2 gb ", 2 << 30)],
)
def test_sizes_are_read_as_the_server_reads_them(text: str, size: int) -> None:
    """Units of 1024, in any case."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "b", "-1b", "10 apples", "1e3"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    """With the text in the reason."""
    with pytest.raises(Problem, match="failed to parse"):
        parse_size(text)


def test_the_same_text_under_other_settings_is_another_entry() -> None:
    """Settings are part of the key."""
    cache = ResultCache(100_000)
    cache.put("x", "lower", result(1))
    assert cache.get("x", "upper") is None
    assert cache.get("x", "lower") is not None


def test_the_least_recently_used_goes_first() -> None:
    """There is room for two of these."""
    cache = ResultCache(3000)
    cache.put("a", 0, result(1))
    cache.put("b", 0, result(2))
    cache.get("a", 0)
    cache.put("c", 0, result(3))
    assert cache.get("b", 0) is None
    assert cache.get("a", 0) is not None


def test_what_does_not_fit_is_not_kept() -> None:
    """And displaces nothing."""
    cache = ResultCache(1600)
    cache.put("a", 0, result(1))
    cache.put("b" * 5000, 0, result(2))
    assert cache.get("a", 0) is not None


def test_a_cache_of_no_size_is_off() -> None:
    """cache_size 0b."""
    assert not ResultCache(0).enabled


def test_an_entry_does_not_keep_its_whole_batch_alive() -> None:
    """The row is copied out of the batch's memory."""
    batch = np.zeros((100, 4), dtype=np.float32)
    cache = ResultCache(10_000)
    cache.put("a", 0, InputResult({"values": batch[3]}))
    kept = cache.get("a", 0)
    assert kept is not None
    assert kept.body is not None
    assert kept.body["values"].base is None


def test_a_cleared_cache_knows_nothing() -> None:
    """And has room again."""
    cache = ResultCache(1600)
    cache.put("a", 0, result(1))
    cache.clear()
    assert cache.get("a", 0) is None
    cache.put("b", 0, result(2))
    assert cache.get("b", 0) is not None
