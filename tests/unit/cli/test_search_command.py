"""``esrag search``: how its filters reach the search templates."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.cli import run
from esrag.cluster.profile import Profile
from esrag.types import Found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The calls of search templates instead of a cluster."""
    calls: list[dict[str, Any]] = []

    def remember(_client: object, index: str, template: str, params: dict[str, object]) -> Found:
        calls.append({"index": index, "template": template, **params})
        return Found(())

    profile = Profile(indices=("esrag-docs-default-000001",))
    monkeypatch.setattr("esrag.retrieval.retriever.run_template", remember)
    monkeypatch.setattr("esrag.retrieval.places.read_profile", lambda *_: profile)
    return calls


def search(*arguments: str) -> int:
    """The command's exit code, against an address where nobody is."""
    return run(["search", "--elasticsearch-url", "http://127.0.0.1:9", *arguments])


def test_a_plain_question_asks_the_hybrid_template(asked: list[dict[str, Any]]) -> None:
    """Without filters nothing but the question is sent, and the wish to see what matched."""
    assert search("When?", "--json") == 0
    assert asked == [
        {
            "index": "esrag-docs-default",
            "template": "esrag-hybrid-default",
            "query": "When?",
            "size": 5,
            "highlight": True,
        }
    ]


@pytest.mark.parametrize("template", ["hybrid", "linear", "lexical", "semantic"])
def test_filters_are_typed_parameters_of_every_template(
    template: str, asked: list[dict[str, Any]]
) -> None:
    """Each option is one of them."""
    options = ["--source", "a.md", "--document", "a", "--since", "2026-01-01", "--until", "now"]
    options += ["--metadata", "team=docs", "--metadata", "level=a=b"]
    assert search("When?", "--template", template, *options) == 0
    (call,) = asked
    assert call["template"] == f"esrag-{template}-default"
    assert call["only"] == {
        "source": ["a.md"],
        "document_id": ["a"],
        "published_from": "2026-01-01",
        "published_to": "now",
        "metadata": [
            {"name": "team", "values": ["docs"]},
            {"name": "level", "values": ["a=b"]},
        ],
    }


@pytest.mark.parametrize("pair", ["team", "=x"])
def test_what_cannot_be_filtered_is_a_wrong_usage(pair: str, asked: list[dict[str, Any]]) -> None:
    """Nothing is sent."""
    assert search("When?", "--metadata", pair) == 2
    assert asked == []
