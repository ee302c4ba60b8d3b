"""Search templates on a real server: a parameter never becomes part of the query's structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esrag.names import ALL_SEARCH_KINDS
from esrag.search_parameters import ONLY, TEMPLATE_PARAMETERS, Parameter
from esrag.state.desired import DesiredState

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Render = Callable[..., Any]

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

ATTACK = '1","query":{"match_all":{}},"x":"'


@pytest.fixture(scope="module")
def render(cluster: Elasticsearch, desired: DesiredState) -> Render:
    """What a template of the set becomes with these parameters."""

    def call(kind: str, params: Mapping[str, object]) -> Any:
        name = desired.names.search_template(kind)
        return cluster.render_search_template(id=name, params=dict(params))["template_output"]

    return call


def texts_of(kind: str, text: Callable[[str], str]) -> dict[str, object]:
    """A text for every parameter that holds some, numbers and dates included."""
    params = filled(TEMPLATE_PARAMETERS[kind], text)
    if "only" in TEMPLATE_PARAMETERS[kind]:
        params["only"] = {**filled(ONLY, text), "without_acl": True}
    return params | dict.fromkeys(("facets", "highlight", "explain"), True)


def filled(table: Mapping[str, Parameter], text: Callable[[str], str]) -> dict[str, object]:
    """The parameters of a table with texts for values."""
    params: dict[str, object] = {}
    for name, parameter in table.items():
        if parameter.kind in ("text", "whole", "date"):
            params[name] = text(name)
        elif parameter.kind == "texts":
            params[name] = [text(name)]
        elif parameter.kind == "metadata":
            params[name] = [{"name": text(f"{name}-name"), "values": [text(f"{name}-value")]}]
    return params


def mark(name: str) -> str:
    """A text that stands nowhere else in a query."""
    return f"<the value of {name}>"


def replaced(value: Any, texts: Mapping[str, str]) -> Any:
    """The structure with each marked value, also within a field's name, put in its place."""
    if isinstance(value, dict):
        return {replaced(key, texts): replaced(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, texts) for item in value]
    if isinstance(value, str):
        for name, text in texts.items():
            if mark(name) in value:
                return value.replace(mark(name), text)
    return value


def names_of(kind: str) -> list[str]:
    """The names that ``texts_of`` asks texts for."""
    asked: list[str] = []

    def remember(name: str) -> str:
        asked.append(name)
        return mark(name)

    texts_of(kind, remember)
    return asked


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_every_parameter_is_used(render: Render, kind: str) -> None:
    """Each declared text reaches the query, so that the tests below try something."""
    rendered = str(render(kind, texts_of(kind, mark)))
    missing = [name for name in names_of(kind) if mark(name) not in rendered]
    assert missing == []


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_hostile_texts_stay_values(render: Render, kind: str) -> None:
    """Whatever the parameters hold, the query keeps the structure that plain ones give it."""
    plain = render(kind, texts_of(kind, mark))
    for text in HOSTILE:
        texts = dict.fromkeys(names_of(kind), text)
        assert render(kind, texts_of(kind, texts.__getitem__)) == replaced(plain, texts)


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_any_text_stays_a_value(render: Render, kind: str) -> None:
    """The same for strings that nobody thought of, another one for each parameter."""
    plain = render(kind, texts_of(kind, mark))
    characters = st.characters(exclude_categories=["Cs"])
    text = st.text(
        st.one_of(st.sampled_from('{}"\\#/^.&! \n'), characters), min_size=1, max_size=40
    )

    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
    )
    @given(st.fixed_dictionaries(dict.fromkeys(names_of(kind), text)))
    def check(texts: dict[str, str]) -> None:
        assert render(kind, texts_of(kind, texts.__getitem__)) == replaced(plain, texts)

    check()


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
@pytest.mark.parametrize(
    "value", [{"a": ATTACK}, [ATTACK, {"b": ATTACK}], [[ATTACK]], {ATTACK: {"0": ATTACK}}, True]
)
def test_values_of_other_types_add_no_structure(render: Render, kind: str, value: object) -> None:
    """A list or an object where text belongs: still a query with the same members."""
    plain = render(kind, texts_of(kind, mark))
    texts = texts_of(kind, mark)
    for name, parameter in TEMPLATE_PARAMETERS[kind].items():
        if parameter.kind in ("flag", "members"):
            continue
        rendered = render(kind, {**texts, name: value})
        assert set(rendered) == set(plain), name
        assert "x" not in rendered


