"""How an ingest tells its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.cli.ingest_report import in_order, require_writable, tell_rules, write_report
from esrag.errors import UnavailableError, UsageError


def test_a_report_replaces_the_one_before(tmp_path: Path) -> None:
    """Whole, and nothing is left beside it."""
    path = tmp_path / "report.json"
    path.write_text("old")
    write_report({"counts": {"listed": 1}}, path)
    assert '"listed": 1' in path.read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Before the work as wrong usage, after it as what it is."""
    with pytest.raises(UsageError, match="--report"):
        require_writable(tmp_path / "nowhere" / "report.json")
    with pytest.raises(UsageError, match="--report"):
        require_writable(tmp_path)
    with pytest.raises(UnavailableError, match="report"):
        write_report({}, tmp_path / "nowhere" / "report.json")


def test_counts_are_in_a_stable_order() -> None:
    """Most first, then by name."""
    assert list(in_order({"b": 1, "a": 1, "c": 5})) == ["c", "a", "b"]


def test_many_rules_are_not_all_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is counted."""
    tell_rules({f"unknown type .{number:02}": 1 for number in range(20)})
    talk = capsys.readouterr().err
    assert talk.count("\n") == 13
    assert "8 more rules" in talk
