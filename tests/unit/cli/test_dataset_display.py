"""``esrag dataset`` on a terminal: hostile and damaged data sets are shown harmless, and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esrag.cli import cli
from esrag.errors import UsageError
from esrag.examples.folder import CARD, EXAMPLES
from esrag.examples.rows import as_line
from esrag.prompting import closed_book
from esrag.types import Example, ExampleSource, Message

ESCAPE = "\x1b]52;c;zebra\x07\x9b2J\u202e"


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set whose every word would steer a terminal."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path))
    folder = tmp_path / "datasets" / "hostile"
    folder.mkdir(parents=True)
    row = Example(
        id=f"row{ESCAPE}",
        kind="knowledge",
        split="train",
        messages=(*closed_book(f"Which{ESCAPE}?"), Message("assistant", f"This{ESCAPE}.")),
        question=f"Which{ESCAPE}?",
        answer=f"That{ESCAPE}.",
        source=ExampleSource(
            index=f"i{ESCAPE}", set=f"s{ESCAPE}", chunks=("c",), documents=(f"d{ESCAPE}",),
            sources=("s",), hashes=("h",), maker=f"m{ESCAPE}", seed=1,
        ),
    )  # fmt: skip
    (folder / EXAMPLES).write_text(as_line(row) + "\n", encoding="utf-8")
    card = {
        "rows": 1, "sha256": "x", "made_of": {"set": f"s{ESCAPE}", "seed": 1},
        "by_kind": {f"k{ESCAPE}": {f"train{ESCAPE}": 1}},
        "chunks_left_out": {f"c{ESCAPE}": 1}, "rows_dropped": {f"r{ESCAPE}": 1},
    }  # fmt: skip
    (folder / CARD).write_text(json.dumps(card))
    return folder


def call(*arguments: str) -> Result:
    """A command of ``esrag dataset``; raises what it raises, but for errors of ours."""
    return CliRunner().invoke(cli, ["dataset", *arguments])


@pytest.mark.parametrize(
    "arguments",
    [("list",), ("show", "hostile"), ("show", "hostile", "--id", "row"),
     ("check", "hostile", "--offline")],
)  # fmt: skip
@pytest.mark.usefixtures("hostile")
def test_a_hostile_data_set_steers_no_terminal(arguments: tuple[str, ...]) -> None:
    """Rows, card and findings are words only."""
    shown = call(*arguments)
    assert shown.exception is None or "hold any more" in str(shown.exception)
    assert shown.output
    assert not set(shown.output) & set("\x1b\x07\x9b\u202e")


def test_a_damaged_data_set_does_not_hide_the_others(hostile: Path) -> None:
    """It is listed with what is wrong; whoever shows it is told."""
    whole = hostile.parent / "whole"
    whole.mkdir()
    (whole / CARD).write_text((hostile / CARD).read_text())
    (hostile / CARD).write_text('{"rows": ')
    listed = call("list")
    assert listed.exit_code == 0
    assert "damaged  hostile" in listed.output
    assert "1  whole" in listed.output
    assert "error" in json.loads(call("list", "--json").stdout)[0]
    assert isinstance(call("show", "hostile").exception, UsageError)


@pytest.mark.parametrize("name", ["../../etc", "a" * 400, "a\nb", "\x1b[2J", "nothing"])
@pytest.mark.parametrize("command", [("show",), ("check", "--offline")])
def test_a_name_that_names_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], name: str
) -> None:
    """Exit code 2, for names that no file system takes as well."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path))
    assert isinstance(call(*command, name).exception, UsageError)
