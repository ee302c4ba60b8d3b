"""``esrag cost`` says what runs cost and would cost, and which way a corpus should take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from esrag.cli import cli, run
from esrag.costs.records import Costs
from esrag.costs.shapes import KNOWN
from esrag.costs.work import TrainingWork


def call(*arguments: str) -> Result:
    """The command with the group ``cost``; raises what it raises."""
    return CliRunner().invoke(cli, ["cost", *arguments], catch_exceptions=False)


def written_run(folder: Path, **changes: Any) -> Path:
    """The folder of a run that trained 100,000 tokens of SmolLM2 in 50 of 60 seconds."""
    shape = KNOWN["smollm2-135m"]
    work = TrainingWork(shape, "lora", 100_000, 128, 0.2, shape.lora_parameters(16))
    costs = Costs(60, 110, 60, 100_000, 0, 0, 2 * 10**9, 0, "NVIDIA A100-SXM4-80GB", 1)
    body = {
        "status": "complete",
        "work": work.to_json(),
        "costs": costs.to_json(),
        "step_seconds": 50.0,
    }
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({**body, **changes}))
    return folder


def test_a_run_shows_what_it_cost(tmp_path: Path) -> None:
    """Time, tokens a second, memory and utilisation of a measured run."""
    folder = written_run(tmp_path / "facts")
    shown = call("run", str(folder)).stdout
    assert "facts (complete)" in shown
    assert "100,000 tokens, 2,000 a second" in shown
    body = json.loads(call("run", str(folder), "--json").stdout)[0]
    assert body["tokens_a_second"] == 2000
    assert body["utilisation"] == pytest.approx(body["flops"] / 50 / 312e12)
    assert f"{body['utilisation']:.1%} of the peak" in shown


def test_a_hostile_run_steers_no_terminal(tmp_path: Path) -> None:
    """Status and device are words of its file."""
    file = written_run(tmp_path / "facts") / "run.json"
    body = json.loads(file.read_text())
    body["status"], body["costs"]["device"] = "\x1b[2Jdone", "gpu\x1b]0;title\x07\u202e"
    file.write_text(json.dumps(body))
    assert not set(call("run", str(file.parent)).stdout) & set("\x1b\x07\u202e")


def test_a_run_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs live in the data folder."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path))
    written_run(tmp_path / "runs" / "facts")
    assert json.loads(call("run", "facts", "--json").stdout)[0]["run"] == "facts"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "no object"),
        ("{}", "measured nothing yet"),
        ('{"kind": "retriever", "costs": {"wall_seconds": 9}}', "under costs"),
        ('{"work": 1, "costs": {}}', "does not say what work"),
        ('{"work": {}, "costs": 1}', "no object"),
        ('{"work": {}, "costs": {}, "step_seconds": "1"}', "step_seconds"),
    ],
)
def test_a_broken_run_is_usage_and_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, says: str
) -> None:
    """Whatever stands in run.json, the exit code is 2 and the message helps."""
    (tmp_path / "run.json").write_text(content)
    assert run(["cost", "run", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err
    assert run(["cost", "run", str(tmp_path / "nowhere")]) == 2


def test_an_estimate_takes_the_utilisation_of_a_run(tmp_path: Path) -> None:
    """What one's own run reached is what the next is estimated with."""
    folder = written_run(tmp_path / "facts")
    arguments = ["estimate", "--model", "llama-3-8b", "--tokens", "5e6", "--json"]
    plain = json.loads(call(*arguments).stdout)
    like = json.loads(call(*arguments, "--like", str(folder)).stdout)
    assert plain["utilisation"] == 0.4
    assert not plain["measured"]
    assert like["measured"]
    given = json.loads(call(*arguments, "--length", "128", "--answer-share", "0.2").stdout)
    assert like["gpu_hours"] == pytest.approx(given["gpu_hours"] * 0.4 / like["utilisation"])
    assert like["hours_on_the_run_s_device"] == pytest.approx(like["gpu_hours"])
    assert plain["parameters"] == 8_030_261_248


