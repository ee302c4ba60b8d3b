"""The small parts of a run, each by itself: names, deliveries, what was seen, interruptions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.cluster.bulk import Action
from esrag.corpus.records import Listed, Skipped
from esrag.indexing.interruption import Interruption
from esrag.indexing.naming import Naming
from esrag.indexing.outbox import Outbox
from esrag.indexing.seen import Seen
from esrag.ledger import Change, Input, Ledger

DOCS = "file:///srv/docs"


def listed(name: str, origin: str) -> Listed:
    """A file as a listing of a folder gives it."""
    return Listed(Path("/srv"), name, origin, f"{origin}/{name}")


@pytest.mark.parametrize(
    ("known", "origin", "name", "expected"),
    [
        ([], f"{DOCS}/guides", "a.md", (f"{DOCS}/guides", "a.md")),
        ([DOCS], DOCS, "guides/a.md", (DOCS, "guides/a.md")),
        ([DOCS], f"{DOCS}/guides", "a.md", (DOCS, "guides/a.md")),
        ([f"{DOCS}/guides"], DOCS, "guides/a.md", (f"{DOCS}/guides", "a.md")),
        ([f"{DOCS}/guides"], DOCS, "b.md", (DOCS, "b.md")),
        (["file:///srv", DOCS], f"{DOCS}/guides", "a.md", (DOCS, "guides/a.md")),
        (["file:///srv/doc"], DOCS, "a.md", (DOCS, "a.md")),
    ],
)
def test_the_longest_known_origin_names_a_file(
    known: list[str], origin: str, name: str, expected: tuple[str, str]
) -> None:
    """Whatever folder was named this time."""
    found = Naming(known).named(listed(name, origin))
    assert (found.origin, found.name) == expected


def test_a_file_that_was_named_itself_belongs_to_a_known_folder() -> None:
    """And keeps its name where none is known."""
    file = Listed(Path("/srv/docs/x/a.md"), "a.md", f"{DOCS}/x/a.md", f"{DOCS}/x/a.md")
    assert Naming([DOCS]).named(file).name == "x/a.md"
    assert Naming([]).named(file) == file


def test_an_origin_that_the_user_gave_is_kept() -> None:
    """Also of what is left out."""
    file = Skipped(Path("/srv"), "a.png", "unknown type", origin="handbook", uri=f"{DOCS}/a.png")
    assert Naming([DOCS]).named(file) == file


def test_scopes_are_the_known_origins_that_a_listing_covers() -> None:
    """Above it only a part, below it all."""
    naming = Naming([DOCS, f"{DOCS}/guides/deep", "s3://bucket"])
    found = set(naming.scopes(f"{DOCS}/guides"))
    assert found == {(DOCS, "guides"), (f"{DOCS}/guides/deep", "")}
    names = Naming(["team", "team/docs"])
    assert names.scopes("team/docs") == [("team/docs", "")]
    assert names.scopes("team") == [("team", "")]


@given(
    st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=8),
    st.integers(1, 10),
    st.integers(100, 2000),
)
def test_deliveries_keep_the_order_and_lose_nothing(
    documents: list[tuple[int, bool]], size: int, max_bytes: int
) -> None:
    """What must stay whole is in one of them; only that makes one longer than it should be."""
    outbox = Outbox()
    for key, (count, whole) in enumerate(documents):
        actions = [Action("index", f"{key}-{n}", key, b"x" * 100) for n in range(count)]
        outbox.put(actions, whole=whole)
    sent: list[Action] = []
    while outbox:
        parcel = outbox.take(size=size, max_bytes=max_bytes)
        assert parcel.actions
        for key in {action.key for action in parcel.actions if documents[action.key][1]}:
            assert sum(action.key == key for action in parcel.actions) == documents[key][0]
            assert parcel.ordered
        is_one_whole = len({action.key for action in parcel.actions}) == 1 and parcel.ordered
        assert len(parcel.actions) <= size or is_one_whole
        sent += parcel.actions
    assert [action.id for action in sent] == [
        f"{key}-{n}" for key, (count, _) in enumerate(documents) for n in range(count)
    ]


def test_the_first_of_an_id_has_it() -> None:
    """A rejected input takes no id."""
    seen = Seen()
    seen.keep("a.md")
    assert seen.claim("a.md", "docs/a.md") == ""
    assert seen.claim("a.md", "other/a.md") == "docs/a.md"


def test_what_a_rejected_file_may_hold_was_met() -> None:
    """Records and members, but not a file beside it."""
    seen = Seen()
    seen.keep("r.jsonl")
    seen.claim("x.jsonl", "docs/x.jsonl")
    met = ("r.jsonl", "r.jsonl#1", "r.jsonl!/a/b.md", "r.jsonlx", "x.jsonl#1", "y")
    assert [seen.has_met(each) for each in met] == [True, True, True, False, False, False]


def test_an_interruption_waits_for_the_end_of_a_step() -> None:
    """But not while the run itself waits, and not a second time."""
    one = Interruption()
    one.request(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), one.waiting():
        pytest.fail("nothing is begun any more")
    one.check()  # said once
    other = Interruption()
    with pytest.raises(KeyboardInterrupt), other.waiting():
        other.request(KeyboardInterrupt())
    third = Interruption()
    third.request(KeyboardInterrupt())
    with pytest.raises(SystemExit):
        third.request(SystemExit())


def test_names_that_are_no_text_can_be_noted(tmp_path: Path) -> None:
    """Half a surrogate pair in a name or a reason stops nothing."""
    seen = Seen()
    assert seen.claim("a\ud800", "docs/a\ud800") == ""
    seen.keep("b\udcff")
    assert "\\ud800" in seen.claim("a\ud800", "")
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.begin("r", [])
        ledger.listed("r", [Input(1, "docs/a\ud800", "a\ud800", "line\ud800")])
        ledger.record("r", [Change(1, "rejected", code="empty", detail="no \ud800")])
        assert ledger.counts("r").rejected == 1
