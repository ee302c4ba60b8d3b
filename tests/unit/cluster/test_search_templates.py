"""Search: what is sent, what a search answer becomes, and what failures are called."""

from typing import Any

import pytest

from esrag.cluster.search import parse_found, run_template, run_templates
from esrag.errors import ConflictError, EsragError, ModelDownError, UnavailableError, UsageError
from esrag.testing_elasticsearch import ElasticsearchFake, Reply
from esrag.types import Facet

SOURCE = {
    "document_id": "doc",
    "position": 2,
    "start": 10,
    "end": 14,
    "text": "text",
    "title": "Title",
    "heading_path": "only one",
    "source": "a.md",
    "url": "https://x",
    "published": "2026-03-03",
    "metadata": {"team": "search", "tags": ["a", "b"], "level": 3},
}


def found(*sources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A search answer with these sources as hits."""
    hits = [{"_id": f"id{n}", "_score": 1.0 / (n + 1), "_source": s} for n, s in enumerate(sources)]
    return {"_shards": {"total": 1, "failed": 0}, "hits": {"hits": hits}, **more}


def test_hits_carry_rank_and_fields() -> None:
    """Ranks count from 1; single values become tuples; metadata becomes text."""
    first, second = parse_found(found(SOURCE, SOURCE), doing="testing").hits
    assert (first.id, first.rank, first.score) == ("id0", 1, 1.0)
    assert (second.id, second.rank, second.score) == ("id1", 2, 0.5)
    assert first.heading_path == ("only one",)
    assert dict(first.metadata) == {"team": "search", "tags": "a, b", "level": "3"}
    assert (first.position, first.start, first.end, first.published) == (2, 10, 14, "2026-03-03")


def test_optional_fields_may_be_absent() -> None:
    """A chunk without title, headings, date or link is a hit all the same."""
    bare = {k: SOURCE[k] for k in ("document_id", "position", "start", "end", "text")}
    (hit,) = parse_found(found(bare), doing="testing").hits
    assert (hit.title, hit.heading_path, hit.url, hit.published) == ("", (), "", "")


@pytest.mark.parametrize(
    "answer",
    [
        found(SOURCE)
        | {"_shards": {"total": 2, "failed": 1, "failures": [{"reason": {"reason": "x"}}]}},
        found(SOURCE, timed_out=True),
        found({"text": "no id"}),
        {"hits": []},
        {},
    ],
)
def test_partial_or_strange_answers_are_errors(answer: dict[str, Any]) -> None:
    """An answer that is not whole never passes for one."""
    with pytest.raises(UnavailableError):
        parse_found(answer, doing="testing")


def test_parameters_are_sent_as_given_without_empty_filters() -> None:
    """The template is called on the alias by id."""
    fake = ElasticsearchFake(lambda request: Reply(200, found(SOURCE)))
    params = {"query": "q", "size": 5, "filters": [], "model_id": None}
    assert len(run_template(fake.client(), "esrag-docs-x", "esrag-hybrid-x", params).hits) == 1
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "esrag-docs-x/_search/template")
    assert request.body == {"id": "esrag-hybrid-x", "params": {"query": "q", "size": 5}}


@pytest.mark.parametrize(
    "params",
    [
        {"size": 0},
        {"size": 101},
        {"size": "10"},
        {"filters": '{"match_all":{}}'},
        {"filters": ["x"]},
    ],
)
def test_unfit_parameters_are_not_sent(params: dict[str, object]) -> None:
    """A filter that is not a clause would be pasted into the query as it is."""
    fake = ElasticsearchFake(lambda request: Reply(200, found()))
    with pytest.raises(UsageError):
        run_template(fake.client(), "i", "t", {"query": "q", **params})
    assert fake.requests == []


@pytest.mark.parametrize(
    ("reply", "branch", "hint"),
    [
        (
            Reply.error(404, "resource_not_found_exception", "unable to find script [t]"),
            ConflictError,
            "esrag setup",
        ),
        (
            Reply(
                404,
                {
                    "error": {
                        "reason": "[text_similarity_reranker] search failed",
                        "suppressed": [
                            {"caused_by": {"reason": "Inference endpoint not found [judge]"}}
                        ],
                    }
                },
            ),
            ConflictError,
            "retrieval.rerank_endpoint",
        ),
        (
            Reply.error(404, "index_not_found_exception", "no such index [i]"),
            ConflictError,
            "esrag setup",
        ),
        (
            Reply.error(
                409, "status_exception", "Model [m] must be deployed to use. Please deploy"
            ),
            ModelDownError,
            "esrag model deploy",
        ),
        (
            Reply.error(
                409,
                "status_exception",
                "Trained model deployment [m] is not allocated to any nodes",
            ),
            UnavailableError,
            "try again",
        ),
        (Reply.error(429, "es_rejected_execution_exception", "full"), UnavailableError, ""),
    ],
)
def test_failures_name_the_missing_piece(reply: Reply, branch: type[EsragError], hint: str) -> None:
    """The branch decides the exit code, the hint the next command."""
    fake = ElasticsearchFake(lambda request: reply)
    with pytest.raises(branch) as caught:
        run_template(fake.client(), "i", "t", {"query": "q"})
    assert hint in caught.value.hint


def test_marks_become_offsets() -> None:
    """Of the text without the marks; marks that stand in the text itself tell nothing."""
    raw = found({**SOURCE, "text": "The queue blocks."})
    hit = raw["hits"]["hits"][0]
    hit["highlight"] = {"text": ["The \ue000queue\ue001 \ue000blocks\ue001."]}
    assert parse_found(raw, doing="x").hits[0].highlights == ((4, 9), (10, 16))
    hit["_source"]["text"] = "The queue\ue000 blocks."
    assert parse_found(raw, doing="x").hits[0].highlights == ()


def test_counts_and_scores_are_read() -> None:
    """Most first, fields without values left out; matched queries may be a mere list."""
    buckets = [
        {"key": 1640995200000, "key_as_string": "2022", "doc_count": 1},
        {"key": 1672531200000, "key_as_string": "2023", "doc_count": 4},
    ]
    raw = found(SOURCE, aggregations={"published": {"buckets": buckets}, "author": {"buckets": []}})
    raw["hits"]["hits"][0]["matched_queries"] = {"words": 2.5, "meaning": 0.9}
    read = parse_found(raw, doing="x")
    assert read.facets == (Facet("published", (("2023", 4), ("2022", 1))),)
    assert read.hits[0].scores == {"words": 2.5, "meaning": 0.9}
    raw["hits"]["hits"][0]["matched_queries"] = ["words"]
    assert parse_found(raw, doing="x").hits[0].scores == {}


def test_scores_of_rankings_are_asked_for_by_the_address() -> None:
    """Only the address of a search can say that they are to be told."""
    fake = ElasticsearchFake(lambda request: Reply(200, found(SOURCE)))
    run_template(fake.client(), "i", "t", {"query": "q", "explain": True})
    run_template(fake.client(), "i", "t", {"query": "q"})
    assert [each.query for each in fake.requests] == [
        {"include_named_queries_score": "true"},
        {},
    ]


def test_several_calls_of_a_template_are_one_request() -> None:
    """One that failed fails them all, in the words that a single one has."""
    items: list[dict[str, Any]] = [found(SOURCE), found(SOURCE, SOURCE)]
    fake = ElasticsearchFake(lambda request: Reply(200, {"responses": items}))
    calls: list[dict[str, object]] = [{"query": "a"}, {"query": "b"}]
    answers = run_templates(fake.client(), "i", "t", calls)
    assert [len(answer.hits) for answer in answers] == [1, 2]
    assert len(fake.requests) == 1
    items[1] = {"status": 404, "error": {"type": "x", "reason": "unable to find script [t]"}}
    with pytest.raises(ConflictError, match="no such search template"):
        run_templates(fake.client(), "i", "t", calls)
    items.pop()
    with pytest.raises(UnavailableError, match="2 searches were sent, 1 answered"):
        run_templates(fake.client(), "i", "t", calls)
