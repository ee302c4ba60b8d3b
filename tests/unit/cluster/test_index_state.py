"""The state of an index is read from one search, and never from half of it."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.cluster.index_state import read_state, state_body
from esrag.errors import UnavailableError


def answer(buckets: Any, *, failed: int = 0) -> dict[str, Any]:
    """An answer to the search."""
    shards = {"total": 2, "successful": 2 - failed, "failed": failed}
    return {
        "_shards": shards,
        "timed_out": False,
        "aggregations": {"indices": {"buckets": buckets}},
    }


def bucket(name: str, count: int, newest: float, total: float) -> dict[str, Any]:
    """One index behind the alias."""
    return {"key": name, "doc_count": count, "numbers": {"max": newest, "sum": total}}


def test_the_state_names_each_index_with_its_counts() -> None:
    """A sum that no float would print whole is printed whole."""
    found = read_state(answer([bucket("docs-1", 3, 9.0, 1.2345678901e13)]))
    assert found == "docs-1: 3 chunks, newest 9, sum 12345678901000"


def test_an_empty_index_has_a_state() -> None:
    """Nothing is something."""
    assert read_state(answer([])) == "no chunks"


def test_the_search_returns_no_documents() -> None:
    """One search, whatever the size of the index."""
    assert state_body()["size"] == 0


def test_a_shard_that_does_not_answer_gives_no_state() -> None:
    """Half of an index would look like a change."""
    with pytest.raises(UnavailableError):
        read_state(answer([bucket("docs-1", 3, 9, 12)], failed=1))


@pytest.mark.parametrize("buckets", [[{}], None, [{"key": "a", "doc_count": 1, "numbers": {}}]])
def test_another_answer_is_told(buckets: Any) -> None:
    """A proxy in between, for example."""
    with pytest.raises(UnavailableError, match="not a search answer"):
        read_state(answer(buckets))
