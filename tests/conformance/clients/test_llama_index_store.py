"""LlamaIndex's Elasticsearch store, over the asynchronous client of 8, in its own environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_environments import ClientEnvironment
    from conformance_record import Tally
    from servers_under_test import ElasticsearchAddress

pytestmark = pytest.mark.suite("llama-index", "LlamaIndex's store, and an index with a retriever")
SCENES = Path(__file__).parent / "drivers" / "llama_index_scenes.py"


@pytest.fixture(scope="module")
def seen(
    client_environment: Callable[[str], ClientEnvironment],
    elasticsearch_address: ElasticsearchAddress,
    api_key: str,
    module_prefix: str,
    dense_model: str,
    sparse_model: str,
) -> dict[str, Any]:
    """What came of each scene; one process for all."""
    done = client_environment("llama_index").run(
        *(SCENES, module_prefix, dense_model, sparse_model),
        env={"ES_URL": elasticsearch_address.url, "ES_API_KEY": api_key},
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(autouse=True)
def _version(tally: Tally) -> None:
    tally.version("llama-index-vector-stores-elasticsearch", "0.7.0")


def test_dense_search(seen: dict[str, Any]) -> None:
    """The nearest node."""
    assert seen["dense_store"]["plain"] == ["backup"]


def test_dense_search_with_a_filter(seen: dict[str, Any]) -> None:
    """Only nodes whose metadata pass."""
    assert sorted(seen["dense_store"]["filtered"]) == ["roses", "tomatoes"]


def test_nodes_come_back_by_id(seen: dict[str, Any]) -> None:
    """Without a search."""
    assert seen["dense_store"]["nodes"] == ["roses", "router"]


def test_documents_and_nodes_can_be_removed(seen: dict[str, Any]) -> None:
    """Which is the server's delete by query."""
    assert seen["dense_store"]["left"] == ["roses", "tomatoes"]


def test_hybrid_search(seen: dict[str, Any]) -> None:
    """First is what both ways find."""
    assert seen["hybrid_store"][0] == "backup"
    assert len(seen["hybrid_store"]) == 4


def test_lexical_search(seen: dict[str, Any]) -> None:
    """Only what has the word."""
    assert seen["lexical_store"] == ["roses"]


@pytest.mark.known_difference("rank-features-and-join-fields-are-missing")
def test_sparse_search(seen: dict[str, Any]) -> None:
    """The server expands texts and question; this client keeps the words in rank_features."""
    assert seen["sparse_store"] == ["router"]


def test_index_and_retriever(seen: dict[str, Any]) -> None:
    """The way of the first page of the guide; the best score is one, the worst nought."""
    (best, high), (_, low) = seen["index_and_retriever"]
    assert (best, high, low) == ("A router joins networks.", 1.0, 0.0)
