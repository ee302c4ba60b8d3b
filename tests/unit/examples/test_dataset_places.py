"""Where a data set lies: by its name, its folder or its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.errors import UsageError
from esrag.examples.exporting import export
from esrag.examples.folder import examples_file


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """The rows of a data set of this name in the data folder."""
    file = tmp_path / "data" / "datasets" / "handbook" / "examples.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("", encoding="utf-8")
    return file


def test_a_data_set_is_found_by_name_folder_and_file(tmp_path: Path, handbook: Path) -> None:
    """All three mean the same rows."""
    data = tmp_path / "data"
    for named in ("handbook", str(handbook.parent), str(handbook)):
        assert examples_file(data, named) == handbook


def test_a_folder_that_is_called_alike_does_not_hide_a_data_set(
    tmp_path: Path, handbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a folder of documents called handbook here means the data set by the name."""
    (tmp_path / "handbook").mkdir()
    monkeypatch.chdir(tmp_path)
    assert examples_file(tmp_path / "data", "handbook") == handbook


def test_what_is_no_data_set_is_named_with_the_command_that_makes_one(tmp_path: Path) -> None:
    """Exit code 2."""
    with pytest.raises(UsageError, match="no data set nothing") as refused:
        examples_file(tmp_path, "nothing")
    assert "esrag dataset build" in refused.value.hint


def test_a_data_set_is_not_exported_over_a_file(tmp_path: Path, handbook: Path) -> None:
    """The file stays as it is."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="is no folder"):
        export(handbook, tmp_path / "file", "messages")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
