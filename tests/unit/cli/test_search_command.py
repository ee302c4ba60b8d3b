"""``esrag search``: how its filters reach the search templates."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.cli import run
from esrag.cluster.profile import Profile


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The calls of search templates instead of a cluster."""
    calls: list[dict[str, Any]] = []

    def remember(
        _client: object, index: str, template: str, params: dict[str, object]
    ) -> tuple[()]:
        calls.append({"index": index, "template": template, **params})
        return ()

    profile = Profile(indices=("esrag-docs-default-000001",))
    monkeypatch.setattr("esrag.retrieval.run_template", remember)
    monkeypatch.setattr("esrag.retrieval.read_profile", lambda *_: profile)
    return calls


def search(*arguments: str) -> int:
    """The command's exit code, against an address where nobody is."""
    return run(["search", "--elasticsearch-url", "http://127.0.0.1:9", *arguments])


def test_a_plain_question_asks_the_hybrid_template(asked: list[dict[str, Any]]) -> None:
    """Without filters nothing but question and size is sent."""
    assert search("When?", "--json") == 0
    assert asked == [
        {
            "index": "esrag-docs-default",
            "template": "esrag-hybrid-default",
            "query": "When?",
            "size": 5,
        }
    ]


def test_filters_ask_the_filtered_template(asked: list[dict[str, Any]]) -> None:
    """Each option is a typed parameter."""
    options = ["--source", "a.md", "--document", "a", "--since", "2026-01-01", "--until", "now"]
    options += ["--metadata", "team=docs", "--metadata", "level=a=b"]
    assert search("When?", *options) == 0
    (call,) = asked
    assert call["template"] == "esrag-filtered-default"
    assert (call["source"], call["document_id"]) == ("a.md", "a")
    assert (call["published_from"], call["published_to"]) == ("2026-01-01", "now")
    assert call["metadata"] == [
        {"name": "team", "value": "docs"},
        {"name": "level", "value": "a=b"},
    ]
    assert call["lexical_only"] is False


def test_words_alone_can_be_filtered_too(asked: list[dict[str, Any]]) -> None:
    """The template without vectors, for clusters that have none."""
    assert search("When?", "--source", "a.md", "--template", "lexical") == 0
    assert asked[0]["lexical_only"] is True


@pytest.mark.parametrize(
    "options",
    [["--source", "a.md", "--template", "semantic"], ["--metadata", "team"], ["--metadata", "=x"]],
)
def test_what_cannot_be_filtered_is_a_wrong_usage(
    options: list[str], asked: list[dict[str, Any]]
) -> None:
    """Nothing is sent."""
    assert search("When?", *options) == 2
    assert asked == []
