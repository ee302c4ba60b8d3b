"""Folders, files, patterns, lists and standard input become entries: in order, each once."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest

from esrag.corpus.listing import (
    Entry,
    Listing,
    ListingOptions,
)
from esrag.corpus.listing.globs import Glob, split
from esrag.corpus.listing.sorting import Seen, in_order
from esrag.corpus.origins import file_uri, name_below, name_under
from esrag.corpus.records import Listed, Rejected, Skipped
from esrag.corpus.spool import Spool
from esrag.errors import UsageError

NONE = ListingOptions()


def write(path: Path, text: str = "words") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def tree(root: Path, *names: str) -> Path:
    """A folder with these files."""
    for name in names:
        write(root / name)
    return root


def taken(*arguments: str | Path, options: ListingOptions = NONE) -> list[str]:
    """The names of what is to be read."""
    entries = Listing([str(argument) for argument in arguments], options).entries()
    return [entry.name for entry in entries if isinstance(entry, Listed)]


def rules(*arguments: str | Path, options: ListingOptions = NONE) -> dict[str, str]:
    """The rule for each name that is skipped."""
    entries = Listing([str(argument) for argument in arguments], options).entries()
    return {entry.name: entry.rule for entry in entries if isinstance(entry, Skipped)}


def test_every_entry_says_where_it_is_from(tmp_path: Path) -> None:
    """The origin is what was named, the address is that of the file, whatever its name."""
    root = tree(tmp_path / "my docs", "a.md", "b/ü #1.md", ".hidden.md", "x.bin")
    entries = list(Listing([str(root)], NONE).entries())
    assert {entry.origin for entry in entries} == {file_uri(root)}
    assert [entry.uri for entry in entries] == [
        (root / name).resolve().as_uri() for name in (".hidden.md", "a.md", "b/ü #1.md", "x.bin")
    ]


def test_a_listing_begins_before_the_folder_is_read_to_its_end(tmp_path: Path) -> None:
    """Folders are opened when their turn has come."""
    root = tree(tmp_path, "a/1.md", "z/1.md")
    entries = Listing([str(root)], NONE).entries()
    assert next(entries).name == "a/1.md"
    write(root / "z/2.md")
    assert [entry.name for entry in entries] == ["z/1.md", "z/2.md"]


def test_the_memory_of_a_walk_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    """Only the names of the folders on the way down are held."""

    for number in range(60):
        folder = tmp_path / f"{number:03}"
        folder.mkdir()
        for file in range(50):
            (folder / f"{file:03}.md").touch()
    tracemalloc.start()
    for count, _ in enumerate(Listing([str(tmp_path)], NONE).entries(), start=1):
        if count == 2_999:
            held = tracemalloc.take_snapshot()
    tracemalloc.stop()
    ours = held.filter_traces([tracemalloc.Filter(True, "*/esrag/*")])
    assert count == 3_000
    assert sum(each.size for each in ours.statistics("filename")) < 60_000


def test_many_names_are_sorted_on_disk_as_in_memory() -> None:
    """Undecodable bytes and folders among them."""
    items = [(f"{(n * 7919) % 1000:04}.md", "file") for n in range(1000)]
    items += [("caf\udce9.md", "file"), ("ü.md", "file"), ("docs/", "folder")]
    assert list(in_order(iter(items), in_memory=10)) == sorted(items)


def test_what_was_seen_is_known_again() -> None:
    """Also when it is no UTF-8."""
    seen = Seen()
    assert [seen.add(text) for text in ("a", "b", "a", "\udce9", "\udce9")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    seen.close()


def test_patterns_select_as_gitignore_does_and_are_named(tmp_path: Path) -> None:
    """An excluded folder counts once and is not entered."""
    root = tree(tmp_path, "a.md", "b.txt", "build/x.md", "build/y.md", "n/draft-1.md", "n/z.md")
    options = ListingOptions(include=("*.md",), exclude=("# words", "build/", "draft-*"))
    assert taken(root, options=options) == ["a.md", "n/z.md"]
    assert rules(root, options=options) == {
        "b.txt": "matches no pattern of --include",
        "build/": "excluded by build/",
        "n/draft-1.md": "excluded by draft-*",
    }


def test_a_pattern_that_is_none_is_refused(tmp_path: Path) -> None:
    """Before anything is listed."""
    with pytest.raises(UsageError, match="pattern"):
        Listing([str(tmp_path)], ListingOptions(exclude=("[z-a]",))).entries()


def test_a_file_that_is_named_is_taken_whatever_the_patterns_say(tmp_path: Path) -> None:
    """Patterns are about what lies in folders."""
    assert taken(write(tmp_path / "a.md"), options=ListingOptions(exclude=("*",))) == ["a.md"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.md", ["a.md"]),
        ("**/*.md", ["a.md", "d/b.md", "d/e/c.md"]),
        ("d/**", ["b.md", "e/c.md", "t.txt"]),
        ("d", ["b.md", "e/c.md", "t.txt"]),
        ("d*", ["d/b.md", "d/e/c.md", "d/t.txt"]),
        ("?/e/[a-c].md", ["d/e/c.md"]),
        ("d/**/c.md", ["e/c.md"]),
        ("*/[!b].md", []),
        (".h/*", ["x.md"]),
        ("*/t.*", ["d/t.txt"]),
    ],
)
def test_a_quoted_pattern_selects_what_a_shell_would(
    tmp_path: Path, pattern: str, names: list[str]
) -> None:
    """Names are below the folders before the first sign; dots have to be written."""
    tree(tmp_path, "a.md", "d/b.md", "d/e/c.md", "d/t.txt", ".h/x.md", "d/.y.md")
    if not names:
        with pytest.raises(UsageError, match="no such file"):
            taken(tmp_path / pattern)
    else:
        assert taken(tmp_path / pattern) == names


def test_a_pattern_does_not_enter_what_cannot_match(tmp_path: Path) -> None:
    """``docs/*.md`` does not look through all of docs."""
    assert split("docs/*.md") == ("docs", "*.md")
    assert split("*.md") == (".", "*.md")
    assert split("/[ab]/x") == ("/", "[ab]/x")
    assert not Glob("*.md").enters("sub")
    assert Glob("a/**/z.md").enters("a/b/c")
    assert not Glob("a/*/z.md").enters("a/b/c")


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path: Path) -> None:
    """What exists is meant as it is written."""
    assert taken(write(tmp_path / "a[1].md")) == ["a[1].md"]


