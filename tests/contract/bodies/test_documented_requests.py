"""The console requests of docs/objects.md on a real server: each is answered as the page says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from esrag.names import DLQ_INDEX
from esrag.state.desired import DesiredState, desired_state
from esrag.state.kinds import KINDS

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PAGE = Path(__file__).resolve().parents[3] / "docs" / "objects.md"
SHOWN_SET = "kb"
RELEASE_NOTES = "release-notes/siltbase-4.2.1.md"


@pytest.fixture
def knowledge_base(es: Elasticsearch, prefix: str, desired: DesiredState) -> Iterator[DesiredState]:
    """A set with three chunks of the page's example, and a stand-in for its model."""
    state = desired_state(
        replace(desired.choices, set=prefix), bundle=None, dims=3, tier=desired.tier
    )
    for item in state.bodies:
        KINDS[item.kind].write(es, item.name, item.body)
    es.ingest.put_pipeline(
        id=state.names.embed_pipeline(1),
        processors=[{"set": {"field": "embedding", "value": [1.0, 0.0, 0.0]}}],
    )
    es.indices.create(index=state.index, aliases={state.names.alias: {"is_write_index": True}})
    for position, heading in enumerate(("4.2.1", "Fixed", "Changed")):
        document = {
            "document_id": RELEASE_NOTES,
            "source": RELEASE_NOTES,
            "position": position,
            "start": 0,
            "end": 1,
            "text": f"Siltbase 4.2.1, {heading}",
            "heading_path": ["Siltbase 4.2.1 release notes", heading],
            "published": "2026-04-09",
            "metadata": {"type": "release notes"},
        }
        es.index(index=state.names.alias, document=document, refresh=True)
    yield state
    es.delete_by_query(
        index=DLQ_INDEX, query={"term": {"error.index": state.names.alias}}, refresh=True
    )


def shown_requests(set_name: str) -> list[tuple[str, str, Any]]:
    """Method, target and body of every request of the page, for this set."""
    page = PAGE.read_text(encoding="utf-8").replace(f"-{SHOWN_SET}", f"-{set_name}")
    found: list[tuple[str, str, Any]] = []
    for block in re.findall(r"```\n((?:GET|POST|PUT) .*?)```", page, flags=re.S):
        for request in re.split(r"\n\n(?=[A-Z]+ )", block.strip()):
            head, _, body = request.partition("\n")
            method, target = head.split(" ", 1)
            found.append((method, target, json.loads(body)))
    return found


def send(es: Elasticsearch, method: str, target: str, body: Any) -> Any:
    """One request as the console sends it."""
    parts = urlsplit(f"/{target}")
    return es.perform_request(
        method,
        parts.path,
        params=dict(parse_qsl(parts.query)),
        headers={"accept": "application/json", "content-type": "application/json"},
        body=body,
    ).body


def test_the_documented_requests_work(es: Elasticsearch, knowledge_base: DesiredState) -> None:
    """Filtered search, neighbours, another producer's document, a dead letter and its replay."""
    names = knowledge_base.names
    filtered, context, produce, letters, replay, again = shown_requests(names.set)
    filtered[2]["params"]["query_vector"] = [1.0, 0.0, 0.0]  # the model does not exist here
    hits = send(es, *filtered)["hits"]["hits"]
    assert {hit["_source"]["source"] for hit in hits} == {RELEASE_NOTES}
    hits = send(es, *context)["hits"]["hits"]
    assert [hit["_source"]["position"] for hit in hits] == [0, 1, 2]
    assert send(es, *produce)["_index"] == knowledge_base.index
    working = es.ingest.get_pipeline(id=names.embed_pipeline(1))[names.embed_pipeline(1)]
    es.ingest.put_pipeline(
        id=names.embed_pipeline(1), processors=[{"fail": {"message": "no model"}}]
    )
    parked = {**produce[2], "document_id": "note-3"}
    es.index(index=names.alias, id="note-3", document=parked, refresh=True)
    (letter,) = send(es, *letters)["hits"]["hits"]
    assert letter["_source"]["error"]["id"] == "note-3"
    es.ingest.put_pipeline(id=names.embed_pipeline(1), processors=working["processors"])
    send(es, *replay)
    again[2]["source"]["query"]["bool"]["filter"][1]["range"]["error.time"]["lt"] = "now"
    assert send(es, *again)["failures"] == []
    assert es.get(index=names.alias, id="note-3")["_source"]["text"] == parked["text"]
    es.ingest.delete_pipeline(id=f"replay-{names.set}")
