"""``esrag dlq`` on the letters of a data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.cli import run
from esrag.dead_letters.files import LetterFolder
from esrag.ledger import DeadLetter, DeadLetterFile

ALIAS = "esrag-docs-default"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LetterFolder:
    """Three letters of two runs; no cluster is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ESRAG_ELASTICSEARCH_URL", "http://127.0.0.1:9")
    for run_id, name, code in (
        ("r1", "a.md", "undecodable"),
        ("r1", "b\x1b[31m.jsonl", "bad_json"),
        ("r2", "c.jsonl", "bad_json"),
    ):
        letter = DeadLetter(run_id, name, "line 2", name, "5ha", "parse", code, f"why {name}")
        DeadLetterFile(tmp_path / "dlq" / ALIAS / f"{run_id}.jsonl").add([letter])
    return LetterFolder(tmp_path / "dlq" / ALIAS, ALIAS)


def test_letters_are_counted_by_reason(
    folder: LetterFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Most first, each with an example; nothing steers the terminal."""
    assert run(["dlq", "ls", "--local"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["2", "bad_json"]
    assert second.split()[:2] == ["1", "undecodable"]
    assert "\x1b[31m.jsonl" not in first


def test_letters_of_a_run_are_listed_each(
    folder: LetterFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON with all fields, or a line each."""
    assert run(["dlq", "ls", "--local", "--run", "r1", "--json"]) == 0
    letters = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in letters] == ["undecodable", "bad_json"]
    assert run(["dlq", "ls", "--local", "--code", "bad_json"]) == 0
    assert capsys.readouterr().out.count("\n") == 2


def test_an_id_may_be_cut_short(folder: LetterFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """As far as the lists show it; an unknown one is wrong usage."""
    letter = next(folder.read())
    assert run(["dlq", "show", "--local", letter.id[:12]]) == 0
    assert "why a.md" in capsys.readouterr().out
    assert run(["dlq", "show", "--local", "none"]) == 2


def test_a_purge_takes_what_was_named(
    folder: LetterFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """And refuses to guess: neither nothing named nor nobody to ask."""
    assert run(["dlq", "purge", "--local"]) == 2
    assert run(["dlq", "purge", "--local", "--run", "r1"]) == 2
    assert len(list(folder.read())) == 3
    capsys.readouterr()
    assert run(["dlq", "purge", "--local", "--run", "r1", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"removed": 2}
    assert [each.letter.run_id for each in folder.read()] == ["r2"]


def test_without_a_cluster_the_way_out_is_named(
    folder: LetterFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, at once."""
    assert run(["dlq", "ls"]) == 4
    assert "--local" in capsys.readouterr().err
