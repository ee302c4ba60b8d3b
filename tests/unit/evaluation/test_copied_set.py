"""Stored chunks as documents for a copy of their set; and one of them with another text."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.chunking import chunk_id
from esrag.cluster.chunk_scan import StoredChunk
from esrag.errors import UnavailableError, UsageError
from esrag.evaluation.copied_set import CopiedSet, changed, cut_of
from esrag.evaluation.replacing import has, replaced
from esrag.parsing.task import Cut
from esrag.testing_elasticsearch import ElasticsearchFake, Request
from esrag.testing_elasticsearch import Reply as Answered


def chunk(document: str, position: int, text: str, **more: Any) -> dict[str, Any]:
    """A chunk as the index holds it."""
    start = more.pop("start", 0)
    source = {
        "document_id": document,
        "position": position,
        "start": start,
        "end": start + len(text),
        "text": text,
        "document_hash": f"hash of {document}",
        "run_id": "r",
        "origin": "file:///docs",
        "chunk_count": 2,
        **more,
    }
    return {"_id": f"{document}-{position}", "_source": source, "sort": [document, position]}


MARLOW = [
    chunk("marlow", 0, "It opened on 3 May 2026.", title="Marlow", heading_path=["Dates"]),
    chunk("marlow", 1, "Since 3 May 2026 it is open.", start=13, acl="staff", metadata={"a": "b"}),
]
TARN = [chunk("tarn", 0, "It weighs 14 kg.")]


def copied(*chunks: dict[str, Any]) -> CopiedSet:
    """A set that holds these chunks."""

    def answer(request: Request) -> Answered:
        if request.path.endswith("_pit"):
            return Answered(200, {"id": "p", "_shards": {"failed": 0}})
        body: Any = request.body or {}
        clauses = body["query"]["bool"]["filter"]
        first = clauses[0]["bool"]["should"][0]["range"]["document_id"]["gte"] if clauses else ""
        found = (
            [] if "search_after" in body else [c for c in chunks if (c["sort"][0] or "~") >= first]
        )
        hits = {"hits": {"hits": found}, "timed_out": False, "_shards": {"failed": 0}}
        return Answered(200, {"pit_id": "p", **hits})

    client = ElasticsearchFake(answer).client()
    return CopiedSet(client, "esrag-docs-x", copy="x-update")


def cut(*chunks: dict[str, Any]) -> Cut:
    """The document of these chunks."""
    stored = [StoredChunk(each["_id"], each["_source"], each["sort"][0]) for each in chunks]
    return cut_of(stored[0].document_id, stored, copy="x-update")


def test_documents_come_as_they_were_cut_with_ids_of_the_copy() -> None:
    """Texts, places, readers and metadata stay."""
    source = copied(*MARLOW, *TARN)
    first, second = source.documents()
    assert [each.parsed.document.id for each in (first, second)] == ["marlow", "tarn"]
    assert first.hash == "hash of marlow"
    assert [each.text for each in first.chunks] == [each["_source"]["text"] for each in MARLOW]
    assert first.chunks[0].id == chunk_id("x-update", "marlow", 0)
    assert first.chunks[0].heading_path == ("Dates",)
    assert first.chunks[1].acl == ("staff",)
    assert first.chunks[1].metadata == {"a": "b"}
    assert (first.chunks[1].start, first.chunks[1].chunk_count) == (13, 2)


def test_a_run_reads_them_in_the_order_of_its_entries() -> None:
    """Each entry becomes its document, and is then finished; the run's origin counts."""
    source = copied(*MARLOW, *TARN)
    files = list(enumerate(source.entries(source.documents())))
    read = list(source.read(files))  # type: ignore[arg-type]
    assert [each.number for each in read] == [0, 0, 1, 1]
    assert [each.outcome is None for each in read] == [False, True, False, True]
    assert source.count == 2
    outcome = read[2].outcome
    assert isinstance(outcome, Cut)
    assert outcome.chunks[0].origin == "file:///docs"


def test_chunks_of_nobody_are_counted_and_left_out() -> None:
    """Somebody else may have written into the index."""
    stray = {"_id": "s", "_source": {"text": "stray"}, "sort": [None, None]}
    source = copied(*TARN, stray)
    assert len(list(source.documents())) == 1
    assert source.without == 1


def test_a_document_is_found_by_its_id_only() -> None:
    """The message names the one that would come next."""
    source = copied(*MARLOW, *TARN)
    assert source.document("tarn").parsed.document.id == "tarn"
    with pytest.raises(UsageError, match="no document rill; the next is tarn"):
        source.document("rill")
    with pytest.raises(UsageError, match="no document zero"):
        source.document("zero")


def test_a_chunk_that_is_no_chunk_is_told() -> None:
    """Not a traceback."""
    broken = chunk("tarn", 0, "x")
    del broken["_source"]["document_hash"]
    with pytest.raises(UnavailableError, match="a chunk of tarn cannot be read"):
        cut(broken)


def test_a_text_is_replaced_wherever_the_document_has_it() -> None:
    """Offsets move along, also where chunks overlap; the version is another one."""
    before = cut(*MARLOW)
    after = changed(before, "3 May 2026", "9 June 2026")
    assert [each.text for each in after.chunks] == [
        "It opened on 9 June 2026.",
        "Since 9 June 2026 it is open.",
    ]
    assert [(each.start, each.end) for each in after.chunks] == [(0, 25), (13, 42)]
    assert after.hash != before.hash
    assert after.chunks[0].content_hash != before.chunks[0].content_hash
    assert after.chunks[0].id == before.chunks[0].id


def test_titles_and_headings_change_as_well() -> None:
    """They are found by, and shown."""
    after = changed(cut(chunk("a", 0, "x", title="Release 4", heading_path=["On 4"])), "4", "5")
    assert (after.chunks[0].title, after.chunks[0].heading_path) == ("Release 5", ("On 5",))


def test_a_text_that_is_not_there_is_refused() -> None:
    """By the document's name."""
    with pytest.raises(UsageError, match="marlow does not hold '4 May 2026'"):
        changed(cut(*MARLOW), "4 May 2026", "x")


@pytest.mark.parametrize(
    ("text", "old", "expected"),
    [
        ("holds 5,000 points", "5,000", True),
        ("holds 15,000 points", "5,000", False),
        ("holds 5,000.5 points", "5,000", False),
        ("holds 5,000.", "5,000", True),
        ("release 4.2.1", "4.2.1", True),
        ("release 4.2.1.3", "4.2.1", False),
        ("(net)", "(net)", True),
        ("Maybe", "May", False),
    ],
)
def test_only_whole_words_are_replaced(text: str, old: str, *, expected: bool) -> None:
    """A number is no part of another."""
    assert has(text, old) is expected
    assert (replaced(text, old, r"\1") != text) is expected
