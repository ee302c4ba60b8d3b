"""How tests are dealt out to workers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from parallel_runs import TESTS, put_slow_first, unit_of_work

ROOT = TESTS.parent


@dataclass
class Item:
    """As much of a test as is looked at."""

    path: Path


@pytest.mark.parametrize(
    ("file", "unit"),
    [
        ("tests/contract/mlnode/test_life.py", "contract/mlnode"),
        ("tests/contract/mlnode/test_safety.py", "contract/mlnode"),
        ("tests/contract/ml/test_ml_search.py", "tests/contract/ml/test_ml_search.py"),
        ("tests/contract/stack/test_stack_tiers.py", "basic"),
        ("tests/conformance/faults/test_conformance_faults.py", "basic"),
        ("tests/unit/test_names.py", "tests/unit/test_names.py"),
    ],
)
def test_what_shares_an_expensive_fixture_stays_together(file: str, unit: str) -> None:
    """A file, a folder, or whatever needs the stack with a Basic licence."""
    assert unit_of_work(file, ROOT) == unit


def test_what_takes_long_comes_first() -> None:
    """And what takes least fills the gaps in the end."""
    paths = ["unit/test_a.py", "contract/ml/test_b.py", "end_to_end/test_c.py", "docs/test_d.py"]
    items = cast("list[pytest.Item]", [Item(TESTS / path) for path in paths])
    put_slow_first(items)
    assert [item.path.stem for item in items] == ["test_c", "test_b", "test_a", "test_d"]
