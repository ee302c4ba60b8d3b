"""The tables of the page on statistics, held against the record and the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from esrag.statistics import Change

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "statistics.md"
RECORD = ROOT / "benchmarks" / "results" / "2026-11-23-false-alarms.json"
SIZES = (6, 10, 20, 50, 100)
NAMES = {
    "yes or no": "yes or no",
    "numbers": "numbers, normal",
    "word F1": "word F1, mostly 0 or 1",
    "mostly ties": "nDCG, four of five tie",
    "seconds": "seconds, long-tailed",
    "lopsided": "lopsided, means equal",
}
INTERVALS = {"percentile": "percentile", "bca": "BCa", "ours": "esrag's"}


def percent(share: float) -> str:
    """As the page writes it."""
    return f"{100 * share:.1f}"


def rows() -> list[dict[str, Any]]:
    """All rows of the record."""
    return list(json.loads(RECORD.read_text(encoding="utf-8"))["rows"])


def of(what: str) -> dict[str, dict[int, dict[str, Any]]]:
    """Rows of a kind by population and number of questions."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows():
        if row["what"] == what:
            found.setdefault(row["population"], {})[row["questions"]] = row
    return found


def lines() -> dict[str, list[str]]:
    """The rows that the page must have, by table."""
    alike = of("alike")
    powers = of("power")
    return {
        "INTERVALS": [
            f"| {NAMES[name]} | {shown} | "
            + " | ".join(percent(by[size][kind]) for size in SIZES)
            + " |"
            for name, by in of("intervals").items()
            for kind, shown in INTERVALS.items()
        ],
        "ALIKE": [
            f"| {NAMES[name]} | " + " | ".join(percent(by[size]["test"]) for size in SIZES) + " |"
            for name, by in alike.items()
        ],
        "POWER": [
            f"| {NAMES[name]}, {by[100]['difference']:.2f}: {shown} | "
            + " | ".join(percent(by[size][key]) for size in SIZES)
            + " |"
            for name, by in powers.items()
            for key, shown in (("computed", "computed"), ("found", "found"))
        ],
        "MEAN": [
            f"| {NAMES[name]} | " + " | ".join(percent(by[size]["held"]) for size in SIZES) + " |"
            for name, by in of("mean").items()
        ],
        "GATE": [
            "| DELTA that is met | "
            + " | ".join(
                f"{-Change(0, 0, count).interval[0]:.3f}" for count in (10, 20, 40, 100, 200, 400)
            )
            + " |"
        ],
    }


@pytest.mark.parametrize("table", ["INTERVALS", "ALIKE", "POWER", "MEAN", "GATE"])
def test_each_table_shows_the_record(table: str) -> None:
    """Row by row."""
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines()[table] if line not in page] == []


def test_the_sentences_show_the_record() -> None:
    """The false alarms of all together, and of whole runs."""
    shares = [
        row["test"] for row in rows() if row["what"] == "alike" and row["population"] != "lopsided"
    ]
    families = [percent(row["any"]) for row in rows() if row["what"] == "families"]
    page = PAGE.read_text(encoding="utf-8")
    assert f"together have {percent(sum(shares) / len(shares))} %" in page
    assert f"in {families[0]} % of the runs" in page
    assert f"in {families[1]} %." in page
