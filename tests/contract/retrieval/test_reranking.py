"""Reranking: by an endpoint within the search, by the same endpoint afterwards, and by TEI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from library_of_chunks import vector_of

from esrag.cluster.search import run_template
from esrag.errors import ConflictError, UnavailableError, UsageError
from esrag.retrieval import Shaping, shaping_of
from esrag.retrieval.parameters import template_params
from esrag.retrieval.reranking import EndpointReranker, TeiReranker
from esrag.retrieval.retriever import NOT_RERANKED
from esrag.settings import RetrievalSettings
from esrag.types import Query

if TYPE_CHECKING:
    from conftest import RankingServer, Shelf

QUERY = Query("worker token", 5)
WINDOW = 20


def test_the_cluster_and_the_client_rerank_alike(
    shelf: Shelf, ranking_server: RankingServer
) -> None:
    """The same endpoint around the search, and asked for the texts of the best afterwards."""
    endpoint = f"rerank-{shelf.names.set}"
    settings = {"url": f"{ranking_server.url}/rerank", "api_key": "a-secret"}
    shelf.client.inference.put(
        task_type="rerank",
        inference_id=endpoint,
        inference_config={"service": "hugging_face", "service_settings": settings},
    )
    try:
        params = template_params(QUERY, size=QUERY.size)
        params |= {"rerank_endpoint": endpoint, "rerank_window": WINDOW}
        params["query_vector"] = vector_of(QUERY.text)
        template = shelf.names.search_template("hybrid")
        wanted = run_template(shelf.client, shelf.names.alias, template, params)
        shaping = Shaping(reranker=EndpointReranker(endpoint), window=WINDOW)
        found = shelf.retriever("hybrid", shaping=shaping).retrieve(QUERY)
    finally:
        shelf.client.inference.delete(inference_id=endpoint)
    assert [hit.id for hit in found.hits] == [hit.id for hit in wanted.hits]
    assert [hit.score for hit in found.hits] == pytest.approx([hit.score for hit in wanted.hits])
    texts = [asked["texts"] for asked in ranking_server.asked if len(asked["texts"]) == WINDOW]
    assert len(texts) == 2
    assert set(texts[0]) == set(texts[1])


def test_tei_is_asked_in_batches_and_its_order_is_taken(
    shelf: Shelf, ranking_server: RankingServer
) -> None:
    """No more texts at once than it takes; the best come from the whole window."""
    shaping = Shaping(reranker=TeiReranker(ranking_server.url), window=40)
    with shelf.retriever("lexical", shaping=shaping) as asking:
        found = asking.retrieve(Query("alpha token", 5))
    assert [len(asked["texts"]) for asked in ranking_server.asked] == [32, 8]
    assert [hit.rank for hit in found.hits] == [1, 2, 3, 4, 5]
    counts = [hit.text.split().count("token") for hit in found.hits]
    assert counts == sorted(counts, reverse=True)
    assert all(hit.scores["rerank"] == hit.score for hit in found.hits)
    assert set(found.seconds) == {"search", "rerank"}


def test_a_reranker_that_does_not_answer(shelf: Shelf, ranking_server: RankingServer) -> None:
    """Exit code 4, or the order of the search, said so, where that is allowed."""
    ranking_server.status = 503
    shaping = Shaping(reranker=TeiReranker(ranking_server.url), window=10)
    with (
        shelf.retriever("lexical", shaping=shaping) as asking,
        pytest.raises(UnavailableError, match="answered 503") as caught,
    ):
        asking.retrieve(QUERY)
    assert "--allow-degraded" in caught.value.hint
    with shelf.retriever("lexical", shaping=shaping, allow_degraded=True) as asking:
        degraded = asking.retrieve(QUERY)
    plain = shelf.retriever("lexical").retrieve(QUERY)
    assert degraded.degraded == NOT_RERANKED
    assert degraded.hits == plain.hits


def test_settings_name_one_reranker() -> None:
    """An endpoint or an address; not both, and an address that is one."""
    assert shaping_of(RetrievalSettings()).reranker is None
    both = RetrievalSettings(rerank_endpoint="a", rerank_url="http://127.0.0.1:9")
    with pytest.raises(UsageError, match="two rerankers"):
        shaping_of(both)
    assert shaping_of(RetrievalSettings(rerank_endpoint="a")).rerank_endpoint == "a"


def test_an_endpoint_that_is_not_there_is_named(shelf: Shelf) -> None:
    """The server buries it among what its retrievers met."""
    params = template_params(QUERY, size=QUERY.size) | {"rerank_endpoint": "nothing-there"}
    params["query_vector"] = vector_of(QUERY.text)
    template = shelf.names.search_template("hybrid")
    with pytest.raises(ConflictError, match="nothing-there") as caught:
        run_template(shelf.client, shelf.names.alias, template, params)
    assert "retrieval.rerank_endpoint" in caught.value.hint
