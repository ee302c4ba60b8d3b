"""Documents leave the index when their input is gone or somebody says so, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from memory_index import Desk

from esrag.cluster.bulk import Action
from esrag.cluster.stored_documents import (
    Selection,
    documents_body,
    read_documents,
    selection_query,
)
from esrag.corpus.origins import file_uri
from esrag.errors import ConflictError, UnavailableError, UsageError
from esrag.indexing import PrunedOrigin, find, forget
from esrag.ledger import Ledger


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Six documents in the index, two of them in a folder."""
    desk = Desk(tmp_path)
    (desk.docs / "guides").mkdir()
    for name in ("a.txt", "b.txt", "c.txt", "d.txt", "guides/a.txt", "guides/b.txt"):
        desk.write(name, 2, name)
    desk.run()
    return desk


def held(desk: Desk) -> list[str]:
    """The ids that the index holds, which are also those of the book."""
    ids = sorted({str(chunk["document_id"]) for chunk in desk.index.chunks.values()})
    with Ledger(desk.folder / "ledger.sqlite") as ledger:
        assert [document.id for document in ledger.documents()] == ids
    return ids


def test_what_vanished_is_pruned(desk: Desk) -> None:
    """With all its chunks; the rest is unchanged."""
    (desk.docs / "b.txt").unlink()
    counts = desk.run(prune=True).counts
    assert (counts.listed, counts.unchanged) == (5, 5)
    assert held(desk) == ["a.txt", "c.txt", "d.txt", "guides/a.txt", "guides/b.txt"]
    assert desk.pruned.origins == (PrunedOrigin(file_uri(desk.docs), "", 6, 1),)
    assert (desk.pruned.documents, desk.pruned.chunks) == (1, 2)


def test_without_prune_nothing_leaves(desk: Desk) -> None:
    """The index keeps what it was given."""
    (desk.docs / "b.txt").unlink()
    desk.run()
    assert len(held(desk)) == 6


def test_a_sub_folder_prunes_what_is_below_it_only(desk: Desk) -> None:
    """The rest of the origin was not listed, so nothing is known of it."""
    (desk.docs / "b.txt").unlink()
    (desk.docs / "guides" / "b.txt").unlink()
    assert desk.run(desk.docs / "guides", prune=True).counts.unchanged == 1
    assert held(desk) == ["a.txt", "b.txt", "c.txt", "d.txt", "guides/a.txt"]
    assert desk.pruned.origins == (PrunedOrigin(file_uri(desk.docs), "guides", 6, 1),)


def test_most_of_an_origin_is_removed_only_when_told(desk: Desk) -> None:
    """A folder that was emptied by mistake, or not mounted, empties no index."""
    for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
        (desk.docs / name).unlink()
    with pytest.raises(ConflictError, match="4 of the 6 documents"):
        desk.run(prune=True)
    assert len(held(desk)) == 6
    desk.run(prune=True, prune_all=True)
    assert held(desk) == ["guides/a.txt", "guides/b.txt"]


def test_a_rejected_input_has_not_disappeared(desk: Desk) -> None:
    """Its document stays when the failure says nothing of its content."""
    desk.rejects = {"b.txt": "parser_limit"}
    (desk.docs / "c.txt").unlink()
    assert desk.run(prune=True).counts.rejected == 1
    assert held(desk) == ["a.txt", "b.txt", "d.txt", "guides/a.txt", "guides/b.txt"]


def test_what_became_unusable_does_not_go_on_to_answer(desk: Desk) -> None:
    """The older version is removed; the same content that fails to be read today is not."""
    (desk.docs / "b.txt").write_bytes(b"\xff\xfe\xff")
    desk.rejects = {"c.txt": "broken"}
    report = desk.run()
    assert report.counts.rejected == 2
    assert report.chunks_removed == 2
    assert held(desk) == ["a.txt", "c.txt", "d.txt", "guides/a.txt", "guides/b.txt"]


def test_what_became_unusable_may_have_moved(desk: Desk) -> None:
    """Another input of the run has taken the id: that one stays."""
    (desk.docs / "b.txt").write_bytes(b"\xff\xfe\xff")
    other = desk.folder / "other"
    other.mkdir()
    (other / "b.txt").write_text("a new text of it")
    counts = desk.run(desk.docs, other, name=file_uri(desk.docs)).counts
    assert (counts.rejected, counts.indexed, counts.unchanged) == (1, 1, 5)
    assert len(held(desk)) == 6


def test_a_place_that_cannot_be_listed_withholds_pruning(desk: Desk) -> None:
    """What it holds is unknown."""
    (desk.docs / "gone.txt").symlink_to("nowhere")
    (desk.docs / "b.txt").unlink()
    desk.run(desk.docs, desk.docs / "gone.txt", prune=True)
    assert "could not be looked at" in desk.pruned.withheld
    assert len(held(desk)) == 6


