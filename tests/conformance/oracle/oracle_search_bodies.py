"""Searches whose queries call a model, good and bad."""

from __future__ import annotations

import random
from typing import Any

from oracle_calls import Call
from oracle_mutations import Tree, mutated, text_of

MAPPINGS: dict[str, Any] = {
    "properties": {
        "text": {"type": "text"},
        "vector": {"type": "dense_vector", "dims": 3},
        "tokens": {"type": "sparse_vector"},
    }
}

VALUES: dict[str, list[Tree]] = {
    "query_vector_builder": [
        {}, {"nope": {}}, {"text_embedding": {}}, {"text_embedding": {"model_id": "m"}}, None, 1,
        {"text_embedding": {"model_text": "a"}}, {"text_embedding": {"model_text": 1}},
    ],
    "model_text": ["", 1, None, ["a"]],
    "query_vector": [[1, 2, 3], [], "a", [1, "a"], None, {"a": 1.0}, {"a": "x"}, {"a": -1}, {}],
    "k": [-1, 0, 1, 10, 10_001, "3", None],
    "num_candidates": [-1, 0, 1, 5, 10_000, 10_001, "20"],
    "similarity": ["x", 0.5, None],
    "boost": [-1, 0, "x"],
    "filter": [[], {}, {"nope": {}}, [{"term": {"text": "a"}}]],
    "inference_id": ["", 1, None],
    "query": ["", 1, None, {}],
    "prune": [True, "x", 1],
    "pruning_config": [
        {}, {"nope": 1}, {"tokens_freq_ratio_threshold": 0.1}, None,
        {"tokens_freq_ratio_threshold": 101}, {"tokens_weight_threshold": -1},
        {"tokens_weight_threshold": 2}, {"only_score_pruned_tokens": "x"},
    ],
    "tokens": [{}, {"model_text": "a"}, {"model_id": "m"}, 1, None, {"nope": 1}],
    "field": ["", 1, "nope", None],
    "rescore_vector": [{}, {"oversample": 2}, {"oversample": -1}, 1],
    "rank_window_size": [-1, 0, 5],
}  # fmt: skip


def searches(rng: random.Random, index: str, model: str, count: int) -> list[Call]:
    """Searches of an index, with a model that does not exist where they need one."""
    calls = []
    for _ in range(count):
        valid = _search(rng, model)
        body = text_of(valid) if rng.random() < 0.1 else mutated(rng, valid, VALUES)
        calls.append(
            Call(
                kind="search",
                method="POST",
                route="/{index}/_search",
                path={"index": index},
                body=body,
            )
        )
    return calls


def _search(rng: random.Random, model: str) -> dict[str, Any]:
    builder = {"text_embedding": {"model_id": model, "model_text": "a"}}
    knn: dict[str, Any] = {"field": "vector", "query_vector_builder": builder}
    if rng.random() < 0.8:
        knn |= {"k": 3, "num_candidates": 10}
    if rng.random() < 0.3:
        knn["filter"] = {"term": {"text": "a"}}
    sparse: dict[str, Any] = {"field": "tokens", "inference_id": model, "query": "a"}
    if rng.random() < 0.3:
        sparse = {"field": "tokens", "query_vector": {"a": 1.0, "b": 0.5}}
    if rng.random() < 0.5:
        config = {"tokens_freq_ratio_threshold": 5, "tokens_weight_threshold": 0.4}
        sparse |= {"prune": True, "pruning_config": config}
    expansion: dict[str, Any] = {"tokens": {"model_id": model, "model_text": "a"}}
    return rng.choice(
        (
            {"knn": knn},
            {"knn": [knn, {"field": "vector", "query_vector": [1, 2, 3], "k": 1}]},
            {"query": {"knn": knn}},
            {
                "query": {
                    "bool": {"must": [{"knn": knn}], "filter": [{"exists": {"field": "text"}}]}
                }
            },
            {"retriever": {"knn": {"k": 3, "num_candidates": 10} | knn}},
            {"retriever": {"standard": {"query": {"sparse_vector": sparse}}}},
            {"query": {"sparse_vector": sparse}},
            {"query": {"text_expansion": expansion}},
            {"query": {"weighted_tokens": {"tokens": {"tokens": {"a": 1.0}}}}},
        )
    )
