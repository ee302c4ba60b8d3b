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


def test_settings_are_flat() -> None:
    """One spelling for all names; values stay as they are, for whoever sends them on."""
    assert flat_settings({"index": {"a": True, "b": [1, "2"]}, "c": 3}) == {
        "index.a": True,
        "index.b": [1, "2"],
        "index.c": 3,
    }


def test_a_parameter_that_one_side_leaves_out_has_its_default() -> None:
    """What somebody took away or added is found; what a server states besides is not."""
    wanted = {
        "properties": {
            "text": {"type": "text", "norms": False, "index_options": "docs"},
            "key": {"type": "keyword"},
            "n": {"type": "integer"},
        }
    }
    assert field_differences(wanted, wanted) == FieldDifferences()
    found = {
        "properties": {
            "text": {"type": "text", "search_analyzer": "simple", "unheard_of": 1},
            "key": {"type": "keyword", "ignore_above": 10, "doc_values": True},
            "n": {"type": "integer", "coerce": "true", "index": False},
        }
    }
    differences = field_differences(wanted, found)
    assert [str(item) for item in differences.changeable] == [
        "text.search_analyzer: simple -> (none)",
        "key.ignore_above: 10 -> 2147483647",
    ]
    assert [item.path for item in differences.fixed] == [
        "text.index_options",
        "text.norms",
        "n.index",
    ]


def test_the_meta_of_a_field_is_compared_where_we_say_something() -> None:
    """A change of who embeds is one PUT _mapping; what others noted there stays theirs."""
    wanted = {"properties": {"v": {"type": "dense_vector", "meta": {"embedding": "client"}}}}
    has = {"type": "dense_vector", "dims": 3, "meta": {"embedding": "cluster", "unit": "x"}}
    assert field_differences(wanted, {"properties": {"v": has}}) == FieldDifferences(
        changeable=(Difference("v.meta.embedding", "cluster", "client"),)
    )


def test_tuning_of_vectors_changes_in_place_and_storage_does_not() -> None:
    """Oversampling is read by the next search; a graph would have to be built anew."""

    def mapping(options: dict[str, Any]) -> dict[str, Any]:
        return {"properties": {"v": {"type": "dense_vector", "index_options": options}}}

    wanted = {"type": "int8_hnsw", "rescore_vector": {"oversample": 2}, "flat_index_threshold": 9}
    same = {"type": "int8_hnsw", "rescore_vector": {"oversample": 2.0}, "flat_index_threshold": 9}
    assert field_differences(mapping(wanted), mapping(same)) == FieldDifferences()
    differences = field_differences(mapping(wanted), mapping({"type": "bbq_hnsw"}))
    assert [item.path for item in differences.changeable] == [
        "v.index_options.flat_index_threshold",
        "v.index_options.rescore_vector",
    ]
    assert [item.path for item in differences.fixed] == ["v.index_options.type"]


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
