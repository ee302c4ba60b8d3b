"""The figures of a comparison by type of question, and as tables."""

from __future__ import annotations

from dataclasses import asdict

from scored_replies import scored

from benchmarks.comparison_record import by_type, tables
from esrag.evaluation.comparing import compare
from esrag.evaluation.records import Measure

RIGHT = Measure("right", "Right", kind="yes/no", primary=True, when_failed=0.0)
REPLIES = {
    "base": scored("base", "right", {"a": 0.0, "b": 1.0, "c": None}),
    "tuned": scored("tuned", "right", {"a": 1.0, "b": 1.0, "c": None}),
}
TYPES = {"a": "taught", "b": "not_taught", "c": "unanswerable"}


def test_each_type_has_its_own_share() -> None:
    """A type of which no question has a value is left out."""
    found = {(each["system"], each["type"]): each for each in by_type(REPLIES, TYPES)}
    assert set(found) == {
        (system, kind) for system in ("base", "tuned") for kind in ("taught", "not_taught")
    }
    assert (found["base", "taught"]["value"], found["tuned", "taught"]["value"]) == (0.0, 1.0)
    assert found["base", "taught"]["questions"] == 1


def test_the_tables_show_every_system_type_and_pair() -> None:
    """As they stand in the docs."""
    figures = compare(REPLIES, baseline="base", measures=(RIGHT,))
    record = {
        "systems": [{"name": name} for name in REPLIES],
        "estimates": [asdict(each) for each in figures.estimates],
        "by_type": by_type(REPLIES, TYPES),
        "pairs": [asdict(each) for each in figures.pairs],
        "costs": [{"system": "base", "answer_seconds": 2.5}],
    }
    lines = list(tables(record))
    assert any(line.startswith("| base | 0.50 [") and line.endswith("| 2.5 |") for line in lines)
    assert any(line == "| right | taught, n=1 | not taught, n=1 |" for line in lines)
    assert any(line.startswith("| tuned − base | right | +0.50 [") for line in lines)
    assert not any("+0.50" in line for line in tables(record, pairs=("invented",)))