def test_records_that_vanished_from_a_file_are_pruned(desk: Desk) -> None:
    """But not when a line of it could not be read: the record may be in that one."""
    lines = [f'{{"id": {n}, "text": "record {n}"}}' for n in range(4)]
    (desk.docs / "r.jsonl").write_text("\n".join(lines))
    desk.run()
    (desk.docs / "r.jsonl").write_text("\n".join(lines[:2]) + "\n{bad")
    desk.run(prune=True)
    assert "r.jsonl#3" in held(desk)
    (desk.docs / "r.jsonl").write_text("\n".join(lines[:2]))
    desk.run(prune=True)
    assert [each for each in held(desk) if "r.jsonl" in each] == ["r.jsonl#0", "r.jsonl#1"]


def test_a_folder_and_its_sub_folder_give_one_document(desk: Desk) -> None:
    """The origin that the index knows decides the id."""
    assert desk.run(desk.docs / "guides").counts.unchanged == 2
    assert desk.run(desk.docs / "guides" / "a.txt").counts.unchanged == 1
    assert len(held(desk)) == 6


def test_the_id_of_another_origin_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Unless the content is the same, or the user says that it is the same place."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("quite another text")
    (other / "b.txt").write_bytes((desk.docs / "b.txt").read_bytes())
    report = desk.run(other)
    assert (report.counts.unchanged, report.counts.rejected) == (1, 1)
    (letter,) = report.rejected
    assert letter.code == "id_conflict"
    assert file_uri(desk.docs) in letter.reason
    assert desk.index.positions("a.txt") == [0, 1]
    assert desk.run(other, name=file_uri(desk.docs)).counts.indexed == 1
    assert desk.index.positions("a.txt") == [0]


def test_documents_are_forgotten_by_run_origin_or_source(desk: Desk) -> None:
    """Found first, then removed, and the book follows."""
    desk.write("new.txt", 1)
    desk.run()
    with Ledger(desk.folder / "ledger.sqlite") as ledger:
        found = find(desk.index, Selection(run="run2"))
        assert (found.documents, found.chunks, found.first) == (1, 1, ["new.txt"])
        assert forget(desk.index, ledger, Selection(run="run2")).documents == 1
        assert forget(desk.index, ledger, Selection(source="guides/*")).chunks == 4
    assert held(desk) == ["a.txt", "b.txt", "c.txt", "d.txt"]
    with Ledger(desk.folder / "ledger.sqlite") as ledger:
        origin = file_uri(desk.docs)
        assert forget(desk.index, ledger, Selection(origin=origin, below="a.txt")).documents == 1
        assert forget(desk.index, ledger, Selection(origin=origin)).documents == 3
    assert held(desk) == []


def test_a_removal_that_was_cut_off_is_settled_by_the_next_run(desk: Desk) -> None:
    """Cut off after the last chunk, the book still names the document; then it does not."""
    desk.index.before_send = lambda: _cut_off(desk)
    with Ledger(desk.folder / "ledger.sqlite") as ledger, pytest.raises(UnavailableError):
        forget(desk.index, ledger, Selection(source="a.txt"))
    with Ledger.reading(desk.folder / "ledger.sqlite") as ledger:
        assert ledger.being_removed() == ["a.txt"]
    desk.index.before_send = lambda: None
    (desk.docs / "a.txt").unlink()
    desk.run()
    assert held(desk) == ["b.txt", "c.txt", "d.txt", "guides/a.txt", "guides/b.txt"]


def _cut_off(desk: Desk) -> None:
    actions: Sequence[Action] = desk.index.requests[-1]
    for action in actions:
        desk.index.chunks.pop(action.id, None)
    raise UnavailableError("the answer is lost")


def test_a_selection_says_something() -> None:
    """An empty one would be everything."""
    with pytest.raises(UsageError):
        Selection()
    with pytest.raises(UsageError):
        Selection(run="r", below="guides")


def test_a_path_holds_what_is_below_it() -> None:
    """A folder, an archive, a file of records, but not a name that begins alike."""
    guides = Selection(origin="file:///docs", below="guides")
    ids = ("guides", "guides/a.md", "guides#3", "guides!/x", "guides.md", "guidesmen/a")
    assert [guides.holds(each) for each in ids] == [True, True, True, True, False, False]


def test_a_selection_becomes_filters_only() -> None:
    """A pattern is matched against names, and a backslash in it is a letter."""
    query = selection_query(Selection(origin="o", run="r", source="a\\b*"))
    assert query["bool"]["filter"][:2] == [{"term": {"origin": "o"}}, {"term": {"run_id": "r"}}]
    wildcards = query["bool"]["filter"][2]["bool"]["should"]
    assert wildcards[0] == {"wildcard": {"document_id": {"value": "a\\\\b*"}}}


def test_documents_are_read_page_by_page() -> None:
    """Each with its chunks and its origin, and where the next page begins."""
    assert documents_body(Selection(run="r"), after="x")["aggs"]["documents"]["composite"][
        "after"
    ] == {"document": "x"}
    bucket = {"key": {"document": "a"}, "doc_count": 2, "origins": {"buckets": [{"key": "o"}]}}
    found = {"buckets": [bucket], "after_key": {"document": "a"}}
    answer = {"_shards": {"failed": 0}, "aggregations": {"documents": found}}
    documents, after = read_documents(answer)
    assert [(d.id, d.chunks, d.origin) for d in documents] == [("a", 2, "o")]
    assert after == "a"
    with pytest.raises(UnavailableError, match="shard"):
        read_documents({"_shards": {"failed": 1}, "aggregations": {"documents": found}})
