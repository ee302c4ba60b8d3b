"""Folders are walked safely, and every file is accounted for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from esrag.corpus.listing import Entry, Listing, ListingOptions
from esrag.corpus.records import Listed, Rejected, Skipped
from esrag.errors import UsageError


def list_inputs(paths: Sequence[Path]) -> list[Entry]:
    """Every input below ``paths``, all at once."""
    return list(Listing([str(path) for path in paths], ListingOptions()).entries())


def write(path: Path, text: str = "words") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(entries: list[Entry]) -> list[str]:
    """The names of what is to be read."""
    return [entry.name for entry in entries if isinstance(entry, Listed)]


def rules(entries: list[Entry]) -> dict[str, str]:
    """The rule for each name that is skipped."""
    return {entry.name: entry.rule for entry in entries if isinstance(entry, Skipped)}


def test_files_are_listed_sorted_with_their_path_in_the_root(tmp_path: Path) -> None:
    """The id does not depend on where the folder lies or in which order the disk lists it."""
    for name in ("b.md", "a/z.txt", "a/b/c.html", "a.jsonl"):
        write(tmp_path / name)
    assert names(list_inputs([tmp_path])) == ["a.jsonl", "a/b/c.html", "a/z.txt", "b.md"]


def test_hidden_files_and_unknown_types_are_skipped_by_rule(tmp_path: Path) -> None:
    """Each skipped file names the rule; a hidden folder counts once."""
    for name in (".git/config.md", ".draft.md", "photo.PNG", "WHATEVER", "ok.md"):
        write(tmp_path / name)
    entries = list_inputs([tmp_path])
    assert names(entries) == ["ok.md"]
    assert rules(entries) == {
        ".git/": "hidden file",
        ".draft.md": "hidden file",
        "photo.PNG": "unknown type .png",
        "WHATEVER": "unknown type (no ending)",
    }


def test_links_do_not_lead_out_or_round_in_circles(tmp_path: Path) -> None:
    """Neither a link out of the root nor a loop is followed, and no document is read twice."""
    root = tmp_path / "root"
    write(root / "real.md")
    write(root / ".data/linked.md")
    write(tmp_path / "secret.md")
    (root / "again.md").symlink_to("real.md")
    (root / "hidden-target.md").symlink_to(".data/linked.md")
    (root / "out.md").symlink_to("../secret.md")
    (root / "loop").symlink_to(".")
    (root / "self.md").symlink_to("self.md")
    (root / "gone.md").symlink_to("nowhere.md")
    entries = list_inputs([root])
    assert names(entries) == ["hidden-target.md", "real.md"]
    assert rules(entries) == {
        ".data/": "hidden file",
        "again.md": "listed before",
        "out.md": "link that leads out of the folder",
        "loop": "link to a folder",
        "self.md": "link that leads nowhere",
        "gone.md": "link that leads nowhere",
    }


def test_what_is_no_file_is_skipped_in_a_folder_and_rejected_by_name(tmp_path: Path) -> None:
    """A FIFO blocks nobody."""
    fifo = tmp_path / "pipe.md"
    os.mkfifo(fifo)
    assert rules(list_inputs([tmp_path])) == {"pipe.md": "neither a file nor a folder"}
    (entry,) = list_inputs([fifo])
    assert isinstance(entry, Rejected)
    assert entry.code == "not_a_file"


def test_a_file_named_directly_is_meant(tmp_path: Path) -> None:
    """It is taken when hidden, and rejected when its type is not known."""
    entries = list_inputs([write(tmp_path / ".hidden.md"), write(tmp_path / "x.xyz")])
    assert names(entries) == [".hidden.md"]
    assert [e.code for e in entries if isinstance(e, Rejected)] == ["unknown_type"]


def test_a_file_reached_twice_is_listed_once(tmp_path: Path) -> None:
    """Overlapping arguments do not make two documents."""
    file = write(tmp_path / "a/x.md")
    entries = list_inputs([tmp_path, file, tmp_path / "a"])
    assert names(entries) == ["a/x.md"]
    assert rules(entries) == {"x.md": "listed before"}


def test_a_missing_path_stops_before_anything_is_done(tmp_path: Path) -> None:
    """All missing paths are named."""
    write(tmp_path / "x.md")
    with pytest.raises(UsageError, match=r"no1.*no2"):
        list_inputs([tmp_path / "x.md", tmp_path / "no1", tmp_path / "no2"])


def test_names_of_any_bytes_can_be_stored(tmp_path: Path) -> None:
    """A file name that is no UTF-8 gets escapes, so that it can be an id."""
    raw = os.fsencode(tmp_path) + b"/caf\xe9.md"
    Path(os.fsdecode(raw)).write_text("words")
    assert names(list_inputs([tmp_path])) == ["caf\\xe9.md"]
