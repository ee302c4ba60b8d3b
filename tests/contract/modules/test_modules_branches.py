"""Filters that send tokens several ways, cut compounds, or name stemmers that are gone."""

from __future__ import annotations

from typing import Any

import pytest


def analysed(admin: Any, filters: list[Any], text: str) -> Any:
    """The answer of _analyze with a whitespace tokenizer."""
    return admin("POST", "/_analyze", {"tokenizer": "whitespace", "filter": filters, "text": text})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"filters": ["uppercase", "reverse"]},
            [("Ab", 0), ("AB", 0), ("bA", 0), ("x", 1), ("X", 1)],
        ),
        ({"filters": ["lowercase, reverse"], "preserve_original": False}, [("ba", 0), ("x", 1)]),
        ({"filters": ["lowercase", "lowercase"]}, [("Ab", 0), ("ab", 0), ("x", 1)]),
        ({"filters": []}, [("Ab", 0), ("x", 1)]),
    ],
)
def test_multiplexer_puts_all_branches_in_one_place(
    admin: Any, prefix: str, options: dict[str, Any], expected: list[tuple[str, int]]
) -> None:
    """Each branch sees the token as it came; equal results stand there once."""
    analysis = {
        "filter": {"many": {"type": "multiplexer", **options}},
        "analyzer": {"mine": {"tokenizer": "whitespace", "filter": ["many"]}},
    }
    body = {"settings": {"number_of_replicas": 0, "analysis": analysis}}
    assert admin("PUT", f"/{prefix}-many", body).status == 200
    reply = admin("POST", f"/{prefix}-many/_analyze", {"analyzer": "mine", "text": "Ab x"})
    assert [(t["token"], t["position"]) for t in reply.body["tokens"]] == expected


@pytest.mark.parametrize(
    ("filters", "chain", "reason"),
    [
        (
            {"many": {"type": "multiplexer", "filters": ["absent"]}},
            ["many"],
            "Multiplexing filter [many] refers to undefined tokenfilter [absent]",
        ),
        (
            {
                "many": {"type": "multiplexer", "filters": ["lowercase"]},
                "same": {"type": "synonym", "synonyms": ["a, b"]},
            },
            ["many", "same"],
            "Token filter [many] cannot be used to parse synonyms except as part of an explicit "
            "synonym filter parameter",
        ),
        (
            {"cut": {"type": "hyphenation_decompounder", "word_list": ["a"]}},
            ["cut"],
            "hyphenation_patterns_path is a required setting.",
        ),
        (
            {"cut": {"type": "hyphenation_decompounder", "hyphenation_patterns_path": "x.xml"}},
            ["cut"],
            "word_list must be provided for [cut], either as a path to a file, or directly",
        ),
    ],
)
def test_an_index_with_wrong_filters_is_refused(
    admin: Any, prefix: str, filters: dict[str, Any], chain: list[str], reason: str
) -> None:
    """The index is not made, and the reason stands in the chain of causes."""
    analysis = {
        "filter": filters,
        "analyzer": {"mine": {"tokenizer": "whitespace", "filter": chain}},
    }
    body = {"settings": {"number_of_replicas": 0, "analysis": analysis}}
    reply = admin("PUT", f"/{prefix}-wrong", body)
    assert reply.status == 400
    assert reason in str(reply.body)


@pytest.mark.parametrize(("language", "name"), [("lovins", "lovins"), ("kp", "dutch_kp")])
def test_a_stemmer_that_is_gone_warns_and_gives_nothing(
    admin: Any, language: str, name: str
) -> None:
    """The server keeps the names, lets no token through, and says so in a header."""
    reply = analysed(admin, [{"type": "stemmer", "language": language}], "running dogs")
    assert reply.body["tokens"] == []
    warning = f"The [{name}] stemmer is deprecated and will be removed in a future version."
    assert warning in reply.headers["warning"]


def test_a_field_that_is_deprecated_is_named_in_a_header(admin: Any) -> None:
    """As clients expect it, under code 299."""
    reply = admin("POST", "/_render/template", {"inline": '{"a": 1}'})
    assert reply.body == {"template_output": {"a": 1}}
    assert reply.headers["warning"].startswith("299 Elasticsearch-9.5.3-")
    assert "Deprecated field [inline] used, expected [source] instead" in reply.headers["warning"]
