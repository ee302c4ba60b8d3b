"""What the stack writes down, and what it makes of damaged files."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from esrag.errors import EsragError
from esrag.local import records
from esrag.local.layout import Layout
from esrag.local.process import ProcessId
from esrag.local.records import Member


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A stack in a temporary folder."""
    return Layout(tmp_path / "local")


MEMBER = Member("tgi", "http://127.0.0.1:1", 1, 2.0, {"server": ProcessId(3, "boot:4")})


def test_the_state_is_read_back_as_written(layout: Layout) -> None:
    """Members, their processes and ports survive."""
    state = records.new_state().with_member(MEMBER)
    records.save_state(layout, state)
    assert records.load_state(layout) == state


def test_the_tier_is_kept(layout: Layout) -> None:
    """A later start without the option has the same."""
    records.save_state(layout, replace(records.new_state(), tier="basic"))
    found = records.load_state(layout)
    assert found
    assert found.tier == "basic"


def test_a_stack_of_before_there_were_tiers_is_enterprise(layout: Layout) -> None:
    """Its record does not say."""
    records.save_state(layout, records.new_state())
    written = json.loads(layout.state_file.read_text())
    del written["tier"]
    layout.state_file.write_text(json.dumps(written))
    found = records.load_state(layout)
    assert found
    assert found.tier == "enterprise"


def test_a_removed_member_leaves_its_port(layout: Layout) -> None:
    """The next start gets the same address."""
    state = records.new_state().with_member(MEMBER).without("tgi")
    assert (state.members, state.ports) == ({}, {"tgi": 1})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"members": 3}', '{"members": {"tgi": {}}}'])
def test_a_damaged_state_counts_as_none(layout: Layout, content: str) -> None:
    """Processes are found by their mark then."""
    layout.root.mkdir()
    layout.state_file.write_text(content)
    assert records.load_state(layout) is None


def test_the_password_is_made_once(layout: Layout) -> None:
    """The cluster's data depends on it."""
    first = records.password(layout, create=True)
    assert len(first) >= 20
    assert records.password(layout, create=True) == first


def test_secrets_are_for_their_owner_only(layout: Layout) -> None:
    """Mode 0600 from the first moment."""
    records.password(layout, create=True)
    assert stat.S_IMODE(layout.secrets_file.stat().st_mode) == 0o600


def test_a_damaged_password_is_an_error(layout: Layout) -> None:
    """A new one would not open the old data."""
    layout.root.mkdir()
    layout.secrets_file.write_text("{")
    with pytest.raises(EsragError, match="cannot be read"):
        records.password(layout, create=True)
