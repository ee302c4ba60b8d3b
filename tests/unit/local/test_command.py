"""``esrag local`` without a stack: exit codes, standard output and standard error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.cli import run
from esrag.local.tiers import TIERS


@pytest.fixture(autouse=True)
def empty_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No stack was ever here."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def test_status_of_a_stopped_stack_is_4(capsys: pytest.CaptureFixture[str]) -> None:
    """A script can ask whether the stack is up."""
    assert run(["local", "status", "--json"]) == 4
    assert {one["condition"] for one in json.loads(capsys.readouterr().out)} == {"stopped"}


def test_the_table_names_every_member(capsys: pytest.CaptureFixture[str]) -> None:
    """Also those that do not run."""
    run(["local", "status"])
    output = capsys.readouterr().out
    assert all(name in output for name in ("elasticsearch", "mlnode", "tgi"))


def test_down_without_a_stack_is_fine(
    capsys: pytest.CaptureFixture[str], empty_data_dir: Path
) -> None:
    """It says so, on standard error, and creates nothing."""
    assert run(["local", "down"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Nothing was running.\n")
    assert not empty_data_dir.exists()


def test_logs_of_a_member_that_never_ran_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The hint says how to start it."""
    assert run(["local", "logs", "tgi"]) == 2
    assert "esrag local up" in capsys.readouterr().err


def test_logs_go_to_standard_output(
    capsys: pytest.CaptureFixture[str], empty_data_dir: Path
) -> None:
    """Only the lines that were asked for."""
    log = empty_data_dir / "local" / "logs" / "tgi.log"
    log.parent.mkdir(parents=True)
    log.write_text("one\ntwo\nthree\n")
    assert run(["local", "logs", "tgi", "-n", "2"]) == 0
    assert capsys.readouterr().out == "two\nthree\n"


def test_reset_removes_data_and_keeps_software(empty_data_dir: Path) -> None:
    """What was downloaded need not be downloaded again."""
    root = empty_data_dir / "local"
    for name in ("data", "config", "software"):
        (root / name).mkdir(parents=True)
    assert run(["local", "reset", "--yes"]) == 0
    assert (root / "software").is_dir()
    assert not (root / "data").exists()
    assert not (root / "config").exists()


def test_every_tier_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """The command knows those that the stack knows, without importing it."""
    assert run(["local", "up", "--tier", "gold"]) == 2
    told = capsys.readouterr().err
    assert all(f"'{tier}'" in told for tier in TIERS)


def test_a_tier_is_elasticsearchs(capsys: pytest.CaptureFixture[str]) -> None:
    """A start without it cannot change it."""
    assert run(["local", "up", "--only", "mlnode", "--tier", "basic"]) == 2
    assert "--only" in capsys.readouterr().err
