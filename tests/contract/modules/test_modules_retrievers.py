"""The compound retrievers ``rrf`` and ``linear`` in the real search."""

from __future__ import annotations

from typing import Any

import pytest

LEXICAL: dict[str, Any] = {"standard": {"query": {"match": {"text": "dog running"}}}}
DENSE: dict[str, Any] = {
    "knn": {"field": "vector", "query_vector": [1.0, 4.0], "k": 4, "num_candidates": 10}
}


def search(admin: Any, index: str, retriever: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Hits by id, in order, with their scores."""
    reply = admin("POST", f"/{index}/_search", {"retriever": retriever, **more})
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body


def scores(body: dict[str, Any]) -> dict[str, float]:
    """Score by id, in the order of the hits."""
    return {hit["_id"]: hit["_score"] for hit in body["hits"]["hits"]}


def ranking(admin: Any, index: str, retriever: dict[str, Any]) -> list[str]:
    """Ids in the order of one retriever alone."""
    return list(scores(search(admin, index, retriever)))


@pytest.mark.parametrize(("constant", "weights"), [(60, (1, 1)), (1, (1, 1)), (20, (2, 0.5))])
def test_rrf_is_the_sum_of_reciprocal_ranks(
    admin: Any, index: str, constant: int, weights: tuple[float, float]
) -> None:
    """Scores equal our own arithmetic over the children's rankings."""
    expected: dict[str, float] = {}
    for retriever, weight in zip((LEXICAL, DENSE), weights, strict=True):
        for rank, name in enumerate(ranking(admin, index, retriever), start=1):
            expected[name] = expected.get(name, 0) + weight / (constant + rank)
    children = [
        {"retriever": child, "weight": weight}
        for child, weight in zip((LEXICAL, DENSE), weights, strict=True)
    ]
    found = scores(
        search(admin, index, {"rrf": {"retrievers": children, "rank_constant": constant}})
    )
    assert found == pytest.approx(expected, rel=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_rrf_window_limits_what_is_fused(admin: Any, index: str) -> None:
    """Each child contributes its window, and no more hits than the window come out."""
    retriever = {"rrf": {"retrievers": [LEXICAL, DENSE], "rank_window_size": 2}}
    assert len(scores(search(admin, index, retriever, size=2))) == 2


def test_rrf_filter_reaches_every_child(admin: Any, index: str) -> None:
    """A filter on the compound is a filter of all."""
    retriever = {"rrf": {"retrievers": [LEXICAL, DENSE], "filter": {"term": {"kind": "kind-1"}}}}
    assert set(scores(search(admin, index, retriever))) == {"1", "3"}


def test_rrf_nests_pages_and_aggregates(admin: Any, index: str) -> None:
    """Paging, sources and aggregations are the search's own."""
    inner = {"rrf": {"retrievers": [LEXICAL, DENSE]}}
    retriever = {"rrf": {"retrievers": [inner, LEXICAL], "rank_window_size": 10}}
    whole = search(admin, index, retriever)
    second = search(admin, index, retriever, **{"from": 1}, size=1, _source=["kind"])
    assert list(scores(second)) == list(scores(whole))[1:2]
    assert set(second["hits"]["hits"][0]["_source"]) == {"kind"}
    kinds = search(admin, index, retriever, aggs={"k": {"terms": {"field": "kind"}}})
    assert sum(b["doc_count"] for b in kinds["aggregations"]["k"]["buckets"]) == 4


def test_rrf_min_score_applies_after_fusion(admin: Any, index: str) -> None:
    """What lies below is left out."""
    whole = scores(search(admin, index, {"rrf": {"retrievers": [LEXICAL, DENSE]}}))
    limit = sorted(whole.values())[1]
    kept = scores(
        search(admin, index, {"rrf": {"retrievers": [LEXICAL, DENSE], "min_score": limit}})
    )
    assert set(kept) == {name for name, score in whole.items() if score >= limit}


def test_rrf_explains_ranks(admin: Any, index: str) -> None:
    """An explanation says from which ranks a score came."""
    named = {"standard": {**LEXICAL["standard"], "_name": "words"}}
    body = search(admin, index, {"rrf": {"retrievers": [named, DENSE]}}, explain=True)
    best = body["hits"]["hits"][0]
    explanation = best["_explanation"]
    assert explanation["value"] == pytest.approx(best["_score"])
    assert explanation["description"].startswith(
        f"rrf score: [{best['_score']}] computed for initial ranks ["
    )
    assert "with rankConstant: [60]" in explanation["description"]
    assert "in query at index [0] [words]" in explanation["details"][0]["description"]
    lexical_only = next(hit for hit in body["hits"]["hits"] if hit["_id"] == "4")
    assert "result not found in query" in str(lexical_only["_explanation"])


def test_rrf_explains_each_ranking_by_its_place(admin: Any, index: str) -> None:
    """The words of the module: place and name of the inner retriever, rank, and constant."""
    named = {"standard": {**LEXICAL["standard"], "_name": "words"}}
    children = [{"retriever": named, "weight": 2}, {"retriever": DENSE}]
    retriever = {"rrf": {"retrievers": children, "rank_constant": 1}}
    hits = search(admin, index, retriever, explain=True)["hits"]["hits"]
    absent = next(hit for hit in hits if hit["_id"] == "4")["_explanation"]["details"]
    rank = int(absent[1]["value"])
    assert absent[0] == {
        "value": 0.0,
        "description": "rrf score: [0], result not found in query at index [0] [words]",
        "details": [],
    }
    assert absent[1]["description"] == (
        f"rrf score: [{1 / (rank + 1)}], for rank [{rank}] in query at index [1] computed as "
        f"[1 / ({rank} + 1)], for matching query with score"
    )
    whole = hits[0]["_explanation"]["description"]
    assert whole.endswith(
        "with rankConstant: [1] as sum of [1 / (rank + rankConstant)] for each query"
    )


def test_rrf_short_form_searches_fields(admin: Any, index: str) -> None:
    """One text over several fields, or over the default ones."""
    found = scores(search(admin, index, {"rrf": {"query": "dog", "fields": ["text", "kind"]}}))
    assert set(found) == {"1", "3"}
    assert set(scores(search(admin, index, {"rrf": {"query": "dog"}}))) == {"1", "3"}


@pytest.mark.parametrize(
    ("retriever", "reason"),
    [
        ({"rrf": {}}, "[rrf] must provide [retrievers] or [query]"),
        (
            {"rrf": {"fields": ["text"]}},
            "[rrf] [query] must be provided when [fields] is specified",
        ),
        ({"rrf": {"query": "x", "fields": []}}, "[rrf] [fields] cannot be empty"),
        (
            {"rrf": {"query": "x", "retrievers": [LEXICAL]}},
            "[rrf] cannot combine [retrievers] and [query]",
        ),
        ({"rrf": {"query": "", "fields": ["text"]}}, "[rrf] [query] cannot be empty"),
        (
            {"rrf": {"query": "x", "fields": ["text^-1"]}},
            "[rrf] per-field weights must be non-negative",
        ),
        (
            {"rrf": {"retrievers": [{"retriever": LEXICAL, "weight": -1}]}},
            "[weight] must be non-negative, found [-1.0]",
        ),
        (
            {"rrf": {"retrievers": [{**LEXICAL, "weight": 1}]}},
            "unknown field [weight] after retriever",
        ),
        (
            {"rrf": {"retrievers": [{"weight": 1, "standard": {}}]}},
            "unknown field [standard], expected [retriever] or [weight]",
        ),
        (
            {"rrf": {"retrievers": [{"weight": 1, "weight_": 1}]}},
            "unknown field [weight_], expected [retriever] or [weight]",
        ),
        ({"rrf": {"retrievers": [{}]}}, "retriever component must contain a retriever"),
        ({"rrf": {"retrievers": [LEXICAL], "colour": 1}}, "[rrf] unknown field [colour]"),
        (
            {"linear": {"query": "x"}},
            "[linear] [normalizer] must be provided when [query] is specified",
        ),
        (
            {"linear": {"retrievers": [{"retriever": LEXICAL}], "min_score": -1}},
            "[min_score] must be greater than or equal to 0, was: [-1.0]",
        ),
        (
            {"linear": {"retrievers": [{"retriever": LEXICAL, "normalizer": "x"}]}},
            "Unknown normalizer [x]",
        ),
        ({"linear": {"query": "x", "normalizer": "x"}}, "Unknown normalizer [x]"),
        ({"linear": {"retrievers": [LEXICAL]}}, "[retriever-component] unknown field [standard]"),
        ({"linear": {"retrievers": [{"weight": 1}]}}, "Required [retriever]"),
        (
            {"linear": {"retrievers": [{"retriever": LEXICAL, "weight": -1}]}},
            "[weight] must be non-negative",
        ),
        (
            {"linear": {"query": "x", "fields": ["text^-1"], "normalizer": "minmax"}},
            "[linear] per-field weights must be non-negative",
        ),
    ],
)
def test_bad_compound_is_refused(
    admin: Any, index: str, retriever: dict[str, Any], reason: str
) -> None:
    """400, with the reason somewhere in the chain of causes."""
    reply = admin("POST", f"/{index}/_search", {"retriever": retriever})
    assert reply.status == 400, reply.body
    assert reason in str(reply.body)


@pytest.mark.parametrize("name", ["rrf", "linear"])
def test_window_must_hold_what_is_asked_for(admin: Any, index: str, name: str) -> None:
    """More hits than are fused cannot be answered."""
    children = [{"retriever": child} for child in (LEXICAL, DENSE)]
    retriever = {name: {"retrievers": children, "rank_window_size": 2}}
    reply = admin("POST", f"/{index}/_search", {"retriever": retriever, "size": 3})
    assert reply.status == 400
    reason = f"[{name}] requires [rank_window_size: 2] be greater than or equal to [size: 3]"
    assert reason in reply.reason


def test_compound_stands_alone(admin: Any, index: str) -> None:
    """The core refuses a query beside a retriever."""
    body = {"retriever": {"rrf": {"retrievers": [LEXICAL]}}, "query": {"match_all": {}}}
    reply = admin("POST", f"/{index}/_search", body)
    assert reply.status == 400
    assert "cannot specify [retriever] and [query]" in reply.reason


def normalized(values: dict[str, float], normalizer: str) -> dict[str, float]:
    """Our own arithmetic of the three normalizers."""
    if normalizer == "minmax":
        low, high = min(values.values()), max(values.values())
        return {name: (value - low) / (high - low) for name, value in values.items()}
    if normalizer == "l2_norm":
        norm = sum(value * value for value in values.values()) ** 0.5
        return {name: value / norm for name, value in values.items()}
    return values


@pytest.mark.parametrize("normalizer", ["none", "minmax", "l2_norm"])
def test_linear_adds_up_weighted_scores(admin: Any, index: str, normalizer: str) -> None:
    """Scores equal our own arithmetic over the children's scores."""
    weights = (2.0, 0.5)
    expected: dict[str, float] = {}
    for retriever, weight in zip((LEXICAL, DENSE), weights, strict=True):
        own = normalized(scores(search(admin, index, retriever)), normalizer)
        for name, value in own.items():
            expected[name] = expected.get(name, 0) + weight * value
    children = [
        {"retriever": child, "weight": weight, "normalizer": normalizer}
        for child, weight in zip((LEXICAL, DENSE), weights, strict=True)
    ]
    found = scores(search(admin, index, {"linear": {"retrievers": children}}, explain=True))
    assert found == pytest.approx(expected, rel=1e-5)


def test_linear_explains_each_ranking_by_its_place(admin: Any, index: str) -> None:
    """The words of the module: place and name, weight, normalized score and normalizer."""
    named = {"standard": {**LEXICAL["standard"], "_name": "words"}}
    children = [{"retriever": named, "weight": 2, "normalizer": "minmax"}, {"retriever": DENSE}]
    hits = search(admin, index, {"linear": {"retrievers": children}}, explain=True)["hits"]["hits"]
    best = next(hit for hit in hits if hit["_explanation"]["details"][0]["value"] == 2)
    assert best["_explanation"]["details"][0]["description"] == (
        "weighted score: [2.0] in query at index [0] [words] computed as [2.0 * 1.0] "
        "using score normalizer [minmax] for original matching query with score:"
    )
    absent = next(hit for hit in hits if hit["_id"] == "4")["_explanation"]
    assert absent["details"][0]["description"] == (
        "weighted score: [0], result not found in query at index [0] [words]"
    )
    assert absent["description"] == (
        f"weighted linear combination score: [{absent['value']}] computed for normalized scores "
        f"[0.0, {absent['value']}] and weights [2.0, 1.0] as sum of (weight[i] * score[i]) "
        "for each query."
    )


def test_linear_gives_its_normalizer_to_children_without_one(admin: Any, index: str) -> None:
    """A child's own normalizer takes precedence; equal scores become one under minmax."""
    constant = {"standard": {"query": {"constant_score": {"filter": {"match_all": {}}}}}}
    children = [
        {"retriever": constant, "weight": 3},
        {"retriever": constant, "normalizer": "L2_NORM"},
    ]
    retriever = {"linear": {"retrievers": children, "normalizer": "minmax"}}
    assert set(scores(search(admin, index, retriever)).values()) == {3.5}


def test_linear_takes_scores_of_children_sorted_by_a_field(admin: Any, index: str) -> None:
    """The order of a child does not matter to it, only the scores."""
    ordered = {"standard": {**LEXICAL["standard"], "sort": [{"kind": "desc"}]}}
    plain = scores(search(admin, index, {"linear": {"retrievers": [{"retriever": LEXICAL}]}}))
    found = scores(search(admin, index, {"linear": {"retrievers": [{"retriever": ordered}]}}))
    assert found == pytest.approx(plain)


def test_linear_short_form_takes_weights_of_fields(admin: Any, index: str) -> None:
    """One text over several fields; the best hit has the normalized score one."""
    short = {"query": "dogs", "fields": ["text^2", "kind"], "normalizer": "minmax"}
    found = scores(search(admin, index, {"linear": short}))
    assert set(found) == {"1", "3"}
    assert max(found.values()) == 1


@pytest.mark.parametrize("name", ["rrf", "linear"])
def test_short_form_finds_nothing_where_there_is_no_index(
    admin: Any, prefix: str, name: str
) -> None:
    """A pattern without a match is not an error."""
    options = {"normalizer": "none"} if name == "linear" else {}
    body = search(admin, f"{prefix}-absent-*", {name: {"query": "x", **options}})
    assert body["hits"]["hits"] == []


def test_compounds_collapse_and_highlight(admin: Any, index: str) -> None:
    """What is done with the fused hits is the search's own."""
    retriever = {"rrf": {"retrievers": [LEXICAL, DENSE]}}
    body = search(
        admin,
        index,
        retriever,
        collapse={"field": "kind", "inner_hits": {"name": "all"}},
        highlight={"fields": {"text": {}}},
    )
    hits = body["hits"]["hits"]
    assert {hit["fields"]["kind"][0] for hit in hits} == {"kind-0", "kind-1"}
    assert {len(hit["inner_hits"]["all"]["hits"]["hits"]) for hit in hits} == {2}
    assert any("<em>" in str(hit.get("highlight")) for hit in hits)


def test_a_failing_child_fails_the_whole(admin: Any, index: str) -> None:
    """The core names the child and hangs its failure on the error."""
    broken = {"standard": {"query": {"match": {"vector": "x"}}}}
    body = {"retriever": {"rrf": {"retrievers": [LEXICAL, broken]}}}
    reply = admin("POST", f"/{index}/_search", body)
    assert reply.status == 400
    assert "[rrf] search failed - retrievers '[standard]' returned errors" in reply.reason


def test_unknown_retriever_is_refused(admin: Any, index: str) -> None:
    """What is not covered answers as the server would."""
    reply = admin("POST", f"/{index}/_search", {"retriever": {"pinned": {}}})
    assert reply.status == 400
    assert "unknown retriever [pinned]" in str(reply.body)
