"""Every promise of the page on reliability names a test, and the test exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(r"^\|(.*)\|$", re.MULTILINE)
_NAME = re.compile(r"`(test_\w+)`")


def promises() -> list[str]:
    """The last cell of every row that has a test."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    tables = page.partition("## What goes wrong")[2].partition("## Long tests")[0]
    rows = [re.split(r"(?<!\\)\|", row)[-1].strip() for row in _ROW.findall(tables)]
    return [cell for cell in rows if cell != "test" and not set(cell) <= set("-")]


def test_every_promise_has_its_test() -> None:
    """A row without a test, or with one that was renamed, is found here."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    tests = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.M)}
    cells = promises()
    assert len(cells) > 40
    assert [cell for cell in cells if not _NAME.search(cell)] == []
    named = {name for cell in cells for name in _NAME.findall(cell)}
    assert sorted(named - tests) == []
