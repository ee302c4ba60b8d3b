"""Search templates on a real server: a parameter never becomes part of the query's structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esrag.names import SEARCH_KINDS
from esrag.search_parameters import TEMPLATE_PARAMETERS
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
    """A text for every parameter that is one value, numbers and dates included."""
    params: dict[str, object] = {}
    for name, parameter in TEMPLATE_PARAMETERS[kind].items():
        if parameter.kind in ("text", "whole", "date"):
            params[name] = text(name)
        elif parameter.kind == "pairs":
            params[name] = [{"name": text(f"{name}-name"), "value": text(f"{name}-value")}]
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


@pytest.mark.parametrize("kind", SEARCH_KINDS)
def test_every_parameter_is_used(render: Render, kind: str) -> None:
    """Each declared text reaches the query, so that the tests below try something."""
    rendered = str(render(kind, texts_of(kind, mark)))
    missing = [name for name in names_of(kind) if mark(name) not in rendered]
    assert missing == []


@pytest.mark.parametrize("kind", SEARCH_KINDS)
def test_hostile_texts_stay_values(render: Render, kind: str) -> None:
    """Whatever the parameters hold, the query keeps the structure that plain ones give it."""
    plain = render(kind, texts_of(kind, mark))
    for text in HOSTILE:
        texts = dict.fromkeys(names_of(kind), text)
        assert render(kind, texts_of(kind, texts.__getitem__)) == replaced(plain, texts)


@pytest.mark.parametrize("kind", SEARCH_KINDS)
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


@pytest.mark.parametrize("kind", SEARCH_KINDS)
@pytest.mark.parametrize(
    "value", [{"a": ATTACK}, [ATTACK, {"b": ATTACK}], [[ATTACK]], {ATTACK: {"0": ATTACK}}, True]
)
def test_values_of_other_types_add_no_structure(render: Render, kind: str, value: object) -> None:
    """A list or an object where text belongs: still a query with the same members."""
    plain = render(kind, texts_of(kind, mark))
    texts = texts_of(kind, mark)
    for name in TEMPLATE_PARAMETERS[kind]:
        if TEMPLATE_PARAMETERS[kind][name].kind == "flag":
            continue
        rendered = render(kind, {**texts, name: value})
        assert set(rendered) == set(plain), name
        assert "x" not in rendered


def test_filters_cannot_break_out(render: Render) -> None:
    """Strings within filters are JSON strings; an empty list is no filter."""
    clause = {"term": {"source": '"}}],"x":[{"y":"'}}
    query = render("hybrid", {"query": "q", "filters": [clause]})
    legs = [next(iter(leg.values())) for leg in query["retriever"]["rrf"]["retrievers"]]
    assert [leg["filter"] for leg in legs] == [[clause]] * 3
    assert render("hybrid", {"query": "q", "filters": []}) == render("hybrid", {"query": "q"})


@pytest.mark.parametrize("kind", ["semantic", "hybrid", "filtered"])
def test_a_given_vector_takes_the_place_of_the_model(render: Render, kind: str) -> None:
    """Where the client embeds, the query holds its numbers and names no model."""
    rendered = render(kind, {"query": "q", "query_vector": [0.0, -1.5e-7, 1]})
    assert "query_vector_builder" not in str(rendered)
    assert "'query_vector': [0.0, -1.5e-07, 1]" in str(rendered)
    assert "query_vector_builder" in str(render(kind, {"query": "q", "query_vector": []}))


def test_only_given_filters_are_in_the_query(render: Render) -> None:
    """Each typed filter is one clause; without any, all chunks compete."""
    asked = {
        "query": "q",
        "lexical_only": True,
        "source": "a.md",
        "published_to": "2026-03-31",
        "metadata": [{"name": "team", "value": "docs"}, {"name": "a.b", "value": "c"}],
    }
    found = render("filtered", asked)["retriever"]["standard"]["filter"]
    assert found == [
        {"term": {"source": "a.md"}},
        {"range": {"published": {"lte": "2026-03-31"}}},
        {"term": {"metadata.team": {"value": "docs"}}},
        {"term": {"metadata.a.b": {"value": "c"}}},
        {"match_all": {}},
    ]
    legs = render("filtered", {"query": "q"})["retriever"]["rrf"]["retrievers"]
    assert [next(iter(leg.values()))["filter"] for leg in legs] == [[{"match_all": {}}]] * 3
