"""The table of a comparison at the terminal."""

from __future__ import annotations

import pytest
from scored_replies import RIGHT, scored

from esrag.cli.compare_view import show_run
from esrag.evaluation.comparing import compare
from esrag.evaluation.records import EvaluationRun, System


def test_a_system_that_was_not_asked_has_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """Instead of a difference of 0 that nobody measured."""
    replies = {
        "base": scored("base", "right", [0.0, 1.0]),
        "tuned": scored("tuned", "right", [1.0, 1.0]),
        "rag": (),
    }
    run = EvaluationRun(
        "r",
        "stopped",
        tuple(System(name, "closed_book") for name in replies),
        (),
        replies,
        measures=(RIGHT,),
        comparisons=compare(replies, baseline="base", measures=(RIGHT,)),
    )
    show_run(run)
    shown = capsys.readouterr().out
    assert "tuned − base" in shown
    assert "rag − base" not in shown
