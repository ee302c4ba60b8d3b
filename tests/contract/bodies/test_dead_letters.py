"""Documents of other producers on a real server: prepared, or kept with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from esrag.cluster.bulk import Action, Verdict, read_answer
from esrag.names import DLQ_INDEX
from esrag.state.desired import DesiredState, desired_state
from esrag.state.kinds import KINDS

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

VECTOR = [1.0, 0.0, 0.0]
# stands for the model: takes documents whose text is a number, and says why it takes no other
EMBED = [
    {"set": {"field": "embedding_input", "value": "{{{text}}}"}},
    {"convert": {"tag": "embed", "field": "embedding_input", "type": "integer"}},
    {"set": {"field": "embedding", "value": VECTOR}},
    {"remove": {"field": "embedding_input"}},
]
FACTS = {"document_id": "a", "position": 0, "start": 0, "end": 1, "context": ""}


@pytest.fixture
def wanted(es: Elasticsearch, prefix: str, desired: DesiredState) -> Iterator[DesiredState]:
    """A set with an index; its model does not exist."""
    state = desired_state(
        replace(desired.choices, set=prefix), bundle=None, dims=3, tier=desired.tier
    )
    for item in state.bodies:
        KINDS[item.kind].write(es, item.name, item.body)
    es.indices.create(index=state.index, aliases={state.names.alias: {"is_write_index": True}})
    yield state
    es.delete_by_query(
        index=DLQ_INDEX, query={"term": {"error.index": state.names.alias}}, refresh=True
    )


def letters(es: Elasticsearch, wanted: DesiredState) -> list[dict[str, Any]]:
    """The dead letters of the set."""
    es.indices.refresh(index=DLQ_INDEX)
    found = es.search(index=DLQ_INDEX, query={"term": {"error.index": wanted.names.alias}})
    return [hit["_source"] for hit in found["hits"]["hits"]]


def test_a_document_that_cannot_be_embedded_is_kept_whole(
    es: Elasticsearch, wanted: DesiredState
) -> None:
    """The producer hears 201; the letter holds every field, and where, why and when it failed."""
    document = {**FACTS, "text": "x", "anything": {"deep": [1, {"a": None}]}, "error": "mine"}
    answer = es.index(index=wanted.names.alias, id="one", document=document)
    assert (answer["_index"], answer["result"]) == (DLQ_INDEX, "created")
    (letter,) = letters(es, wanted)
    error = letter.pop("error")
    assert letter == {
        **{k: v for k, v in document.items() if k != "error"},
        "error_of_document": "mine",
    }
    assert "model-of-nobody" in error.pop("message")
    assert error.pop("time").startswith("20")
    assert error == {
        "processor": "inference",
        "tag": "embed",
        "pipeline": wanted.names.embed_pipeline(1),
        "index": wanted.names.alias,
        "id": "one",
    }


def test_only_the_document_that_fails_is_kept_aside(
    es: Elasticsearch, wanted: DesiredState
) -> None:
    """The others of the same request are indexed with their vectors; ids may be the server's."""
    es.ingest.put_pipeline(id=wanted.names.embed_pipeline(1), processors=EMBED)
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(("1", "no number", "3")):
        lines += [{"index": {"_id": str(number)}}, {**FACTS, "position": number, "text": text}]
    lines += [{"index": {}}, {**FACTS, "text": "none either"}]
    answer = es.bulk(index=wanted.names.alias, operations=lines, refresh=True)
    assert answer["errors"] is False
    index = wanted.index
    assert [i["index"]["_index"] for i in answer["items"]] == [index, DLQ_INDEX, index, DLQ_INDEX]
    assert es.count(index=index, query={"exists": {"field": "embedding"}})["count"] == 2
    kept = {letter["text"]: letter["error"].get("id") for letter in letters(es, wanted)}
    assert kept == {"no number": "1", "none either": None}


def test_what_the_mapping_refuses_is_no_failure_of_a_pipeline(
    es: Elasticsearch, wanted: DesiredState
) -> None:
    """The item is answered with an error, and there is no letter: the producer must look."""
    es.ingest.put_pipeline(id=wanted.names.embed_pipeline(1), processors=EMBED)
    lines = [{"index": {"_id": "1"}}, {**FACTS, "text": "1", "unknown_field": 1}]
    answer = es.bulk(index=wanted.names.alias, operations=lines)
    (item,) = answer["items"]
    assert item["index"]["error"]["type"] == "strict_dynamic_mapping_exception"
    assert letters(es, wanted) == []


def test_our_own_ingest_is_told_of_every_failure(es: Elasticsearch, wanted: DesiredState) -> None:
    """By the embed pipeline the error comes back; a dead letter would count as rejected."""
    action = Action("index", "1", 0)
    lines = [{"index": {"_id": "1"}}, {**FACTS, "text": "x"}]
    alias = wanted.names.alias
    named = es.bulk(index=alias, operations=lines, pipeline=wanted.names.embed_pipeline(1))
    assert "error" in named["items"][0]["index"]
    assert letters(es, wanted) == []
    (item,) = read_answer([action], es.bulk(index=alias, operations=lines).body, target=alias)
    assert (item.verdict, item.code) == (Verdict.REJECTED, "dead_lettered")


def test_letters_are_replayed_when_the_reason_is_gone(
    es: Elasticsearch, wanted: DesiredState, prefix: str
) -> None:
    """As the documentation shows: under their own ids, and what fails again is a letter again."""
    alias = wanted.names.alias
    for number, text in enumerate(("1", "2", "no number")):
        document = {**FACTS, "position": number, "text": text}
        es.index(index=alias, id=f"id-{number}", document=document)
    es.ingest.put_pipeline(id=wanted.names.embed_pipeline(1), processors=EMBED)
    replay = [
        {"set": {"field": "_id", "value": "{{{error.id}}}", "ignore_empty_value": True}},
        {"remove": {"field": "error"}},
        {"pipeline": {"name": wanted.names.intake_pipeline(1)}},
    ]
    es.ingest.put_pipeline(id=f"{prefix}-replay", processors=replay)
    ours = {"term": {"error.index": alias}}
    es.indices.refresh(index=DLQ_INDEX)
    before = {"bool": {"filter": [ours, {"range": {"error.time": {"lt": "now"}}}]}}
    done = es.reindex(
        source={"index": DLQ_INDEX, "query": before},
        dest={"index": alias, "pipeline": f"{prefix}-replay"},
        refresh=True,
    )
    assert done["failures"] == []
    found = es.search(index=alias, query={"exists": {"field": "embedding"}}, sort=["position"])
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["id-0", "id-1"]
    assert sorted(letter["text"] for letter in letters(es, wanted)) == [
        "1",
        "2",
        "no number",
        "no number",
    ]
