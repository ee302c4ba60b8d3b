"""Comparing bodies with the server's spelling of them."""

from typing import Any

import pytest

from esrag.state.canonical import (
    Difference,
    FieldDifferences,
    body_differences,
    field_differences,
    flat_settings,
    setting_differences,
)


@pytest.mark.parametrize(
    "found",
    [
        {"template": {"settings": {"index": {"number_of_shards": "1", "x": {"y": "true"}}}}},
        {"template": {"settings": {"index.number_of_shards": 1, "index.x.y": True}}},
        {"template": {"settings": {"number_of_shards": "1", "x.y": "true"}}, "created_date": "now"},
        {
            "template": {"settings": {"index": {"number_of_shards": 1, "x": {"y": True}}}},
            "_meta": {"esrag": {"owner": "esrag"}},
            "ignore_missing_component_templates": [],
        },
    ],
)
def test_the_servers_spelling_is_no_difference(found: dict[str, Any]) -> None:
    """Nested or dotted, text or number, with dates and seals: the same body."""
    wanted = {"template": {"settings": {"index": {"number_of_shards": 1, "x": {"y": True}}}}}
    assert body_differences(wanted, found) == ()


def test_differences_are_paths() -> None:
    """A plan can show where two bodies differ, in lists too, and what is only in the cluster."""
    wanted = {"a": {"b": [1, {"c": 2}]}, "d": 1}
    found = {"a": {"b": [1, {"c": 3}]}, "e": 1}
    assert [str(item) for item in body_differences(wanted, found)] == [
        "a.b[1].c: 3 -> 2",
        "d: (none) -> 1",
        "e: 1 -> (none)",
    ]


def test_lists_of_other_length_differ_as_a_whole() -> None:
    """There is no guessing which item went."""
    assert [item.path for item in body_differences({"a": [1, 2]}, {"a": [2]})] == ["a"]


def test_an_index_may_have_settings_of_its_own() -> None:
    """Only wanted settings are looked at: an index has uuid, version and the like besides."""
    wanted = {"index.default_pipeline": "p", "index.analysis.analyzer.a.filter": ["x", "y"]}
    found = {
        "index": {
            "default_pipeline": "p",
            "uuid": "u",
            "analysis": {"analyzer": {"a": {"filter": ["x", "y"]}}},
        }
    }
    assert setting_differences(wanted, found) == ()
    assert setting_differences({**wanted, "index.default_pipeline": "q"}, found) == (
        Difference("index.default_pipeline", "p", "q"),
    )


def test_settings_are_flat_text() -> None:
    """One spelling for all values."""
    assert flat_settings({"index": {"a": True, "b": [1, "2"]}, "c": None}) == {
        "index.a": "true",
        "index.b": "1\n2",
        "index.c": "None",
    }


def test_fields_are_missing_or_changed() -> None:
    """A parameter that the server leaves out has its default; a stated one must be equal."""
    wanted = {
        "properties": {
            "a": {"type": "text", "fields": {"k": {"type": "keyword"}}},
            "b": {"type": "dense_vector", "dims": 3, "index": True},
            "c": {"type": "date"},
            "d": {"type": "text", "analyzer": "english"},
        }
    }
    found = {
        "properties": {
            "a": {"type": "text"},
            "b": {"type": "dense_vector", "dims": 3},
            "d": {"type": "text", "analyzer": "german"},
            "own": {"type": "text"},
        }
    }
    assert field_differences(wanted, found) == FieldDifferences(
        missing=(Difference("a.k", None, "keyword"), Difference("c", None, "date")),
        fixed=(Difference("d.analyzer", "german", "english"),),
    )
