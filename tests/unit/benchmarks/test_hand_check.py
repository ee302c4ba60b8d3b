"""A hand check draws evenly and blindly, and a report shows the stored verdicts and no others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from comparing_desk import Place, compared

from benchmarks.hand_check import (
    drawn_from,
    figures_of,
    scored_of,
    sheet_of,
    strata_of,
    unlike_the_report,
)
from esrag.evaluation.records import Reply, Scored, Span
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_scored, write_scored


def run_in(folder: Path) -> RunFolder:
    """A whole comparison, made by hand."""
    compared(folder, Place())
    return RunFolder(folder)


def test_every_coloured_stretch_of_a_report_is_a_stored_verdict(tmp_path: Path) -> None:
    """The page and scored/ say the same of the same words, with the same reason."""
    run = run_in(tmp_path / "r")
    kinds = {span.kind for of in scored_of(run).values() for each in of for span in each.spans}
    assert {"supported", "contradicted"} <= kinds
    assert unlike_the_report(run) == []


@pytest.mark.parametrize(
    "change", [{"kind": "supported"}, {"why": "because"}, {"evidence": ()}, {"start": 3}]
)
def test_a_verdict_that_the_report_does_not_show_is_found(
    tmp_path: Path, change: dict[str, object]
) -> None:
    """Whatever of a stored verdict differs from the page."""
    run = run_in(tmp_path / "r")
    scored = list(read_scored(run, "closed-book"))
    place = next(n for n, each in enumerate(scored) if each.spans[0].kind == "contradicted")
    span = replace(scored[place].spans[0], **change)  # type: ignore[arg-type]
    scored[place] = replace(scored[place], spans=(span,))
    write_scored(run, "closed-book", scored)
    assert unlike_the_report(run)


def test_a_verdict_without_a_ground_is_found(tmp_path: Path) -> None:
    """A coloured stretch has a reason, a contradicted one words that contradict it."""
    run = run_in(tmp_path / "r")
    scored = list(read_scored(run, "rag"))
    scored[0] = replace(scored[0], spans=tuple(replace(s, why="") for s in scored[0].spans))
    write_scored(run, "rag", scored)
    assert any("without a ground" in line for line in unlike_the_report(run))


def test_stretches_are_drawn_evenly_and_each_once() -> None:
    """Small strata are taken whole; what two systems say of a question is drawn once."""
    scored = {
        name: [
            Scored(
                Reply(f"q{n}", name, "answered", f"{name} {n}." if n else "Same."),
                (Span(0, 9, "supported" if n < few else "unsupported", "verifier"),),
            )
            for n in range(20)
        ]
        for name, few in (("base", 3), ("tuned", 10))
    }
    strata = strata_of(scored, frozenset({"q19"}))
    chosen = drawn_from(strata, 20, 7)
    assert chosen == drawn_from(strata, 20, 7)
    assert chosen != drawn_from(strata, 20, 8)
    assert len(chosen) == 20
    assert "q19" not in {reply.question_id for reply, _ in chosen}
    assert sum(reply.question_id == "q0" for reply, _ in chosen) == 1
    base_blue = [r for r, s in chosen if r.system == "base" and s.kind == "supported"]
    assert len(base_blue) >= 2


def test_a_sheet_tells_neither_verdict_nor_reason(tmp_path: Path) -> None:
    """Who judges sees the stretch, the reference and the pool."""
    run = run_in(tmp_path / "r")
    rows = list(sheet_of(run, drawn_from(strata_of(scored_of(run), frozenset()), 50, 1)))
    assert rows
    for row in rows:
        assert f"⟦{row.says}⟧" in row.marked
        assert row.pool
        assert not {"kind", "why", "judge"} & set(row.__dataclass_fields__)


def test_the_figures_come_from_the_rows_alone() -> None:
    """Agreement of colour and of verdict, and what it is in the run."""
    record = {
        "strata": [
            {"system": "a", "verdict": "supported", "spans": 10},
            {"system": "a", "verdict": "unsupported", "spans": 90},
        ],
        "spans": [
            {"system": "a", "rules": "supported", "person": "supported"},
            {"system": "a", "rules": "supported", "person": "unsupported"},
            {"system": "a", "rules": "unsupported", "person": "contradicted"},
            {"system": "a", "rules": "unsupported", "person": "none"},
        ],
    }
    told = figures_of(json.loads(json.dumps(record)))
    assert "colour: 2/4" in told
    assert "verdict: 1/4" in told
    assert "weighted by how many there are: 0.500" in told


def test_those_without_a_colour_are_counted_apart() -> None:
    """They do not raise the share of right colours."""
    rows = [
        {"system": "rag", "rules": "supported", "person": "unsupported"},
        {"system": "rag", "rules": "unjudged", "person": "none"},
        {"system": "rag", "rules": "refusal", "person": "supported"},
    ]
    strata = [{"system": "rag", "verdict": "supported", "spans": 4}]
    lines = figures_of({"spans": rows, "strata": strata}).splitlines()
    assert lines[0].startswith("colour: 0/1")
    assert any(line.startswith("no colour of those without one: 1/2") for line in lines)
