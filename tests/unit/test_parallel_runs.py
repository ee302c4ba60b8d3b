"""How tests are dealt out to workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from parallel_runs import TESTS, deal_out


@dataclass
class Item:
    """As much of a test as is looked at."""

    path: Path
    fixturenames: tuple[str, ...] = ()
    groups: list[str] = field(default_factory=list)

    def add_marker(self, marker: Any) -> None:
        """Remember the group."""
        self.groups += marker.args


def dealt(*items: Item) -> list[Item]:
    """The items in their new order."""
    given = cast("list[pytest.Item]", list(items))
    deal_out(given)
    return cast("list[Item]", given)


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("contract/mlnode/test_life.py", ["contract/mlnode"]),
        ("contract/mlnode/test_safety.py", ["contract/mlnode"]),
        ("contract/ml/test_ml_search.py", ["test_ml_search"]),
        ("end_to_end/test_main_job.py", ["test_main_job"]),
        ("unit/test_names.py", []),
        ("docs/test_docs.py", []),
    ],
)
def test_what_shares_an_expensive_fixture_stays_together(path: str, group: list[str]) -> None:
    """A folder, a file, or nothing."""
    (item,) = dealt(Item(TESTS / path))
    assert item.groups == group


def test_there_is_one_stack_with_a_basic_licence() -> None:
    """Whoever uses it goes where it is."""
    items = dealt(
        Item(TESTS / "contract/state/test_setup.py", ("basic_stack",)),
        Item(TESTS / "conformance/faults/test_faults.py", ("stack", "basic_stack")),
    )
    assert [item.groups for item in items] == [["basic"], ["basic"]]


def test_what_takes_long_comes_first() -> None:
    """And what takes least fills the gaps in the end."""
    paths = ["unit/test_a.py", "contract/ml/test_b.py", "end_to_end/test_c.py", "docs/test_d.py"]
    order = [item.path.stem for item in dealt(*(Item(TESTS / path) for path in paths))]
    assert order == ["test_c", "test_b", "test_a", "test_d"]