@pytest.mark.parametrize("name", ONLY)
@pytest.mark.parametrize("value", [{"a": ATTACK}, [ATTACK, {"b": ATTACK}], [[ATTACK]], ATTACK])
def test_filters_of_other_types_add_no_structure(render: Render, name: str, value: object) -> None:
    """The same within the filters: clauses of the same kinds, and never none at all."""
    clauses = render("lexical", {"query": "q", "only": {name: value}})["retriever"]["standard"]
    assert set(clauses) == {"filter", "query"}
    assert {next(iter(each)) for each in clauses["filter"]} <= {
        "bool",
        "match_all",
        "range",
        "term",
        "terms",
    }
    assert len(clauses["filter"]) > 1


def test_filters_cannot_break_out(render: Render) -> None:
    """Strings within filters are JSON strings; an empty list is no filter."""
    clause = {"term": {"source": '"}}],"x":[{"y":"'}}
    for kind, retriever in (("hybrid", "rrf"), ("linear", "linear"), ("semantic", "knn")):
        query = render(kind, {"query": "q", "filters": [clause]})
        assert query["retriever"][retriever]["filter"] == [clause]
        assert render(kind, {"query": "q", "filters": []}) == render(kind, {"query": "q"})


@pytest.mark.parametrize("kind", ["semantic", "hybrid", "linear"])
def test_a_given_vector_takes_the_place_of_the_model(render: Render, kind: str) -> None:
    """Where the client embeds, the query holds its numbers and names no model."""
    rendered = render(kind, {"query": "q", "query_vector": [0.0, -1.5e-7, 1]})
    assert "query_vector_builder" not in str(rendered)
    assert "'query_vector': [0.0, -1.5e-07, 1]" in str(rendered)
    assert "query_vector_builder" in str(render(kind, {"query": "q", "query_vector": []}))


@pytest.mark.parametrize(
    ("kind", "retriever"),
    [("hybrid", "rrf"), ("linear", "linear"), ("lexical", "standard"), ("semantic", "knn")],
)
def test_only_given_filters_are_in_the_query(render: Render, kind: str, retriever: str) -> None:
    """Each typed filter is one clause; without any, all chunks compete."""
    only = {
        "source": ["a.md", "b.md"],
        "author": "Ada",
        "published_to": "2026-03-31",
        "metadata": [
            {"name": "team", "values": ["docs", "search"]},
            {"name": "a.b", "values": ["c"]},
        ],
        "acl": ["staff"],
    }
    nobodys = {"bool": {"must_not": {"exists": {"field": "acl"}}}}
    clause = {"term": {"page": 3}}
    asked = {"query": "q", "only": only, "filters": [clause]}
    assert render(kind, asked)["retriever"][retriever]["filter"] == [
        {"terms": {"source": ["a.md", "b.md"]}},
        {"term": {"author": "Ada"}},
        {"range": {"published": {"lte": "2026-03-31"}}},
        {"terms": {"metadata.team": ["docs", "search"]}},
        {"terms": {"metadata.a.b": ["c"]}},
        {"bool": {"should": [nobodys, {"terms": {"acl": ["staff"]}}]}},
        {"bool": {"filter": [clause]}},
        {"match_all": {}},
    ]
    assert "filter" not in render(kind, {"query": "q"})["retriever"][retriever]


def test_wishes_that_nobody_has_cost_nothing(render: Render) -> None:
    """Counts, marks and scores are made for those who ask for them."""
    plain = render("hybrid", {"query": "q"})
    assert set(plain) == {"retriever", "size", "track_total_hits", "_source"}
    assert "_name" not in str(plain)  # each ranking would look up its names for 100 hits
    asked = render("hybrid", {"query": "q", "facets": True, "highlight": True, "explain": True})
    assert set(asked) == {*plain, "aggs", "highlight"}
    assert (plain["track_total_hits"], asked["track_total_hits"]) == (False, True)


def test_a_reranker_stands_around_the_ranking(render: Render) -> None:
    """The same ranking inside, whatever the kind."""
    plain = render("hybrid", {"query": "q"})["retriever"]
    asked = {"query": "q", "rerank_endpoint": "judge", "rerank_window": 7}
    around = render("hybrid", asked)["retriever"]["text_similarity_reranker"]
    assert around["retriever"] == plain
    assert (around["inference_id"], around["rank_window_size"]) == ("judge", "7")
