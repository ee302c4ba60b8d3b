"""The books against the index, document by document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from esrag.auditing import ADVICE, Audit, Books, Finding, holdings
from esrag.auditing.findings import KINDS
from esrag.cluster.chunk_facts import ChunkFacts, facts_body, facts_of
from esrag.ledger import KnownDocument

ORIGIN = "file:///docs"


def chunks(document_id: str, count: int, *, version: str = "v1") -> list[ChunkFacts]:
    """A document as the index holds it when all is well."""
    return [
        ChunkFacts(f"{document_id}-{at}", document_id, at, count, version, "run", ORIGIN, True)
        for at in range(count)
    ]


def known(document_id: str, count: int, *, version: str = "v1") -> KnownDocument:
    """The same document in the books."""
    return KnownDocument(document_id, ORIGIN, version, count, document_id, "5ha", "run")


def audited(
    facts: Iterable[ChunkFacts], *documents: KnownDocument, books: bool = True
) -> tuple[list[Finding], Audit]:
    """All findings, and the audit with its tally."""
    audit = Audit(
        holdings(facts),
        Books(documents, frozenset((ORIGIN,) if documents else ())) if books else None,
    )
    return list(audit.findings()), audit


def test_what_agrees_is_whole() -> None:
    """Nothing is found, everything is counted."""
    facts = [*chunks("a", 3), *chunks("b", 1)]
    found, audit = audited(facts, known("a", 3), known("b", 1))
    assert found == []
    assert (audit.tally.documents, audit.tally.chunks, audit.tally.whole) == (2, 4, 2)


@pytest.mark.parametrize(
    ("facts", "kind", "words"),
    [
        ([], "missing", "none of its 3 chunks"),
        (chunks("a", 3)[:2], "incomplete", "2 of 3 chunks"),
        (chunks("a", 3)[1:], "incomplete", "1 chunks missing, at position 0"),
        ([replace(one, chunk_count=2) for one in chunks("a", 3)], "surplus", "3 chunks, it has 2"),
        (
            sorted([*chunks("a", 3), replace(chunks("a", 3)[1], id="x")], key=lambda c: c.position),
            "doubled",
            "at position 1",
        ),
        ([*chunks("a", 3)[:2], *chunks("a", 3, version="v0")[2:]], "mixed", "2 versions"),
        (chunks("a", 3, version="v0"), "other_version", "the books say v1"),
        (
            [replace(one, embedded=one.position != 1) for one in chunks("a", 3)],
            "no_vector",
            "1 of 3",
        ),
    ],
)
def test_every_disagreement_is_found(facts: list[ChunkFacts], kind: str, words: str) -> None:
    """By its kind, once, with figures."""
    found, audit = audited(facts, known("a", 3))
    assert [each.kind for each in found] == [kind]
    assert words in found[0].detail
    assert audit.tally.whole == 0


def test_a_document_that_the_books_should_know_is_found() -> None:
    """They know its origin; documents of other origins are somebody else's."""
    elsewhere = [replace(one, origin="s3://other") for one in chunks("c", 2)]
    found, audit = audited([*chunks("a", 1), *chunks("b", 2), *elsewhere], known("a", 1))
    assert [(each.document_id, each.kind) for each in found] == [("b", "unknown")]
    assert audit.tally.elsewhere == {"s3://other": 1}


def test_documents_of_other_producers_are_counted_and_not_judged() -> None:
    """They have no run, and may have positions or not."""
    foreign = ChunkFacts("x", "b", -1, 0, "", "", "", False)
    found, audit = audited([*chunks("a", 1), foreign], known("a", 1))
    assert found == []
    assert (audit.tally.foreign, audit.tally.whole) == (1, 1)


def test_a_document_on_its_way_out_may_be_there_in_part() -> None:
    """A removal that was cut off is finished by the next run."""
    leaving = replace(known("a", 3), removing=True)
    assert audited(chunks("a", 3)[:1], leaving)[0] == []
    assert audited([], leaving)[0] == []


def test_without_books_the_index_is_checked_against_itself() -> None:
    """By the number of chunks that each document says it has."""
    found, audit = audited([*chunks("a", 3)[:2], *chunks("b", 2)], books=False)
    assert [(each.document_id, each.kind) for each in found] == [("a", "incomplete")]
    assert audit.tally.whole == 1


def test_documents_of_an_older_version_are_measured_by_the_books() -> None:
    """They do not say how many chunks they have."""
    old = [replace(one, chunk_count=0) for one in chunks("a", 2)]
    assert audited(old, known("a", 2))[0] == []
    (finding,) = audited(old, known("a", 3))[0]
    assert (finding.kind, finding.detail) == ("incomplete", "2 of 3 chunks")


@pytest.mark.parametrize("at", [1, 2, 3])
def test_reading_that_begins_anew_changes_nothing(at: int) -> None:
    """The chunks of the document at hand come once more."""
    facts = chunks("a", 3)
    found, audit = audited([*facts[:at], *facts, *chunks("b", 1)], known("a", 3), known("b", 1))
    assert found == []
    assert audit.tally.chunks == 4


def test_ids_are_merged_in_the_order_of_both_sides() -> None:
    """Elasticsearch and SQLite sort by bytes of UTF-8, which is by code points."""
    names = ["B", "a", "b", "é", "€", "😀"]
    facts = [one for name in names for one in chunks(name, 1)]
    found, audit = audited(facts, *(known(name, 1) for name in names))
    assert found == []
    assert audit.tally.known == len(names)


def test_many_gaps_are_counted_and_the_first_named() -> None:
    """A document of which most is missing has a short finding."""
    facts = [chunks("a", 1000)[999]]
    (finding,) = audited(facts, known("a", 1000))[0]
    assert finding.detail == "999 chunks missing, at positions 0, 1, 2, 3, 4 …"


def test_every_kind_has_advice() -> None:
    """What to do next is said for each."""
    assert set(ADVICE) == set(KINDS)


def test_a_page_asks_for_neither_text_nor_vectors() -> None:
    """Facts come from doc values; a named clause says whether there is a vector."""
    body = facts_body("pit", from_document="b", origin=ORIGIN, after=["b", 1], page=10)
    assert body["_source"] is False
    assert {"term": {"origin": ORIGIN}} in body["query"]["bool"]["filter"]
    assert body["search_after"] == ["b", 1]
    hit = {"_id": "x", "fields": {"document_id": ["a"], "position": [2]}, "matched_queries": []}
    assert facts_of(hit) == ChunkFacts("x", "a", 2, 0, "", "", "", False)
    assert facts_of({**hit, "matched_queries": ["embedded"]}).embedded
