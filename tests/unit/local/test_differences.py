"""The known differences: what an entry must hold, and how the command shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.cli import run
from esrag.errors import UsageError
from esrag.local.differences import AREAS, known_differences

ENTRY = """
[[difference]]
name = "{name}"
where = "GET /"
server = "Says this."
stack = "Says that."
reason = "It is a test."
"""


def folder_with(tmp_path: Path, **files: str) -> Path:
    """A folder with one TOML file for each keyword."""
    for area, content in files.items():
        (tmp_path / f"{area}.toml").write_text(content, encoding="utf-8")
    return tmp_path


def test_the_entries_of_the_package_are_well_formed() -> None:
    """Every file is read, and no name is used twice."""
    found = known_differences()
    assert {one.area for one in found} <= set(AREAS)
    assert len({one.name for one in found}) == len(found) > 0


def test_areas_come_in_their_order(tmp_path: Path) -> None:
    """Not in the order of the file names."""
    folder = folder_with(tmp_path, tgi=ENTRY.format(name="last"), core=ENTRY.format(name="first"))
    assert [one.name for one in known_differences(folder)] == ["first", "last"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (ENTRY.format(name="Not Kebab"), "kebab"),
        (ENTRY.format(name="a") + ENTRY.format(name="a"), "two known differences"),
        (ENTRY.format(name="a").replace('reason = "It is a test."\n', ""), "exactly the fields"),
        (ENTRY.format(name="a") + 'since = "9.5"\n', "exactly the fields"),
        (ENTRY.format(name="a").replace("Says this.", " "), "not empty"),
        ('title = "x"\n', "may only hold"),
        ("[[difference", "core.toml"),
    ],
    ids=["case", "twice", "field-missing", "field-too-many", "empty", "other-key", "no-toml"],
)
def test_a_malformed_entry_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    """The message says which file and what is wrong."""
    with pytest.raises(UsageError, match=complaint):
        known_differences(folder_with(tmp_path, core=content))


def test_a_name_is_unique_across_areas(tmp_path: Path) -> None:
    """Tests refer to a difference by its name alone."""
    folder = folder_with(tmp_path, core=ENTRY.format(name="a"), tgi=ENTRY.format(name="a"))
    with pytest.raises(UsageError, match="two known differences"):
        known_differences(folder)


def test_a_file_of_no_area_is_refused(tmp_path: Path) -> None:
    """Else its entries would be left out silently."""
    with pytest.raises(UsageError, match=r"kibana\.toml"):
        known_differences(folder_with(tmp_path, kibana=ENTRY.format(name="a")))


def test_the_command_shows_every_name_within_80_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is read on a terminal."""
    assert run(["local", "coverage"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.strip() for line in lines} >= {one.name for one in known_differences()}
    assert [line for line in lines if len(line) > 80] == []


def test_the_command_can_show_one_area(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON it has all fields, in the order of the list."""
    assert run(["local", "coverage", "core", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in shown] == [
        one.name for one in known_differences() if one.area == "core"
    ]
    assert list(shown[0]) == ["name", "area", "where", "server", "stack", "reason"]


def test_an_unknown_area_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the areas."""
    assert run(["local", "coverage", "kibana"]) == 2
    assert "inference" in capsys.readouterr().err
