"""The page of conformance, made from the record that a run of the tests left.

``tests/conformance`` writes ``conformance.json``; this only renders it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from esrag.local.differences import Difference, known_differences

RECORD = Path(__file__).with_name("conformance.json")


def conformance(note: str) -> str:
    """The whole page."""
    suites = json.loads(RECORD.read_text(encoding="utf-8"))["suites"] if RECORD.is_file() else []
    entries = {one.name: one for one in known_differences()}
    return "\n".join([note, "# Conformance\n", _INTRODUCTION, *_parts(suites, entries)])


_INTRODUCTION = (
    "What judges the [local stack](local-stack.md): documented requests with their answers, "
    "clients that others wrote, and the product's own classes.\n"
    "`make conformance` runs all of it; with an address it runs against any cluster, see "
    "[its readme](../tests/conformance/README.md).\n"
    "The figures below were written by runs with `--record-conformance`.\n"
    "A check that meets a known difference applies and does not count as passed.\n"
)


def _parts(suites: Sequence[Mapping[str, Any]], entries: Mapping[str, Difference]) -> list[str]:
    if not suites:
        return ["No run is recorded yet.\n"]
    compared = {
        unit: sum(suite["compared"].get(unit, 0) for suite in suites)
        for unit in sorted({unit for suite in suites for unit in suite["compared"]})
    }
    parts = ["".join(f"Compared in all: {number:,} {unit}.\n" for unit, number in compared.items())]
    parts.append("\n".join(["## Suites\n", *_table(suites)]) + "\n")
    met = sorted({name for suite in suites for name in suite["differences"]})
    if met:
        parts.append("\n".join(["## Known differences that the suites met\n", *_met(met, entries)]))
    parts.append("\n".join(["## Runs\n", *_runs(suites)]) + "\n")
    return parts


def _table(suites: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        "| suite | what it is | checks that apply | passed | known differences | failed |",
        "|---|---|---|---|---|---|",
    ]
    for suite in suites:
        met = ", ".join(
            f"[{name}](#{name}) ({number})" for name, number in suite["differences"].items()
        )
        rows.append(
            f"| {suite['name']} | {suite['what'].rstrip('.')} | {suite['apply']} "
            f"| {suite['passed']} | {met or 'none'} | {suite['failed']} |"
        )
    return rows


def _met(names: Sequence[str], entries: Mapping[str, Difference]) -> list[str]:
    lines = []
    for name in names:
        entry = entries.get(name)
        text = f"{entry.stack} {entry.reason}" if entry else "It was mended after this run."
        lines.append(f"### {name}\n\n{text}\n")
    return lines


def _runs(suites: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        "| suite | date | against | compared | with | seconds | left out |",
        "|---|---|---|---|---|---|---|",
    ]
    for suite in suites:
        servers = ", ".join(f"{name} {version}" for name, version in suite["servers"].items())
        against = f"{suite['target']} ({servers})" if servers else suite["target"]
        compared = ", ".join(f"{number:,} {unit}" for unit, number in suite["compared"].items())
        software = ", ".join(f"{name} {version}" for name, version in suite["versions"].items())
        left_out = "; ".join(f"{number}: {why}" for why, number in suite["left_out"].items())
        rows.append(
            f"| {suite['name']} | {suite['date']} | {against} | {compared} | {software} "
            f"| {suite['seconds']} | {left_out} |"
        )
    return rows
