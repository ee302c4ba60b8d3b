"""Bodies on a real server: accepted, analysed as meant, and proof against injection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from esrag.cluster.search import run_template
from esrag.names import ALL_SEARCH_KINDS
from esrag.resources import shipped_folder
from esrag.state.desired import DesiredState
from esrag.state.kinds import KINDS
from esrag.state.observed import ClusterReader

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

CODES = [
    ("Version 4.2.1 replaces v4.2.0.", ["4.2.1", "4.2.0"]),
    ("error QX-1042 (see QX-1043)", ["qx-1042", "qx-1043"]),
    ("on 2026-03-03, at 14:30", ["2026-03-03", "14:30"]),
    ("$1,299.00 or 12,990", ["1299.00", "12990"]),
    ("release-4.2.1-rc1", ["release-4.2.1-rc1", "4.2.1"]),
    ("localhost:9200 version:4.2.1", ["9200", "4.2.1"]),
    ("in 2026 a T1, a G4-L and 3 AB-7s", ["2026", "t1", "g4-l", "3", "ab-7s"]),
    ("4.2.0,4.2.1", ["4.2.0", "4.2.1"]),
    ("https://docs.example/v4.2.1/x", ["4.2.1"]),
    ("no digits here, and/or elsewhere", []),
    ("a-" * 3000 + "1", ["a-a-a-a-a-a-a-a", "a-a-a-a-a-a-a-a", "a-a-a-a-1"]),
]

CHUNKS = {
    "new": "Version 4.2.1 fixes the queue that blocked on restart.",
    "old": "Version 4.2.0 fixes the queue that blocked on restart.",
    "older": "Version 4.1.9 fixes the queue that blocked on restart.",
    "code": "Error QX-1042 means that the disk is full.",
    "other": "Error QX-1043 means that the disk is full.",
    "date": "Maintenance took place on 2026-03-03 in the evening.",
    "day": "Maintenance took place on 2026-03-04 in the evening.",
}

QUESTIONS = {
    "What was fixed in 4.2.1?": "new",
    "What was fixed in v4.2.0?": "old",
    "what does qx-1042 mean": "code",
    "What happened on 2026-03-04?": "day",
}


@pytest.fixture(scope="module")
def index(cluster: Elasticsearch, desired: DesiredState) -> str:
    """An index of the set with some chunks, put past the pipeline."""
    name = desired.names.index(1)
    cluster.indices.create(index=name, aliases={desired.names.alias: {}})
    for position, (chunk_id, text) in enumerate(CHUNKS.items()):
        cluster.index(
            index=name,
            id=chunk_id,
            pipeline="_none",
            document={
                "document_id": chunk_id,
                "position": position,
                "start": 0,
                "end": len(text),
                "text": text,
                "context": "Release notes",
                "title": "Release notes",
                "source": f"{chunk_id}.md",
                "published": "2026-03-03",
                "metadata": {"team": "docs"},
                "embedding": [1.0, 0.0, 0.0],
            },
        )
    cluster.indices.refresh(index=name)
    return desired.names.alias


def test_no_file_on_disk_is_forgotten(desired: DesiredState) -> None:
    """Every JSON file in the two folders is one of the bodies that setup puts."""
    folder = shipped_folder()
    files = [path for part in ("mappings", "pipelines") for path in (folder / part).rglob("*.json")]
    # stamp.json takes the place of embed.json where the client embeds
    assert len(files) - 1 == len(desired.bodies)


def test_bodies_read_back_as_they_were_put(es: Elasticsearch, desired: DesiredState) -> None:
    """What the server spells its own way is no difference, so a second plan is empty."""
    reader = ClusterReader(es)
    for item in desired.bodies:
        found = reader.body(item.kind, item.name)
        assert found is not None
        assert KINDS[item.kind].differences(item.body, found) == (), item.name


def test_the_shipped_files_are_accepted_as_they_lie(es: Elasticsearch, prefix: str) -> None:
    """The files can be pasted into a console: nothing but the name is added."""
    folder = shipped_folder()

    def load(path: str) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((folder / path).read_text())
        return body

    es.cluster.put_component_template(name=f"{prefix}-s", body=load("mappings/settings.json"))
    es.cluster.put_component_template(name=f"{prefix}-f", body=load("mappings/fields.json"))
    es.indices.create(index=f"{prefix}-meta", body=load("mappings/meta.json"))
    es.indices.create(index=f"{prefix}-dead", body=load("mappings/dead_letters.json"))
    es.indices.create(index=f"{prefix}-answers", body=load("mappings/answers.json"))
    for name in ("embed", "stamp", "intake"):
        es.ingest.put_pipeline(id=f"{prefix}-{name}", body=load(f"pipelines/ingest/{name}.json"))
    for kind in ALL_SEARCH_KINDS:
        es.put_script(id=f"{prefix}-{kind}", body=load(f"pipelines/search/{kind}.json"))


def test_codes_stay_in_one_piece(es: Elasticsearch, index: str) -> None:
    """Versions, dates, amounts, error codes are a token each; words none."""
    for text, codes in CODES:
        answer = es.indices.analyze(index=index, field="text.exact", text=text)
        assert [token["token"] for token in answer["tokens"]] == codes


def test_near_duplicates_are_told_apart_by_their_codes(
    es: Elasticsearch, index: str, desired: DesiredState
) -> None:
    """Texts that differ in a number only: the one with the asked number comes first."""
    template = desired.names.search_template("lexical")
    for question, first in QUESTIONS.items():
        best, second = run_template(es, index, template, {"query": question, "size": 2}).hits
        assert best.id == first, question
        assert best.score > second.score, question


def test_filters_narrow_the_hits(es: Elasticsearch, index: str, desired: DesiredState) -> None:
    """Filters are clauses; without them all chunks compete."""
    template = desired.names.search_template("lexical")
    params = {"query": "4.2.1 queue", "filters": [{"term": {"source": "old.md"}}]}
    assert [hit.id for hit in run_template(es, index, template, params).hits] == ["old"]


def test_a_hit_carries_what_was_indexed(
    es: Elasticsearch, index: str, desired: DesiredState
) -> None:
    """The template fetches every field of a hit."""
    template = desired.names.search_template("lexical")
    hit = run_template(es, index, template, {"query": "4.2.1"}).hits[0]
    assert (hit.text, hit.source, hit.title) == (CHUNKS["new"], "new.md", "Release notes")
    assert (hit.start, hit.end, hit.published) == (0, len(CHUNKS["new"]), "2026-03-03")
    assert dict(hit.metadata) == {"team": "docs"}
