"""Bodies on a real server: accepted, analysed as meant, and proof against injection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esrag.cluster.search import run_template
from esrag.names import SEARCH_KINDS, Names
from esrag.resources import shipped_folder
from esrag.state.apply import put_body
from esrag.state.desired import Choices, DesiredState, desired_state
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

HOSTILE = [
    '"}},"x":{"y":1}}',
    "\\",
    '\\"',
    "{{query}}",
    "{{{query}}}",
    "{{#toJson}}params{{/toJson}}",
    "{{/filters.0}}",
    "{{=<% %>=}}",
    "\u2028\u2029\x00\x1f\x7f",
    "*:* AND _exists_:embedding",
    "😀\ud7ff\ufffd",
    "a" * 20_000,
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


@pytest.fixture
def desired(es: Elasticsearch, prefix: str) -> DesiredState:
    """The bodies of a set of this test's own, put into the cluster."""
    choices = Choices(
        set=prefix,
        model_id="model-of-nobody",
        allocations=1,
        threads=1,
        queue_capacity=64,
        language="english",
        vectors="int8",
    )
    wanted = desired_state(choices, bundle=None, dims=3)
    for item in wanted.bodies:
        put_body(es, wanted, item.kind, item.name)
    return wanted


@pytest.fixture
def index(es: Elasticsearch, desired: DesiredState) -> str:
    """An index of the set with some chunks, put past the pipeline."""
    name = desired.names.index(1)
    es.indices.create(index=name, aliases={desired.names.alias: {}})
    for position, (chunk_id, text) in enumerate(CHUNKS.items()):
        es.index(
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
    es.indices.refresh(index=name)
    return desired.names.alias


def test_no_file_on_disk_is_forgotten(desired: DesiredState) -> None:
    """Every JSON file in the two folders is one of the bodies that setup puts."""
    folder = shipped_folder()
    files = {path.name for part in ("mappings", "pipelines") for path in (folder / part).rglob("*")}
    other_tier = {"stamp.json"}
    assert len({name for name in files if name.endswith(".json")} - other_tier) == len(
        desired.bodies
    )


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
    for name in ("embed", "stamp", "intake"):
        es.ingest.put_pipeline(id=f"{prefix}-{name}", body=load(f"pipelines/ingest/{name}.json"))
    for kind in SEARCH_KINDS:
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
        best, second = run_template(es, index, template, {"query": question, "size": 2})
        assert best.id == first, question
        assert best.score > second.score, question


def test_filters_narrow_the_hits(es: Elasticsearch, index: str, desired: DesiredState) -> None:
    """Filters are clauses; without them all chunks compete."""
    template = desired.names.search_template("lexical")
    params = {"query": "4.2.1 queue", "filters": [{"term": {"source": "old.md"}}]}
    assert [hit.id for hit in run_template(es, index, template, params)] == ["old"]


def test_a_hit_carries_what_was_indexed(
    es: Elasticsearch, index: str, desired: DesiredState
) -> None:
    """The template fetches every field of a hit."""
    template = desired.names.search_template("lexical")
    hit = run_template(es, index, template, {"query": "4.2.1"})[0]
    assert (hit.text, hit.source, hit.title) == (CHUNKS["new"], "new.md", "Release notes")
    assert (hit.start, hit.end, hit.published) == (0, len(CHUNKS["new"]), "2026-03-03")
    assert dict(hit.metadata) == {"team": "docs"}


MARK = "a question that is no other value"


def _filled(value: Any, text: str) -> Any:
    """The structure with ``text`` wherever the marked question stands."""
    if isinstance(value, dict):
        return {key: _filled(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, text) for item in value]
    return text if value == MARK else value


def _render(es: Elasticsearch, names: Names, kind: str, **params: object) -> Any:
    answer = es.render_search_template(id=names.search_template(kind), params=params)
    return answer["template_output"]


@pytest.mark.parametrize("kind", SEARCH_KINDS)
def test_a_hostile_question_stays_a_value(
    es: Elasticsearch, desired: DesiredState, kind: str
) -> None:
    """Whatever the question holds, the query keeps the structure that a plain one has."""
    plain = _render(es, desired.names, kind, query=MARK, size=3)
    for text in HOSTILE:
        assert _render(es, desired.names, kind, query=text, size=3) == _filled(plain, text)


def test_any_question_stays_a_value(es: Elasticsearch, desired: DesiredState) -> None:
    """The same for two hundred strings that nobody thought of."""
    plain = _render(es, desired.names, "hybrid", query=MARK)
    characters = st.characters(exclude_categories=["Cs"])

    @settings(
        max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
    )
    @given(st.text(st.one_of(st.sampled_from('{}"\\#/^.&! \n'), characters), min_size=1))
    def check(text: str) -> None:
        assert _render(es, desired.names, "hybrid", query=text) == _filled(plain, text)

    check()


def test_other_parameters_stay_values(es: Elasticsearch, desired: DesiredState) -> None:
    """A number given as text cannot add structure either."""
    attack = '1","query":{"match_all":{}},"x":"'
    for name in ("size", "num_candidates", "rank_window_size", "model_id"):
        plain = _render(es, desired.names, "hybrid", query="q", **{name: MARK})
        found = _render(es, desired.names, "hybrid", query="q", **{name: attack})
        assert found == _filled(plain, attack)


def test_filters_cannot_break_out(es: Elasticsearch, desired: DesiredState) -> None:
    """Strings within filters are JSON strings; an empty list is no filter."""
    attack = '"}}],"x":[{"y":"'
    clause = {"term": {"source": attack}}
    query = _render(es, desired.names, "hybrid", query="q", filters=[clause])
    legs = [next(iter(leg.values())) for leg in query["retriever"]["rrf"]["retrievers"]]
    assert [leg["filter"] for leg in legs] == [[clause]] * 3
    plain = _render(es, desired.names, "hybrid", query="q")
    assert _render(es, desired.names, "hybrid", query="q", filters=[]) == plain
