"""`query_vector_builder`: questions embedded by the cluster, wherever a knn query can stand."""

from __future__ import annotations

from typing import Any

import pytest
from ml_calls import DIMENSIONS, Accounts, Caller, vector_of


@pytest.fixture
def vectors(admin: Caller, deployed: str, prefix: str) -> str:
    """An index of ten documents, one letter each, with the vectors of "a " and the letter."""
    name = f"{prefix}-vectors"
    field = {"type": "dense_vector", "dims": DIMENSIONS, "similarity": "cosine"}
    properties = {"letter": {"type": "text"}, "vector": field}
    admin.ok("PUT", f"/{name}", {"mappings": {"properties": properties}})
    lines: list[dict[str, Any]] = []
    for letter in "abcdefghij":
        vector = vector_of(admin, deployed, f"a {letter}")
        lines += [{"index": {"_id": letter}}, {"letter": letter, "vector": vector}]
    admin.ok("POST", f"/{name}/_bulk?refresh=true", lines)
    return name


def builder(model_id: str, text: str) -> dict[str, Any]:
    """A knn clause that has the cluster embed a text."""
    embedding = {"text_embedding": {"model_id": model_id, "model_text": text}}
    return {"field": "vector", "k": 3, "num_candidates": 10, "query_vector_builder": embedding}


def forms(model_id: str, text: str) -> dict[str, dict[str, Any]]:
    """Every place where a knn clause can stand."""
    clause = builder(model_id, text)
    standard = {"standard": {"query": {"match": {"letter": text}}}}
    return {
        "top level": {"knn": clause},
        "query": {"query": {"bool": {"should": [{"knn": clause}]}}},
        "retriever": {"retriever": {"knn": clause}},
        "rrf": {"retriever": {"rrf": {"retrievers": [standard, {"knn": clause}]}}},
    }


@pytest.mark.parametrize("form", ["top level", "query", "retriever", "rrf"])
def test_a_question_is_embedded_with_the_search_prefix(
    admin: Caller, deployed: str, vectors: str, form: str
) -> None:
    """The best hit of a letter is its own document, whose vector is that of the prefixed text."""
    body = forms(deployed, "e")[form]
    hits = admin.ok("POST", f"/{vectors}/_search", body)["hits"]["hits"]
    assert hits[0]["_id"] == "e"
    if form != "rrf":
        assert hits[0]["_score"] == pytest.approx(1.0, abs=1e-5)


def test_reading_the_index_is_all_that_a_searcher_needs(
    accounts: Accounts, deployed: str, vectors: str
) -> None:
    """The model runs with the server's own rights, and the index keeps its own."""
    reader = accounts.user(read=vectors)
    body = {"knn": builder(deployed, "c")}
    assert reader.ok("POST", f"/{vectors}/_search", body)["hits"]["hits"][0]["_id"] == "c"
    stranger = accounts.user(read="other-*")
    assert stranger("POST", f"/{vectors}/_search", body).status == 403


def test_a_model_that_is_not_there_is_a_404(admin: Caller, vectors: str, prefix: str) -> None:
    """The search fails with the server's sentence."""
    body = {"knn": builder(f"{prefix}-nope", "c")}
    assert admin("POST", f"/{vectors}/_search", body).error[::2] == (
        404,
        f"[{prefix}-nope] is not an inference service model or a deployed ml model",
    )


def test_a_vector_and_a_builder_exclude_each_other(
    admin: Caller, deployed: str, vectors: str
) -> None:
    """The server's own parser decides."""
    clause = builder(deployed, "c") | {"query_vector": [1.0] * DIMENSIONS}
    reply = admin("POST", f"/{vectors}/_search", {"knn": clause})
    assert reply.status == 400
    assert "query_vector" in reply.text