def test_an_estimate_takes_what_is_not_given_of_a_run(tmp_path: Path) -> None:
    """Method, tokens, length, answers and adapter; a flag stands above the run."""
    shape = KNOWN["smollm2-135m"]
    work = TrainingWork(shape, "dora", 5_000, 99, 0.3, 1234, trained_layers=4, checkpointing=True)
    folder = written_run(tmp_path / "facts", work=work.to_json())
    like = json.loads(call("estimate", "--like", str(folder), "--json").stdout)
    assert {name: like[name] for name in work.to_json()} == work.to_json()
    arguments = ["--like", str(folder), "--method", "full", "--no-gradient-checkpointing"]
    other = json.loads(call("estimate", *arguments, "--json").stdout)
    assert (other["method"], other["trainable"], other["checkpointing"]) == ("full", 0, False)
    assert other["tokens"] == 5_000


def test_an_estimate_shows_range_memory_and_money() -> None:
    """A person sees between what and what, whether it fits, and the price."""
    arguments = ["estimate", "--model", "llama-3-70b", "--method", "full", "--tokens", "2,000,000"]
    shown = call(*arguments, "--gpu-hour-price", "2.5").stdout
    assert "between" in shown
    assert "fits             no" in shown
    assert "its weights alone are more" in " ".join(shown.split())
    assert "at 2.5 an hour" in shown


def test_states_that_would_have_to_be_spread_are_told() -> None:
    """finetune keeps them whole on each GPU, so more of them are no help."""
    arguments = ["estimate", "--model", "llama-3-8b", "--method", "full", "--tokens", "2,000,000"]
    shown = " ".join(call(*arguments, "--gpus", "4", "--batch-tokens", "512").stdout.split())
    assert "fits not on one: its states would have to be spread over" in shown


def test_an_estimate_without_tokens_says_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is guessed about how much is to be trained."""
    assert run(["cost", "estimate"]) == 2
    assert "--tokens" in capsys.readouterr().err


def test_published_runs_are_shown_with_their_factors() -> None:
    """The table says how far off each estimate is, and what was assumed."""
    shown = call("published").stdout
    assert "Alpaca" in shown
    assert "assumed" in shown
    body = json.loads(call("published", "--json").stdout)
    assert [row["gpu_hours"] for row in body["runs"]] == [24, 200, 18, 16]
    assert all(0 < row["factor"] < 1 for row in body["runs"])


def test_a_comparison_needs_no_cluster_when_counts_are_given() -> None:
    """Four ways with training time, customisation, objective, expertise, update and money."""
    arguments = ["compare", "--chunks", "3000", "--model", "llama-3-8b", "--gpu-hour-price", "2"]
    shown = call(*arguments).stdout
    for words in ("training time", "customises", "objective", "expertise", "an update", "money"):
        assert shown.count(words) >= 4
    body = json.loads(call(*arguments, "--json").stdout)
    assert [way["expertise"] for way in body["ways"]] == ["high", "high", "medium", "low"]
    assert body["chunks"] == 3000


def test_a_comparison_without_a_cluster_says_how_to_do_without(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing listens on port 9: exit code 4 and the flag that helps."""
    address = "http://127.0.0.1:9"
    assert run(["cost", "compare", "--elasticsearch-url", address]) == 4
    assert "--chunks" in capsys.readouterr().err


def test_a_narrow_terminal_gets_narrow_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is broken by the terminal in the midst of a word."""
    monkeypatch.setenv("COLUMNS", "60")
    shown = call("compare", "--chunks", "3000", "--model", "llama-3-8b").stdout
    assert max(map(len, shown.splitlines())) <= 60
    assert "8.03 billion" in call("estimate", "--model", "llama-3-8b", "--tokens", "1e6").stdout
