"""The table of a comparison at the terminal."""

from __future__ import annotations

import pytest
from scored_replies import RIGHT, scored

from esrag.cli.compare_view import AskingView, show_run
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


def test_a_judge_that_holds_up_the_judging_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the bar on a terminal; it goes with the wait."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with AskingView() as view:
        view.judging("r", 0, 3)
        view.waiting("waiting for the judge")
        view._bars.refresh()
        assert "waiting for the judge" in capsys.readouterr().err
        view.waiting("")
        view._bars.refresh()
        assert "waiting for the judge" not in capsys.readouterr().err.rpartition("judging r")[2]


def test_a_log_is_told_of_a_wait_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge that answers has one line; later ones say what has changed, now and then."""
    now = 100.0
    monkeypatch.setattr("esrag.cli.compare_view.time.monotonic", lambda: now)
    view = AskingView()
    view.judging("r", 0, 3)
    for words in ("waiting", "", "waiting", "1 unanswered", ""):
        view.waiting(words)
    now += 60.0
    view.waiting("1 unanswered")
    told = capsys.readouterr().err.splitlines()
    assert told == ["Judging the replies of r …", "waiting …", "1 unanswered …"]
