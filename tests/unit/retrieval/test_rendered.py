"""Rendered templates: what is taken out of them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.cluster.rendered import fusion_of, with_vector
from esrag.errors import UnsupportedError

WORDS: dict[str, Any] = {"match": {"text": "queue"}}
CLAUSE: dict[str, Any] = {"term": {"source": "a.md"}}


def builder(model_id: str) -> dict[str, Any]:
    """A knn section that lets the cluster embed."""
    call = {"text_embedding": {"model_id": model_id, "model_text": "queue"}}
    return {"field": "embedding", "k": "100", "query_vector_builder": call}


def test_the_vector_stands_where_the_model_was_called() -> None:
    """At any depth; everything else stays."""
    rendered = {"retriever": {"rrf": {"retrievers": [{"knn": builder("m")}]}}, "size": "5"}
    changed = with_vector(rendered, [0.5, 1.0], model_id="m")
    (leg,) = changed["retriever"]["rrf"]["retrievers"]
    assert leg == {"knn": {"query_vector": [0.5, 1.0], "field": "embedding", "k": "100"}}
    assert changed["size"] == "5"


def test_a_clause_of_another_model_finds_nothing() -> None:
    """While a generation of another model takes over, its clause is not for this vector."""
    rendered = {"query": {"bool": {"must": [{"knn": builder("other")}]}}}
    changed = with_vector(rendered, [1.0], model_id="m")
    assert changed == {"query": {"bool": {"must": [{"match_none": {}}]}}}


def test_legs_become_searches() -> None:
    """Queries and vectors keep their filters; the window is the size, ties go by place."""
    fused = {
        "retrievers": [
            {"standard": {"query": WORDS, "filter": [CLAUSE], "_name": "words"}},
            {"retriever": {"knn": {"field": "embedding", "k": 5}}, "weight": 2},
        ],
        "rank_window_size": "50",
        "filter": {"term": {"set": "x"}},
    }
    fusion = fusion_of({"retriever": {"rrf": fused}})
    assert fusion is not None
    words, near = bodies = [leg.body for leg in fusion.legs]
    shared = {"term": {"set": "x"}}
    assert words["query"] == {"bool": {"must": [WORDS], "filter": [CLAUSE, shared]}}
    assert near["knn"] == {"field": "embedding", "k": 5, "filter": [shared]}
    assert [leg.weight for leg in fusion.legs] == [1.0, 2.0]
    assert [leg.name for leg in fusion.legs] == ["words", "1"]
    assert all(
        body["size"] == 50 and body["sort"] == [{"_score": "desc"}, {"_shard_doc": "asc"}]
        for body in bodies
    )


@pytest.mark.parametrize(
    "fused",
    [
        {"retrievers": [{"linear": {}}]},
        {"retrievers": [{"standard": {"query": WORDS, "collapse": {"field": "x"}}}]},
        {"query": "queue", "fields": ["text"]},
        {"retrievers": [], "min_score": 0.5},
    ],
)
def test_what_cannot_be_followed_is_refused(fused: dict[str, Any]) -> None:
    """Rather than another ranking, exit code 6."""
    with pytest.raises(UnsupportedError, match="does not fuse rankings"):
        fusion_of({"retriever": {"rrf": fused}})


@pytest.mark.parametrize("retriever", [{"knn": {}}, None])
def test_only_a_fusion_is_fused(retriever: dict[str, Any] | None) -> None:
    """Other templates are run as they are."""
    assert fusion_of({"retriever": retriever, "query": WORDS}) is None


def test_a_linear_combination_is_taken_apart_too() -> None:
    """Each ranking has its own normalizer, else that of all."""
    entries = [
        {"retriever": {"standard": {"query": WORDS}}, "normalizer": "minmax"},
        {"retriever": {"knn": {"field": "embedding", "k": 5}}, "weight": 2},
    ]
    fusion = fusion_of({"retriever": {"linear": {"retrievers": entries, "normalizer": "l2_norm"}}})
    assert fusion is not None
    assert [(leg.weight, leg.normalizer) for leg in fusion.legs] == [
        (1.0, "minmax"),
        (2.0, "l2_norm"),
    ]
