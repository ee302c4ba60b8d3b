"""Search: what is sent, what a search answer becomes, and what failures are called."""

from typing import Any

import pytest

from esrag.cluster.search import parse_found, run_template
from esrag.errors import ConflictError, EsragError, ModelDownError, UnavailableError, UsageError
from esrag.testing_elasticsearch import ElasticsearchFake, Reply

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
