"""``esrag compare`` on a run that is there, and what it refuses before anything is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from comparing_desk import QUESTIONS, Place, Quiet, compared

from esrag.cli import run
from esrag.cli.compare_view import AskingView
from esrag.evaluation.records import Reply
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.systems import built_in_systems

CHANGE = ["--document", "a", "--replace", "80", "--with", "90", "--question", "Which port?"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a run ``r`` of two systems."""
    data_dir = tmp_path_factory.mktemp("data")
    compared(data_dir / "evaluations" / "r", Place(), systems=built_in_systems()[:2])
    return data_dir


@pytest.fixture
def data(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the commands' data folder."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(made))
    monkeypatch.setenv("ESRAG_ELASTICSEARCH_URL", "http://127.0.0.1:9")
    return made


def test_a_run_is_shown_again(data: Path, capsys: Capture) -> None:
    """Systems by measures with intervals and numbers of questions; where the report is."""
    assert run(["compare", "--from", "r"]) == 0
    shown = capsys.readouterr().out
    assert "3 questions, 2 systems; baseline extractive" in shown
    assert "closed-book" in shown
    assert "Right (n=2)" in shown
    assert str(data / "evaluations" / "r" / "report.html") in shown


def test_its_figures_come_as_json(data: Path, capsys: Capture) -> None:
    """For programs: one object on standard output."""
    assert run(["compare", "--from", "r", "--baseline", "closed-book", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["comparisons"]["baseline"] == "closed-book"
    assert record["systems"] == ["extractive", "closed-book"]
    assert record["status"] == "whole"


def test_a_gate_that_is_not_met_ends_with_3(data: Path, capsys: Capture) -> None:
    """The earlier run was better; the message and junit.xml say so."""
    systems = built_in_systems()[:2]
    compared(data / "evaluations" / "worse", Place(), systems=systems, progress=Quiet())
    file = RunFolder(data / "evaluations" / "worse").replies("extractive")
    file.write_text(file.read_text().replace("7443", "80").replace("14 kg", "9 kg"))
    gate = ["--gate", "r", "--no-worse-than", "right=0.05"]
    assert run(["compare", "--from", "worse", *gate]) == 3
    captured = capsys.readouterr()
    assert "gate not met: extractive, right no worse than by 0.05" in captured.out
    assert "gates are not met" in captured.err
    junit = (data / "evaluations" / "worse" / "junit.xml").read_text()
    assert "<failure" in junit


def test_the_same_replies_pass_a_gate_that_allows_for_so_few_questions(
    data: Path, capsys: Capture
) -> None:
    """Two questions show little; what they allow for has to be said."""
    systems = built_in_systems()[:2]
    compared(data / "evaluations" / "same", Place(), systems=systems)
    gate = ["--gate", "r", "--no-worse-than", "right=0.9"]
    assert run(["compare", "--from", "same", *gate]) == 0
    assert "gate met" in capsys.readouterr().out


def test_without_a_reply_there_is_no_report(
    data: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the asking ends before the first, it is not told that there is one."""
    place = Place()
    place.cluster.gone = True
    monkeypatch.setattr("esrag.cli.connection.connect_with", lambda *_, **__: place.client)
    assert run(["compare", "--questions", "sample", "--out", str(tmp_path / "none")]) == 7
    told = capsys.readouterr().err
    assert "Nothing was replied, so nothing is reported." in told
    assert "there is no index esrag-docs-default" in told
    assert not (tmp_path / "none" / "report.html").exists()


def test_what_a_stopped_comparison_is_judged_by_is_told(
    data: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """^C before the evidence was fetched: once at once, and again whenever the run is shown."""
    place, out = Place(), tmp_path / "stopped"
    file = tmp_path / "port.jsonl"
    port = {"id": "q1", "question": QUESTIONS[0].text, "type": "fact", "answer": "7443"}
    evidence = [{"document": "marlow", "quote": "uses port 7443"}]
    file.write_text(json.dumps({**port, "evidence": evidence}) + "\n")

    def stop(self: AskingView, reply: Reply) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("esrag.cli.connection.connect_with", lambda *_, **__: place.client)
    monkeypatch.setattr("esrag.cli.assembly.assembly_from", lambda own, **_: place.open(own))
    monkeypatch.setattr(AskingView, "replied", stop)
    assert run(["compare", "--questions", str(file), "--out", str(out)]) == 130
    told = capsys.readouterr().err
    assert told.count("before the evidence of 1 question was fetched") == 1
    assert f"A report of what was replied so far: {out / 'report.html'}" in told
    assert run(["compare", "--from", str(out)]) == 0
    assert "before the evidence of 1 question was fetched" in capsys.readouterr().out


def test_whose_replies_are_judged_is_told_once_each(
    data: Path, capsys: Capture, tmp_path: Path
) -> None:
    """Piped: a line for the run, and one for the earlier run of a gate."""
    compared(tmp_path / "later", Place(), systems=built_in_systems()[:2])
    gate = ["--gate", "r", "--no-worse-than", "right=0.9"]
    assert run(["compare", "--from", str(tmp_path / "later"), *gate]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "Judging" in line]
    assert told == ["Judging the replies of later …", "Judging the replies of r …"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which questions?"),
        (["--questions", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--from", "june"], "there is no run june; there are r"),
        (["--set", "x", "update", "r", *CHANGE], "--set before update has no meaning"),
        (["update", "june", *CHANGE], "there is no run june; there are r"),
        (["update", "r", *CHANGE, "--with", "80"], "cannot be told apart"),
        (["update", "r", *CHANGE, "--system", "base"], "has no system base"),
        (["--from", "r", "--questions", "sample"], "--questions has no meaning"),
        (["--from", "r", "--adapter", "x"], "--adapter has no meaning"),
        (["--from", "r", "--baseline", "base"], "there is no system base"),
        (["--from", "r", "--no-worse-than", "right=1"], "wants --gate"),
        (["--from", "r", "--gate", "r", "--no-worse-than", "right=1"], "against itself"),
        (["--questions", "sample", "--name", "A b"], "cannot name a run"),
        (["--questions", "sample", "--name", "a", "--out", "b"], "both say where"),
        (["--questions", "sample", "--baseline", "base"], "there is no system base"),
        (["--questions", "sample", "--systems", "nowhere.toml"], "nowhere.toml"),
        (["--questions", "sample", "--adapter", "nobody"], "there is no adapter nobody"),
        (["--questions", "sample", "--gate", "june"], "there is no run june"),
        (["--questions", "sample", "--gate", "r"], "--no-worse-than"),
        (["--questions", "sample", "--judge-model", "x"], "wants --judge-url"),
        (["--questions", "sample", "--split", "none"], "no questions of split"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    data: Path, capsys: Capture, words: list[str], said: str
) -> None:
    """Exit 2, and no folder is left behind."""
    before = sorted(path.name for path in (data / "evaluations").iterdir())
    assert run(["compare", *words]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in (data / "evaluations").iterdir()) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": "q2"', "line 2"),
        ('{"id": "q2", "type": "fact"}', "line 2"),
        (json.dumps({"id": "q1", "question": "A?", "type": "fact"}), "q1"),
    ],
)
def test_a_bad_file_of_questions_names_the_line(
    data: Path, capsys: Capture, tmp_path: Path, line: str, words: str
) -> None:
    """Exit 2."""
    good = json.dumps({"id": "q1", "question": "Which?", "type": "fact", "answer": "x"})
    file = tmp_path / "q.jsonl"
    file.write_text(f"{good}\n{line}\n")
    assert run(["compare", "--questions", str(file)]) == 2
    assert words in capsys.readouterr().err


def test_a_table_of_questions_becomes_a_set_first(
    data: Path, capsys: Capture, tmp_path: Path
) -> None:
    """Exit 2, with the command that does it."""
    file = tmp_path / "q.csv"
    file.write_text("question,answer\nWhich?,x\n")
    assert run(["compare", "--questions", str(file)]) == 2
    assert f"esrag questions import {file}" in capsys.readouterr().err


def test_a_damaged_reply_is_told_with_its_line(data: Path, capsys: Capture, tmp_path: Path) -> None:
    """Exit 2; the report that was there stays as it was."""
    path = tmp_path / "damaged"
    compared(path, Place(), systems=built_in_systems()[:1], questions=QUESTIONS[:2])
    before = (path / "report.html").read_bytes()
    file = RunFolder(path).replies("extractive")
    file.write_text(file.read_text().replace('"status": "answered"', '"status": "lost"', 1))
    assert run(["compare", "--from", str(path)]) == 2
    assert "extractive.jsonl, line 1" in capsys.readouterr().err
    assert (path / "report.html").read_bytes() == before


def test_another_process_at_work_is_a_conflict(data: Path, capsys: Capture) -> None:
    """Exit 7."""
    with RunFolder(data / "evaluations" / "r").held():
        assert run(["compare", "--from", "r"]) == 7
    assert "at work in another process" in capsys.readouterr().err


def test_hostile_names_in_a_run_do_not_steer_the_terminal(
    data: Path, capsys: Capture, tmp_path: Path
) -> None:
    """A note may hold a server's words."""
    path = tmp_path / "hostile"
    compared(path, Place(), systems=built_in_systems()[:1])
    record = json.loads((path / "run.json").read_text())
    record["notes"] = ["gone: \x1b[2J\u202eevil"]
    (path / "run.json").write_text(json.dumps(record))
    assert run(["compare", "--from", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
