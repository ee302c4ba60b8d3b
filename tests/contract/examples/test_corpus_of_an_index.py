"""An index is counted, and read as whole documents, with a real server."""

from __future__ import annotations

from collections import Counter
from typing import Any

from elasticsearch import Elasticsearch

from esrag.cluster.extent import Extent, extent_of
from esrag.examples.document_texts import indexed_texts

GUIDE = "Mount the gateway. Switch it on.\n\nWait for a day."


def chunk(document: str, position: int, start: int, text: str, **more: Any) -> dict[str, Any]:
    """A chunk as ingest writes it."""
    return {
        "document_id": document,
        "position": position,
        "start": start,
        "end": start + len(text),
        "text": text,
        **more,
    }


def test_an_index_is_counted_and_read_by_documents(es: Elasticsearch, prefix: str) -> None:
    """Overlaps come once, documents by id, and what names its readers only for one of them."""
    types = {"document_id": "keyword", "acl": "keyword", "text": "text"}
    numbers = dict.fromkeys(("position", "start", "end"), "integer")
    properties = {name: {"type": kind} for name, kind in {**types, **numbers}.items()}
    es.indices.create(index=prefix, mappings={"properties": properties})
    cut = GUIDE.index("Wait")
    chunks = [
        chunk("guide", 1, 19, GUIDE[19 : cut - 2]),
        chunk("guide", 0, 0, GUIDE[:25]),
        chunk("guide", 2, cut, GUIDE[cut:]),
        chunk("about", 0, 0, "Norrvane makes gateways."),
        chunk("board", 0, 0, "A secret.", acl=["board"]),
    ]
    for number, body in enumerate(chunks):
        es.index(index=prefix, id=str(number), document=body)
    es.indices.refresh(index=prefix)

    characters = sum(len(body["text"]) for body in chunks)
    assert extent_of(es, prefix) == Extent(documents=3, chunks=5, characters=characters)
    left_out: Counter[str] = Counter()
    found = list(indexed_texts(es, prefix, acl=(), left_out=left_out))
    assert found == [("about", "Norrvane makes gateways."), ("guide", GUIDE)]
    assert sum(left_out.values()) == 1
    allowed = list(indexed_texts(es, prefix, acl=("board",), left_out=Counter()))
    assert ("board", "A secret.") in allowed
