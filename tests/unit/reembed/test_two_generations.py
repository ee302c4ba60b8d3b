"""Search templates that serve an alias which may lead to either of two indices."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from esrag.errors import UsageError
from esrag.names import ALL_SEARCH_KINDS
from esrag.resources import load_body
from esrag.templating import parameter_default, template_source, with_generations

MODELS = {"docs-1": "model-a", "docs-2": "model-b"}


def plainly(source: str) -> Any:
    """The query of a template without its sections: parameters absent, defaults in place."""
    source = re.sub(r"\{\{![^{}]*\}\}\n?", "", source)
    for name in set(re.findall(r"\{\{#([\w.]+)\}\}", source)) - {"toJson"}:
        tag = re.escape(name)
        source = re.sub(rf"\{{\{{#{tag}\}}\}}.*?\{{\{{/{tag}\}}\}}", "", source, flags=re.S)
    source = re.sub(r"\{\{[\^/][\w.]+\}\}", "", source)
    return json.loads(re.sub(r"\{\{[\w.]+\}\}", "", source))


def clauses(query: Any) -> list[Any]:
    """Every knn clause with the index that it is for."""
    if isinstance(query, dict):
        index = (query.get("filter") or [{}])[0] if isinstance(query.get("filter"), list) else {}
        if "_index" in index.get("term", {}):
            return [(index["term"]["_index"], query["must"][0]["knn"])]
        return [found for value in query.values() for found in clauses(value)]
    if isinstance(query, list):
        return [found for value in query for found in clauses(value)]
    return []


@pytest.mark.parametrize("kind", ["semantic", "hybrid"])
def test_each_index_is_asked_with_its_own_model(kind: str) -> None:
    """One clause each, whatever model the caller names."""
    body = with_generations(load_body(f"pipelines/search/{kind}.json"), MODELS)
    found = clauses(plainly(template_source(body)))
    builders = {index: knn["query_vector_builder"]["text_embedding"] for index, knn in found}
    assert {index: builder["model_id"] for index, builder in builders.items()} == MODELS
    assert all(knn["field"] == "embedding" for _, knn in found)
    assert "model_id}}" not in template_source(body)


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_every_shipped_template_can_be_led_over(kind: str) -> None:
    """Also those that call no model; the file itself is not changed."""
    before = load_body(f"pipelines/search/{kind}.json")
    changed = with_generations(before, MODELS)
    assert before == load_body(f"pipelines/search/{kind}.json")
    assert (changed != before) == ('"knn"' in template_source(before))


def test_two_legs_are_refused() -> None:
    """It could not be told which of them a model belongs to."""
    body = {"script": {"lang": "mustache", "source": '[{"knn": {}}, {"knn": {}}]'}}
    with pytest.raises(UsageError, match="two knn legs"):
        with_generations(body, MODELS)


def test_an_open_leg_is_refused() -> None:
    """A template that is cut off."""
    with pytest.raises(UsageError, match="does not close"):
        with_generations({"script": {"source": '{"knn": {"field": 1'}}, MODELS)


def test_the_default_of_a_parameter_can_be_read() -> None:
    """Which model a template asks."""
    body = load_body("pipelines/search/semantic.json")
    assert parameter_default(body, "model_id") == "sentence-transformers__all-minilm-l6-v2"
    assert parameter_default(body, "no_such") == ""
