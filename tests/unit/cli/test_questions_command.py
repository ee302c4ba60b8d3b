"""``esrag questions`` without a cluster: import, list, show, export, review and check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from esrag.cli import cli
from esrag.errors import EsragError

ESCAPE = "\x1b]52;c;zebra\x07\x9b2J\u202e"
TABLE = "question,answer,document,quote\nHow many eggs?,4 eggs,a.md,A tern has 4 eggs.\nWhy?,,,\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, and files to bring along beside it."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "terns.csv").write_text(TABLE)
    return tmp_path


def run(*arguments: object) -> str:
    """What a command of ``esrag questions`` prints; raises what it raises."""
    done = CliRunner().invoke(cli, ["questions", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def fails(*arguments: object) -> EsragError:
    """The error with which a command ends."""
    with pytest.raises(EsragError) as error:
        run(*arguments)
    return error.value


def test_a_table_becomes_a_set(folder: Path) -> None:
    """Imported under its own name, listed, shown, checked."""
    assert "2  questions" in run("import", folder / "terns.csv")
    (listed,) = json.loads(run("list", "--json"))
    assert (listed["name"], listed["questions"], listed["from"]) == ("terns", 2, "terns.csv")
    shown = run("show", "terns")
    assert "How many eggs?" in shown
    assert "[4 eggs | four eggs]" in shown
    assert "Every question holds." in run("check", "terns", "--offline")


def test_a_review_goes_there_and_back(folder: Path) -> None:
    """Export, edit, import; show finds what was rejected, and the file keeps it."""
    run("import", folder / "terns.csv")
    run("export", "terns", "--tsv", folder / "terns.tsv")
    lines = (folder / "terns.tsv").read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace("\t", "\trejected", 1)
    (folder / "terns.tsv").write_text("".join(lines))
    assert "1  rejected" in run("import", folder / "terns.tsv")
    told = json.loads(run("show", "terns", "--status", "rejected", "--json"))
    assert [each["question"] for each in told["questions"]] == ["Why?"]
    assert "1 rejected" in run("list")


def test_a_review_that_cannot_be_used_changes_nothing(folder: Path) -> None:
    """Exit code 2 with the line, and the file is as it was."""
    run("import", folder / "terns.csv")
    file = folder / "data" / "questions" / "terns" / "questions.jsonl"
    before = file.read_bytes()
    (folder / "bad.tsv").write_text("id\tstatus\nnine\treviewed\n")
    error = fails("import", folder / "bad.tsv", "--into", "terns")
    assert error.exit_code == 2
    assert "line 2: no question of the set has the id nine" in error.message
    assert file.read_bytes() == before


def test_what_does_not_hold_is_listed(folder: Path) -> None:
    """Exit code 3, and the list as JSON."""
    (folder / "x.jsonl").write_text(
        '{"question": "How many eggs?", "accepted": ["5"], '
        '"evidence": [{"document": "a", "quote": "4 eggs"}]}\n'
    )
    run("import", folder / "x.jsonl")
    done = CliRunner().invoke(cli, ["questions", "check", "x", "--offline", "--json"])
    (found,) = json.loads(done.stdout)["findings"]
    assert found["what"] == "no accepted form stands in the evidence"
    assert fails("check", "x", "--offline").exit_code == 3


def test_the_page_is_written_without_a_cluster(folder: Path) -> None:
    """Beside the set, or where it is wanted; the set may be a file."""
    run("import", folder / "terns.csv")
    run("review", "terns", "--offline")
    assert (folder / "data" / "questions" / "terns" / "review.html").is_file()
    file = folder / "data" / "questions" / "terns" / "questions.jsonl"
    run("review", file, "--offline", "--page", folder / "page.html")
    assert "A tern has 4 eggs." in (folder / "page.html").read_text()
    assert "no such questions" in fails("review", "terns", "--status", "rejected").message


def test_the_questions_that_come_with_esrag_are_called_sample(folder: Path) -> None:
    """Wherever a set is named; a page of them is not written among esrag's own files."""
    assert "When did Siltbase 4.2.1 come out?" in run("show", "sample", "-n", "1")
    page = folder / "page.html"
    run("review", "sample", "--offline", "--page", page)
    assert page.is_file()


def test_nothing_is_overwritten_unasked(folder: Path) -> None:
    """An edited table, a set of that name that is no review: exit code 7, unless --replace."""
    run("import", folder / "terns.csv")
    run("export", "terns", "--tsv", folder / "x.tsv")
    assert fails("export", "terns", "--jsonl", folder / "x.tsv").exit_code == 7
    run("export", "terns", "--jsonl", folder / "x.tsv", "--replace")
    (folder / "asked.txt").write_text("Who?\n")
    assert fails("import", folder / "asked.txt", "--into", "terns").exit_code == 7
    run("import", folder / "asked.txt", "--into", "terns", "--replace")
    assert "Who?" in run("export", "terns", "--jsonl", "-")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nothing"), "there is no question set nothing"),
        (("check", "x" * 300, "--offline"), "no question set"),
        (("import", "no-such-file.tsv"), "does not exist"),
        (("import", ".", "--into", "../x"), "cannot name a question set"),
        (("import", ".", "--into", "x"), "no folder of questions"),
        (("export", "x"), "say what to write"),
        (("build", "sample"), "come with esrag"),
        (("build", "a/b"), "cannot name a question set"),
        (("build", "--not-in", "nothing"), "there is no data set nothing"),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, in words."""
    error = fails(*arguments)
    assert error.exit_code == 2
    assert said in error.message


def test_hostile_words_steer_no_terminal(folder: Path) -> None:
    """Ids, types, questions and notes of a file that somebody else wrote."""
    record = {
        "id": f"i{ESCAPE}", "question": f"q{ESCAPE}", "type": f"t{ESCAPE}", "split": f"s{ESCAPE}",
        "answer": f"a{ESCAPE}", "accepted": [f"f{ESCAPE}"], "note": f"n{ESCAPE}",
        "evidence": [{"document": f"d{ESCAPE}", "quote": f"x{ESCAPE}"}],
    }  # fmt: skip
    (folder / "x.jsonl").write_text(json.dumps(record) + "\n")
    run("import", folder / "x.jsonl")
    printed = "".join((run("list"), run("show", "x"), run("show", "x", "--id", "i")))
    done = CliRunner().invoke(cli, ["questions", "check", "x", "--offline"])
    assert "do not hold" in str(done.exception)
    for each in (printed, done.stdout):
        assert not set("\x1b\x07\x9b\u202e") & set(each)
