"""What a system took is measured or not said; it is never a zero that nobody measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.costs.records import Costs
from esrag.evaluation.answer_metrics import Prices
from esrag.evaluation.records import Reply, Scored, System, Usage
from esrag.evaluation.system_costs import costs_of


def replies(*usages: Usage, failed: int = 0) -> tuple[Scored, ...]:
    """Replies that took so much, and failed ones."""
    answered = [
        Scored(Reply(f"q{number}", "a", "answered", usage=usage))
        for number, usage in enumerate(usages)
    ]
    lost = [Scored(Reply(f"f{n}", "a", "failed", usage=Usage(999.0))) for n in range(failed)]
    return (*answered, *lost)


def test_tokens_and_seconds_are_those_of_replies_that_came(tmp_path: Path) -> None:
    """Means of tokens, the median of seconds; a failed question took nothing that compares."""
    usages = [Usage(1.0, prompt_tokens=10, generated_tokens=2), Usage(3.0, prompt_tokens=30)]
    scored = {"a": replies(*usages, Usage(2.0), failed=2)}
    (cost,) = costs_of(
        [System("a", "rag")], scored, data_dir=tmp_path, prices=Prices(1_000_000.0, 0.0)
    )
    assert (cost.prompt_tokens, cost.generated_tokens) == (20.0, 1.0)
    assert cost.answer_seconds == 2.0
    assert cost.money_per_thousand == pytest.approx(1000 * 40 / 3)
    assert cost.training_seconds is None
    assert cost.update_seconds is None


def test_what_was_not_asked_took_nothing_that_is_known(tmp_path: Path) -> None:
    """No replies, no figures."""
    (cost,) = costs_of([System("a", "rag")], {}, data_dir=tmp_path)
    assert (cost.answer_seconds, cost.prompt_tokens, cost.money_per_thousand) == (None, None, None)


def test_training_runs_are_added_up_and_missing_ones_are_named(tmp_path: Path) -> None:
    """Two runs of an hour each, and one that is elsewhere."""
    for name in ("one", "two"):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        body = {"costs": Costs(wall_seconds=3600.0, gpu_seconds=1800.0).to_json()}
        (folder / "run.json").write_text(json.dumps(body))
    system = System("a", "closed_book", runs=("one", "two", "three"))
    (cost,) = costs_of([system], {}, data_dir=tmp_path)
    assert cost.training_seconds == 7200.0
    assert cost.gpu_hours == 1.0
    assert "there is no run three" in cost.note
