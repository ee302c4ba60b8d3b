"""The parameters of the search templates: what is sent, and what is refused before."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.errors import UsageError
from esrag.names import ALL_SEARCH_KINDS, Names, search_kind
from esrag.resources import load_body
from esrag.search_parameters import TEMPLATE_PARAMETERS, checked_params
from esrag.state.smoke import SMOKE_PARAMETERS
from esrag.templating import template_source

ONLY: dict[str, Any] = {
    "source": ["a.md", "b.md"],
    "document_id": ["a"],
    "published_from": "2026-01-01",
    "published_to": "now-1d/d",
    "metadata": [{"name": "team", "values": ["docs"]}],
    "acl": ["staff"],
}
ASKED: dict[str, Any] = {
    "query": "q",
    "size": 3,
    "only": ONLY,
    "filters": [{"match_all": {}}],
    "facets": True,
    "query_vector": [0.5, 1, -2e-9],
}


def test_fitting_parameters_pass_as_they_are() -> None:
    """Nothing is converted; what is absent is left out."""
    given = {**ASKED, "model_id": None, "only": {**ONLY, "author": []}}
    assert checked_params(given, "hybrid") == ASKED
    assert checked_params({"query": "q", "filters": [], "only": {}}, "linear") == {"query": "q"}


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("lexical", {"only": "a.md"}),
        ("lexical", {"facets": "yes"}),
        ("lexical", {"size": True}),
        ("semantic", {"query_vector": [1, float("nan")]}),
        ("semantic", {"query_vector": "1,2"}),
        ("semantic", {"query_vector": [True]}),
        ("hybrid", {"num_candidates": 10_001}),
        ("hybrid", {"filters": [1]}),
        ("context", {"before": 51}),
        ("context", {"position": -1}),
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, wrong: dict[str, object]) -> None:
    """The message names the parameter and what it may hold."""
    right: dict[str, object] = (
        {"document_id": "a", "position": 1} if kind == "context" else {"query": "q"}
    )
    (name,) = wrong
    with pytest.raises(UsageError, match=f"^{name} must be "):
        checked_params({**right, **wrong}, kind)


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "a.md"},
        {"source": [""]},
        {"document_id": ["x" * 8_192]},
        {"published_from": "yesterday"},
        {"modified_to": '2026-01-01","x'},
        {"metadata": {"team": "docs"}},
        {"metadata": [{"name": "team"}]},
        {"metadata": [{"name": "team", "values": []}]},
        {"metadata": [{"name": "team", "values": "docs"}]},
        {"metadata": [{"name": "team", "values": ["x"], "more": "y"}]},
        {"acl": ["staff", ""]},
        {"without_acl": "yes"},
    ],
)
def test_a_filter_of_another_type_is_refused(wrong: dict[str, object]) -> None:
    """A filter that the template would skip lets every passage compete."""
    (name,) = wrong
    with pytest.raises(UsageError, match=f"^only.{name} must be "):
        checked_params({"query": "q", "only": wrong}, "hybrid")


def test_a_misspelt_filter_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(UsageError, match="no filter 'sources'") as caught:
        checked_params({"query": "q", "only": {"sources": ["a.md"]}}, "hybrid")
    assert "document_id" in caught.value.hint


def test_who_is_in_no_group_sees_what_is_everybodys() -> None:
    """An empty list of names is not the absence of the filter."""
    checked = checked_params({"query": "q", "only": {"acl": []}}, "hybrid")
    assert checked["only"] == {"without_acl": True}


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_a_parameter_that_the_template_does_not_have_is_refused(kind: str) -> None:
    """A misspelt parameter would count as absent, and all chunks would compete."""
    with pytest.raises(UsageError, match="no parameter 'sources'") as caught:
        checked_params({**SMOKE_PARAMETERS[kind], "sources": "a.md"}, kind)
    assert all(name in caught.value.hint for name in TEMPLATE_PARAMETERS[kind])


def test_what_a_template_cannot_do_without_is_named() -> None:
    """Without a position there are no neighbours."""
    with pytest.raises(UsageError, match="context needs document_id and position"):
        checked_params({"before": 1}, "context")


def test_a_project_may_have_parameters_of_its_own() -> None:
    """Only what bears the name of one of ours is checked in other templates."""
    assert checked_params({"anything": 1, "size": 3}) == {"anything": 1, "size": 3}
    with pytest.raises(UsageError):
        checked_params({"size": 0})


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_the_table_lists_what_the_template_has(kind: str) -> None:
    """Each listed parameter stands in the shipped text."""
    source = template_source(load_body(f"pipelines/search/{kind}.json"))
    assert [name for name in TEMPLATE_PARAMETERS[kind] if name not in source] == []


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_the_smoke_test_asks_with_fitting_parameters(kind: str) -> None:
    """Setup tries every template with parameters that it has."""
    assert checked_params(SMOKE_PARAMETERS[kind], kind) == SMOKE_PARAMETERS[kind]


def test_a_kind_is_known_by_the_name_of_the_template() -> None:
    """A project's own template is none of ours."""
    names = Names("hr-2")
    assert [search_kind(names.search_template(kind)) for kind in ALL_SEARCH_KINDS] == [
        *ALL_SEARCH_KINDS
    ]
    assert search_kind("my-hybrid-hr") == ""
