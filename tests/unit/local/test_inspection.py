"""The status of members that do not run; running ones are the contract tests' matter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esrag.local import inspection, records
from esrag.local.layout import MEMBERS, Layout
from esrag.local.process import ProcessId
from esrag.local.records import Member


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A stack in a temporary folder."""
    return Layout(tmp_path / "local")


def test_a_stack_that_never_ran_is_stopped(layout: Layout) -> None:
    """Looking creates nothing."""
    found = inspection.inspect(layout)
    assert [(one.name, one.condition) for one in found] == [(name, "stopped") for name in MEMBERS]
    assert not layout.root.exists()


def test_a_member_whose_process_is_gone_is_dead(layout: Layout) -> None:
    """The detail names the process, so that a log can be searched for it."""
    gone = {"launcher": ProcessId(os.getpid(), "another start")}
    member = Member("elasticsearch", "http://127.0.0.1:1", 1, 2.0, gone)
    records.save_state(layout, records.new_state().with_member(member))
    found = inspection.inspect(layout)[0]
    assert (found.condition, found.detail) == ("dead", f"process gone: launcher {os.getpid()}")