def test_standard_input_is_kept_in_a_file_of_its_name(tmp_path: Path) -> None:
    """It can be read as any other file, by a child process too."""
    with Spool(tmp_path / "spool") as spool:
        options = ListingOptions(name="n.md", spool=spool, stdin=io.BytesIO(b"# Words"))
        (entry,) = Listing(["-"], options).entries()
        assert isinstance(entry, Listed)
        assert entry.spooled
        assert entry.path.read_bytes() == b"# Words"
        assert (entry.name, entry.origin, entry.uri) == ("n.md", "stdin:", "stdin:n.md")
        assert entry.path.suffix == ".md"
    assert not entry.path.exists()


def test_too_much_standard_input_is_rejected_and_leaves_nothing(tmp_path: Path) -> None:
    """The limit holds while it is read."""
    with Spool(tmp_path) as spool:
        options = ListingOptions(
            name="n.md", spool=spool, stdin=io.BytesIO(b"x" * 11), max_bytes=10
        )
        (entry,) = Listing(["-"], options).entries()
        assert isinstance(entry, Rejected)
        assert (entry.stage, entry.code) == ("read", "too_large")
        assert not list(tmp_path.rglob("*.md"))


def test_standard_input_needs_a_name_and_is_read_once(tmp_path: Path) -> None:
    """Otherwise nobody knows what it is."""
    with pytest.raises(UsageError, match="needs a name"):
        Listing(["-"], NONE).entries()
    with pytest.raises(UsageError, match="more than once"):
        Listing(["-", "-"], ListingOptions(name="a.md")).entries()


