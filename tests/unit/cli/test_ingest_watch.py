"""What a watcher makes of changed paths."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from esrag.cli.ingest_watch import Changes, Watched, files_of, places_of, watched
from esrag.corpus.listing import Listing, ListingOptions
from esrag.errors import UsageError


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with files."""
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("a")
    (folder / "sub" / "b.md").write_text("b")
    return folder


def over(folder: Path, **options: str) -> Watched:
    """A folder that is watched."""
    return watched([str(folder)], Listing([str(folder)], ListingOptions(**options)))


def test_a_folder_that_appears_is_all_that_is_in_it(docs: Path) -> None:
    """Each file once, also when it is named beside its folder."""
    b = docs / "sub" / "b.md"
    assert files_of([docs / "sub", b, docs / "a.md"]) == [b, docs / "a.md"]


def test_what_vanished_is_looked_for_below_its_origin(docs: Path) -> None:
    """Under the longest origin that the index knows, by the path below it."""
    what, uri = over(docs / "sub"), docs.as_uri()
    gone = [docs / "sub" / "b.md", docs / "a.md"]
    assert list(places_of(what, gone, [uri])) == [(uri, "sub/b.md")]
    assert list(places_of(what, gone, [f"{uri}/sub"])) == [(f"{uri}/sub", "b.md")]
    assert list(places_of(what, gone, ["file:///elsewhere"])) == []


def test_an_origin_with_a_name_is_kept(docs: Path) -> None:
    """The path below the folder that was named."""
    what = over(docs, origin="handbook")
    gone = [docs / "sub" / "b.md"]
    assert list(places_of(what, gone, ["handbook"])) == [("handbook", "sub/b.md")]


def test_a_watched_folder_that_vanishes_takes_nothing_with_it(docs: Path) -> None:
    """A disk that is not mounted is no reason to empty an index."""
    assert list(places_of(over(docs), [docs], [docs.as_uri()])) == []


def test_what_is_not_on_this_machine_cannot_be_watched() -> None:
    """It is said which argument."""
    with pytest.raises(UsageError, match="s3://bucket"):
        watched(["s3://bucket"], Listing([], ListingOptions()))


def test_changes_are_seen_from_the_beginning(docs: Path) -> None:
    """What is written right after the start is not missed."""
    changes = Changes([docs])
    with changes.watching():
        (docs / "c.md").write_text("c")
        found: set[Path] = set()
        until = time.monotonic() + 20
        while docs / "c.md" not in found and time.monotonic() < until:
            found |= changes.next(timeout=1.0)
    assert docs / "c.md" in found
