"""What the index holds becomes passages, as far as it may be used."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from esrag.cluster.chunk_scan import StoredChunk
from esrag.examples.passages import Passage, Passages
from esrag.examples.reading import (
    NO_DOCUMENT,
    NO_TEXT,
    NOT_ALLOWED,
    passage_of,
    passages_beside,
    reason_against,
)
from esrag.testing_elasticsearch import ElasticsearchFake, Reply, Request


@pytest.mark.parametrize(
    ("source", "acl", "reason"),
    [
        ({"document_id": "d", "text": "t"}, (), ""),
        ({"document_id": "d", "text": "t", "acl": []}, (), ""),
        ({"document_id": "d", "text": "t", "acl": ["hr"]}, (), NOT_ALLOWED),
        ({"document_id": "d", "text": "t", "acl": "hr"}, ("it",), NOT_ALLOWED),
        ({"document_id": "d", "text": "t", "acl": ["hr", "it"]}, ("it",), ""),
        ({"document_id": "d", "text": "t", "acl": ["x" * 2000]}, (), NOT_ALLOWED),
        ({"text": "t"}, (), NO_DOCUMENT),
        ({"document_id": "d", "text": " "}, (), NO_TEXT),
        ({"document_id": "d", "text": ["t"]}, (), NO_TEXT),
    ],
)
def test_a_chunk_is_used_when_its_readers_allow_it(
    source: dict[str, Any], acl: tuple[str, ...], reason: str
) -> None:
    """The stored field decides: an index forgets names that are too long for its terms."""
    assert reason_against(source, acl) == reason


def test_a_chunk_of_another_producer_has_a_hash_of_its_own_text() -> None:
    """So that it can be seen later that it changed."""
    one = passage_of(StoredChunk("c", {"document_id": 7, "text": "one", "heading_path": "A"}))
    two = passage_of(StoredChunk("c", {"document_id": 7, "text": "two"}))
    assert one.document_id == "7"
    assert one.heading_path == ("A",)
    assert one.document_hash != two.document_hash != ""


def test_passages_come_by_document_and_position_and_whole() -> None:
    """Whatever the order in which they were read; a half of a surrogate pair is kept."""
    given = [
        Passage("c3", "b", 0, "b0", acl=("hr",), metadata={"k": "v"}),
        Passage("c1", "a", 1, "a1 \ud800"),
        Passage("c2", "a", 0, "a0", heading_path=("H", "I")),
    ]
    held = Passages(sqlite3.connect(":memory:"), given)
    assert [passage.id for passage in held] == ["c2", "c1", "c3"]
    assert [len(document) for document in held.documents()] == [2, 1]
    assert [held.get(passage.id) for passage in given] == given
    assert held.get("c9") is None


def test_who_checks_hears_of_what_is_there_for_others() -> None:
    """Not of what cannot be used by anybody, such as a chunk without text."""
    chunks = [
        {"document_id": "open", "text": "for all"},
        {"document_id": "closed", "text": "for some", "acl": ["hr"]},
        {"document_id": "empty", "text": " "},
    ]

    def answer(request: Request) -> Reply:
        if request.path.endswith("_pit"):
            return Reply(200, {"id": "p", "_shards": {"failed": 0}})
        first = "search_after" not in (request.body or {})
        hits = [
            {"_id": each["document_id"], "_source": each, "sort": [each["document_id"], number]}
            for number, each in enumerate(chunks)
        ]
        found = {"hits": {"hits": hits if first else []}, "timed_out": False}
        return Reply(200, {"pit_id": "p", "_shards": {"failed": 0}, **found})

    client, refused = ElasticsearchFake(answer).client(), list[str]()
    passages = passages_beside(client, "docs", forbidden=lambda chunk: refused.append(chunk.id))
    assert [each.id for each in passages] == ["open"]
    assert refused == ["closed"]
