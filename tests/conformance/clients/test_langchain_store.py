"""langchain-elasticsearch, which speaks with the client of Elasticsearch 8, in its own environment.

A 9 server answers a client that asks for compatibility with 8, so its pins are no obstacle.
"""

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

pytestmark = pytest.mark.suite(
    "langchain-elasticsearch", "LangChain's store, embeddings, retriever, cache and chat history"
)
SCENES = Path(__file__).parent / "drivers" / "langchain_scenes.py"
BACKUP = "The backup runs at three."


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
    done = client_environment("langchain").run(
        *(SCENES, module_prefix, dense_model, sparse_model),
        env={"ES_URL": elasticsearch_address.url, "ES_API_KEY": api_key},
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(autouse=True)
def _version(tally: Tally) -> None:
    tally.version("langchain-elasticsearch", "1.0.0")


def test_embeddings_come_from_the_cluster(seen: dict[str, Any]) -> None:
    """A document and a question of the same words have the same vector."""
    vectors = seen["embeddings_of_the_cluster"]
    dog, puppy = vectors["documents"]
    assert vectors["query"] == pytest.approx(dog, abs=1e-5)
    assert sum(a * b for a, b in zip(dog, puppy, strict=True)) > 0.7


def test_similarity_search(seen: dict[str, Any]) -> None:
    """The nearest first; scores fall."""
    found = seen["dense_store"]
    assert found["plain"] == ["Data is kept on tape.", BACKUP]
    scores = [score for _, score in found["scored"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0.5 < score < 1.0 for score in scores)


def test_similarity_search_with_a_filter(seen: dict[str, Any]) -> None:
    """Only what passes, though another is nearer."""
    assert seen["dense_store"]["filtered"] == ["Cut the roses in spring."]


def test_similarity_search_by_vector(seen: dict[str, Any]) -> None:
    """With the vector of a question."""
    assert seen["dense_store"]["by_vector"] == ["A router joins networks."]


def test_deletion(seen: dict[str, Any]) -> None:
    """What was removed is not found again; the rest is."""
    left = seen["dense_store"]["deleted"]
    assert len(left) == 4
    assert "Data is kept on tape." not in left


def test_store_as_retriever(seen: dict[str, Any]) -> None:
    """As a link of a chain."""
    assert seen["retriever_of_the_store"] == ["Cut the roses in spring."]


def test_hybrid_search(seen: dict[str, Any]) -> None:
    """First is what both ways find."""
    assert seen["hybrid_store"][0] == BACKUP
    assert len(seen["hybrid_store"]) == 4


def test_model_in_the_cluster(seen: dict[str, Any]) -> None:
    """No embedder on the client's side, neither for texts nor for the question."""
    assert seen["model_in_the_cluster"] == [BACKUP]


def test_lexical_search(seen: dict[str, Any]) -> None:
    """Only what has the word."""
    assert seen["lexical_store"] == ["Cut the roses in spring."]


@pytest.mark.known_difference("rank-features-and-join-fields-are-missing")
def test_sparse_search(seen: dict[str, Any]) -> None:
    """The server expands texts and question; this client keeps the words in rank_features."""
    assert seen["sparse_store"] == ["A router joins networks."]


@pytest.mark.known_difference("no-painless")
def test_exact_search(seen: dict[str, Any]) -> None:
    """By a painless script over every vector."""
    assert seen["exact_store"] == [BACKUP]


def test_retriever_with_a_body_of_ones_own(seen: dict[str, Any]) -> None:
    """Here knn whose question the server embeds."""
    assert seen["retriever_with_a_body"][0] == BACKUP


def test_a_missing_model_is_told_before_the_index_is_made(seen: dict[str, Any]) -> None:
    """By the server's 404."""
    assert seen["missing_model"] == ["NotFoundError", False]


def test_chat_history(seen: dict[str, Any]) -> None:
    """Messages in their order, then none."""
    assert seen["chat_history"] == {
        "kept": [["human", "hello"], ["ai", "good day"]],
        "cleared": 0,
    }


def test_cache_of_embeddings(seen: dict[str, Any]) -> None:
    """Bytes come back in the order asked for; what is not there is none."""
    assert seen["cache_of_embeddings"] == ["34", None, "12"]