def test_a_list_names_files_folders_and_patterns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are called as the list calls them, so equal file names do not collide."""
    tree(tmp_path, "a/index.md", "b/index.md", "b/c/d.md", "e/f.md")
    monkeypatch.chdir(tmp_path)
    lines = "\ufeff# a list\n\na/index.md\r\n./b\nmissing.md\n e/*.md \na/index.md\n"
    named = write(tmp_path / "list.txt", lines)
    entries = list(Listing([], ListingOptions(lists=(named,))).entries())
    assert [(type(entry).__name__, entry.name) for entry in entries] == [
        ("Listed", "a/index.md"),
        ("Listed", "b/c/d.md"),
        ("Listed", "b/index.md"),
        ("Rejected", "missing.md"),
        ("Listed", "e/f.md"),
        ("Skipped", "a/index.md"),
    ]
    assert {entry.origin for entry in entries} == {file_uri(named)}


def test_a_list_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    """Told together with everything else that is missing."""
    with pytest.raises(UsageError, match=r"no1.*no2"):
        Listing(["no1"], ListingOptions(lists=(tmp_path / "no2",))).entries()


def test_only_what_is_listed_whole_is_complete(tmp_path: Path) -> None:
    """A pattern does not say that all else has disappeared."""
    tree(tmp_path, "d/a.md", "d/b.md")
    uri = file_uri(tmp_path / "d")
    found = Listing([str(tmp_path / "d/*.md"), str(tmp_path / "d/a.md")], NONE).origins
    assert [(each.uri, each.complete) for each in found] == [
        (uri, False),
        (uri + "/a.md", True),
    ]
    assert [each.complete for each in Listing([str(tmp_path / "d")], NONE).origins] == [True]


def test_an_origin_can_be_given(tmp_path: Path) -> None:
    """The same documents may then lie elsewhere next time."""
    root = tree(tmp_path / "d", "a.md")
    options = ListingOptions(origin="handbook")
    assert [entry.origin for entry in Listing([str(root)], options).entries()] == ["handbook"]
    assert [each.uri for each in Listing([str(root)], options).origins] == ["handbook"]


def test_an_input_is_found_again_below_a_known_origin(tmp_path: Path) -> None:
    """Whether its folder, a folder in it, the file or a list of it is named."""
    root = tree(tmp_path / "docs", "guides/ü 1.md")
    known = file_uri(root)
    written = write(tmp_path / "docs/list.txt", str(root / "guides/ü 1.md"))
    for arguments, options in (
        ([str(root)], NONE),
        ([str(root / "guides")], NONE),
        ([str(root / "guides/ü 1.md")], NONE),
        ([str(root / "guides/*")], NONE),
        ([], ListingOptions(lists=(written,))),
    ):
        (entry,) = (e for e in Listing(arguments, options).entries() if e.name != "list.txt")
        found = name_under(known, name=entry.name, origin=entry.origin, uri=entry.uri)
        assert found == "guides/ü 1.md"
    assert name_below(file_uri(tmp_path), known) is None
    assert name_below(known + "-more/a.md", known) is None


def test_one_changed_path_gets_the_entry_that_a_walk_gives(tmp_path: Path) -> None:
    """For watching: the same names and rules, nothing for what is gone or elsewhere."""
    root = tree(tmp_path / "d", "a.md", "b/c.md", ".h/x.md", "drafts/y.md", "z.bin")
    write(tmp_path / "other.md")
    arguments, options = [str(root)], ListingOptions(exclude=("drafts/",))
    everything = {entry.name: entry for entry in Listing(arguments, options).entries()}
    names = ("a.md", "b/c.md", "z.bin", ".h/x.md", "drafts/y.md", "gone.md", "../other.md")
    changed = list(Listing(arguments, options).changed([Path(f"{root}/{name}") for name in names]))
    assert [entry.name for entry in changed] == ["a.md", "b/c.md", "z.bin"]
    assert changed == [everything[entry.name] for entry in changed]


def test_a_pattern_is_searched_for_each_listing(tmp_path: Path) -> None:
    """A second look sees what came meanwhile."""
    listing = Listing([str(tree(tmp_path, "a.md") / "*.md")], NONE)

    def now(entries: list[Entry]) -> list[str]:
        return [entry.name for entry in entries]

    assert now(list(listing.entries())) == ["a.md"]
    write(tmp_path / "b.md")
    assert now(list(listing.entries())) == ["a.md", "b.md"]


def test_what_a_killed_run_left_is_removed_and_what_lives_is_not(tmp_path: Path) -> None:
    """The lock of a folder dies with its process."""
    orphan = tmp_path / "run-dead"
    write(orphan / "lock", "")
    write(orphan / "1.md")
    with Spool(tmp_path) as first:
        mine = first.write([b"x"], ending=".md", max_bytes=1)
        assert not orphan.exists()
        with Spool(tmp_path):
            assert mine.exists()
    assert not list(tmp_path.iterdir())
