"""elasticsearch-py's own vector store helpers, in the ways that its own tests use them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from elastic_transport import Transport
from elasticsearch import BadRequestError, Elasticsearch, NotFoundError, __versionstr__
from elasticsearch.helpers import BulkIndexError
from elasticsearch.helpers.vectorstore import (
    BM25Strategy,
    DenseVectorScriptScoreStrategy,
    DenseVectorStrategy,
    DistanceMetric,
    ElasticsearchEmbeddings,
    EmbeddingService,
    RetrievalStrategy,
    SparseVectorStrategy,
    VectorStore,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance_record import Tally
    from servers_under_test import ElasticsearchAddress

pytestmark = pytest.mark.suite(
    "elasticsearch-py vectorstore", "The vector store helpers of the official Python client"
)
no_painless = pytest.mark.known_difference("no-painless", raises=BadRequestError)

FRUIT = ["apple", "pear", "plum"]
Search = Callable[..., list[dict[str, Any]]]


class Compass(EmbeddingService):
    """Gives each new text the next of eight directions, so that a text is nearest to itself."""

    def __init__(self) -> None:
        self.known: list[str] = []

    def embed_query(self, text: str) -> list[float]:
        """The direction of a text; one is added to every number, as no vector may be zero."""
        if text not in self.known:
            self.known.append(text)
        return [1.0 + 4.0 * (self.known.index(text) == place) for place in range(8)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """The directions of several."""
        return [self.embed_query(text) for text in texts]


class Remembering(Transport):
    """Keeps the headers of what is sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent: list[Any] = []

    def perform_request(self, *args: Any, **kwargs: Any) -> Any:
        """Send and remember."""
        self.sent.append(kwargs["headers"])
        return super().perform_request(*args, **kwargs)


@pytest.fixture
def remembering(elasticsearch_address: ElasticsearchAddress) -> Iterator[Elasticsearch]:
    """A client whose transport knows what was sent."""
    options = elasticsearch_address.client_options()
    with Elasticsearch(**options, transport_class=Remembering) as client:
        yield client


@pytest.fixture(autouse=True)
def _version(tally: Tally) -> None:
    tally.version("elasticsearch", __versionstr__)


def store_of(
    es: Elasticsearch, index: str, strategy: RetrievalStrategy, **options: Any
) -> VectorStore:
    """A store with the compass as its embedder."""
    options.setdefault("embedding_service", Compass())
    return VectorStore(client=es, index=index, retrieval_strategy=strategy, **options)


def texts_of(hits: list[dict[str, Any]]) -> list[str]:
    """The texts of hits, best first."""
    return [hit["_source"]["text_field"] for hit in hits]


def pages(number: int) -> list[dict[str, Any]]:
    """Metadata of so many texts."""
    return [{"page": page} for page in range(number)]


def test_dense_search_finds_the_text_itself(es: Elasticsearch, prefix: str) -> None:
    """The index is made with the first texts, and each text is nearest to itself."""
    store = store_of(es, prefix, DenseVectorStrategy())
    store.add_texts(FRUIT, metadatas=pages(3))
    for page, text in enumerate(FRUIT):
        (hit,) = store.search(query=text, k=1)
        assert (texts_of([hit]), hit["_source"]["metadata"]) == ([text], {"page": page})


def test_dense_search_is_the_knn_of_the_body(es: Elasticsearch, prefix: str) -> None:
    """The body that the helper would send may be seen; its hits are those of a plain search."""
    bodies: list[dict[str, Any]] = []

    def look(body: dict[str, Any], query: str | None) -> dict[str, Any]:
        bodies.append(body)
        return body

    store = store_of(es, prefix, DenseVectorStrategy())
    store.add_texts(FRUIT)
    hits = store.search(query="pear", k=2, num_candidates=9, custom_query=look)
    assert {name: bodies[0]["knn"][name] for name in ("field", "k", "num_candidates")} == {
        "field": "vector_field",
        "k": 2,
        "num_candidates": 9,
    }
    plain = es.search(index=prefix, body=bodies[0])["hits"]["hits"]
    assert [hit["_score"] for hit in hits] == [hit["_score"] for hit in plain]


def test_vectors_may_be_brought_along(es: Elasticsearch, prefix: str) -> None:
    """Then the embedder is asked for the question only."""
    compass = Compass()
    vectors = compass.embed_documents(FRUIT)
    store = store_of(es, prefix, DenseVectorStrategy(), embedding_service=compass)
    store.add_texts(["one", "two", "three"], vectors=vectors, metadatas=pages(3))
    assert texts_of(store.search(query="plum", k=1)) == ["three"]


def test_a_filter_narrows_the_candidates(es: Elasticsearch, prefix: str) -> None:
    """Only what passes is found, though others are nearer."""
    store = store_of(es, prefix, DenseVectorStrategy())
    store.add_texts(FRUIT, metadatas=pages(3))
    hits = store.search(query="apple", k=3, filter=[{"term": {"metadata.page": "2"}}])
    assert texts_of(hits) == ["plum"]


def test_hybrid_search_joins_words_and_vectors(es: Elasticsearch, prefix: str) -> None:
    """By reciprocal rank fusion, so the scores are sums of 1 / (60 + rank)."""
    store = store_of(es, prefix, DenseVectorStrategy(hybrid=True))
    store.add_texts(FRUIT)
    hits = store.search(query="apple", k=3)
    assert texts_of(hits)[0] == "apple"
    assert hits[0]["_score"] == pytest.approx(2 / 61)
    assert hits[1]["_score"] == pytest.approx(1 / 62)


@pytest.mark.parametrize("name", ["rank_window_size", "window_size"])
def test_hybrid_search_takes_options_of_the_fusion(
    es: Elasticsearch, prefix: str, name: str
) -> None:
    """Rank constant and window, the latter also by its old name."""
    strategy = DenseVectorStrategy(hybrid=True, rrf={"rank_constant": 1, name: 5})
    store = store_of(es, prefix, strategy)
    store.add_texts(FRUIT)
    hits = store.search(query="apple", k=3)
    retrievers = [
        {"standard": {"query": {"match": {"text_field": {"query": "apple"}}}}},
        {
            "knn": {
                "field": "vector_field",
                "query_vector": Compass().embed_query("apple"),
                "k": 3,
                "num_candidates": 50,
            }
        },
    ]
    rrf = {"retrievers": retrievers, "rank_constant": 1, "rank_window_size": 5}
    plain = es.search(index=prefix, retriever={"rrf": rrf}, size=3)["hits"]["hits"]
    assert [(hit["_id"], hit["_score"]) for hit in hits] == [
        (hit["_id"], hit["_score"]) for hit in plain
    ]
    assert hits[0]["_score"] == pytest.approx(1.0)


def test_hybrid_search_without_fusion_adds_the_scores(es: Elasticsearch, prefix: str) -> None:
    """A query and knn side by side, as before retrievers."""
    store = store_of(es, prefix, DenseVectorStrategy(hybrid=True, rrf=False))
    store.add_texts(FRUIT)
    hits = store.search(query="pear", k=3)
    assert texts_of(hits)[0] == "pear"
    words = es.search(index=prefix, query={"match": {"text_field": "pear"}})["hits"]["max_score"]
    assert hits[0]["_score"] == pytest.approx(words + 1.0, rel=1e-3)


def test_the_query_may_be_replaced(es: Elasticsearch, prefix: str) -> None:
    """What the callback returns is what is sent."""
    store = store_of(es, prefix, DenseVectorStrategy())
    store.add_texts(FRUIT)
    other = {"query": {"match": {"text_field": {"query": "plum"}}}}
    assert texts_of(store.search(query="apple", k=1, custom_query=lambda *_: other)) == ["plum"]


def test_dense_search_with_the_model_in_the_cluster(
    es: Elasticsearch, prefix: str, dense_model: str
) -> None:
    """A pipeline embeds the texts, the server embeds the question; no embedder on our side."""
    processor = {
        "model_id": dense_model,
        "input_output": [{"input_field": "text_field", "output_field": "vector_field"}],
    }
    es.ingest.put_pipeline(id=prefix, processors=[{"inference": processor}])
    strategy = DenseVectorStrategy(model_id=dense_model)
    store = store_of(
        es,
        prefix,
        strategy,
        embedding_service=None,
        num_dimensions=384,
        custom_index_settings={"default_pipeline": prefix},
    )
    store.add_texts(
        [
            "Paris is the capital of France.",
            "The backup runs every night at three.",
            "Tomatoes want sun and water.",
        ]
    )
    assert texts_of(store.search(query="How do I grow vegetables?", k=1)) == [
        "Tomatoes want sun and water."
    ]
    assert texts_of(store.search(query="When is data saved?", k=1)) == [
        "The backup runs every night at three."
    ]


def test_hybrid_search_with_the_model_in_the_cluster(
    es: Elasticsearch, prefix: str, dense_model: str
) -> None:
    """One request: the server embeds the question, searches both ways and fuses."""
    processor = {
        "model_id": dense_model,
        "input_output": [{"input_field": "text_field", "output_field": "vector_field"}],
    }
    es.ingest.put_pipeline(id=prefix, processors=[{"inference": processor}])
    store = store_of(
        es,
        prefix,
        DenseVectorStrategy(model_id=dense_model, hybrid=True),
        embedding_service=None,
        num_dimensions=384,
        custom_index_settings={"default_pipeline": prefix},
    )
    store.add_texts(["Tomatoes want sun.", "The backup runs at night.", "A car needs oil."])
    hits = store.search(query="the backup of the data", k=3)
    assert texts_of(hits)[0] == "The backup runs at night."
    assert hits[0]["_score"] == pytest.approx(2 / 61)


def test_sparse_search_with_the_model_in_the_cluster(
    es: Elasticsearch, prefix: str, sparse_model: str
) -> None:
    """The helper makes the pipeline itself."""
    store = store_of(es, prefix, SparseVectorStrategy(sparse_model), embedding_service=None)
    store.add_texts(["foo under a tree", "an orange bar", "nothing at all"])
    assert texts_of(store.search(query="which orange?", k=1)) == ["an orange bar"]


@pytest.mark.parametrize("missing", ["nothing-of-that-name", "no such Model"])
def test_a_missing_model_is_told_at_once(es: Elasticsearch, prefix: str, missing: str) -> None:
    """The helper asks the model before it makes an index."""
    store = store_of(es, prefix, DenseVectorStrategy(model_id=missing), embedding_service=None)
    with pytest.raises(NotFoundError):
        store.add_texts(FRUIT)
    assert not es.indices.exists(index=prefix)


@no_painless
@pytest.mark.parametrize(
    "distance",
    [DistanceMetric.COSINE, DistanceMetric.EUCLIDEAN_DISTANCE, DistanceMetric.DOT_PRODUCT],
)
def test_exact_search_by_script(es: Elasticsearch, prefix: str, distance: DistanceMetric) -> None:
    """Every vector is compared, by a script."""
    store = store_of(es, prefix, DenseVectorScriptScoreStrategy(distance=distance))
    store.add_texts(FRUIT)
    assert texts_of(store.search(query="plum", k=1)) == ["plum"]


@no_painless
def test_exact_search_by_script_with_a_filter(es: Elasticsearch, prefix: str) -> None:
    """Every vector that passes is compared."""
    store = store_of(es, prefix, DenseVectorScriptScoreStrategy())
    store.add_texts(FRUIT, metadatas=pages(3))
    hits = store.search(query="plum", k=1, filter=[{"term": {"metadata.page": 0}}])
    assert texts_of(hits) == ["apple"]


def test_lexical_search(es: Elasticsearch, prefix: str) -> None:
    """BM25 with numbers of one's own; the similarity is part of the index."""
    store = store_of(es, prefix, BM25Strategy(k1=1.0, b=0.1), embedding_service=None)
    store.add_texts(["apple pie", "pear cake", "plum jam"])
    assert texts_of(store.search(query="cake", k=3)) == ["pear cake"]
    settings = es.indices.get_settings(index=prefix)[prefix]["settings"]["index"]
    assert settings["similarity"]["custom_bm25"] == {"type": "BM25", "k1": "1.0", "b": "0.1"}


def test_lexical_search_with_a_filter(es: Elasticsearch, prefix: str) -> None:
    """Of three equal texts, the one that passes."""
    store = store_of(es, prefix, BM25Strategy(), embedding_service=None)
    store.add_texts(["apple", "apple", "apple"], metadatas=pages(3))
    (hit,) = store.search(query="apple", k=3, filter=[{"term": {"metadata.page": 1}}])
    assert hit["_source"]["metadata"] == {"page": 1}


def test_texts_can_be_removed(es: Elasticsearch, prefix: str) -> None:
    """By id; an id that is not there is no error."""
    store = store_of(es, prefix, DenseVectorStrategy())
    ids = store.add_texts([*FRUIT, "fig"])
    store.delete(ids=ids[1:3])
    assert sorted(texts_of(store.search(query="apple", k=10))) == ["apple", "fig"]
    store.delete(ids=["nothing"])
    assert len(store.search(query="apple", k=10)) == 2
    store.delete(ids=[ids[0], ids[3]])
    assert store.search(query="apple", k=10) == []


def test_texts_can_be_removed_by_query(es: Elasticsearch, prefix: str) -> None:
    """Which is the server's delete by query."""
    store = store_of(es, prefix, BM25Strategy(), embedding_service=None)
    store.add_texts(FRUIT, metadatas=pages(3))
    store.delete(query={"range": {"metadata.page": {"gte": 1}}}, refresh_indices=True)
    assert es.count(index=prefix)["count"] == 1


def test_the_reason_of_a_failed_bulk_is_logged(
    es: Elasticsearch, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In the server's words, which name the pipeline."""
    es.indices.create(index=prefix, settings={"default_pipeline": "no-such-pipeline"})
    store = store_of(es, prefix, BM25Strategy(), embedding_service=None)
    with caplog.at_level(logging.INFO), pytest.raises(BulkIndexError):
        store.add_texts(["apple"])
    assert "pipeline with id [no-such-pipeline] does not exist" in caplog.text


@pytest.mark.parametrize("agent", [None, "somebody/1.0"])
def test_every_call_names_the_helper(
    remembering: Elasticsearch, prefix: str, agent: str | None
) -> None:
    """Or what one wants it to be called."""
    options = {"user_agent": agent} if agent else {}
    store = store_of(remembering, prefix, BM25Strategy(), embedding_service=None, **options)
    store.add_texts(FRUIT, bulk_kwargs={"chunk_size": 1})
    sent = [headers["User-Agent"] for headers in store.client.transport.sent]  # type: ignore[attr-defined]
    assert len(sent) == 5  # is it there, make it, three documents
    assert all(re.fullmatch(agent or r"elasticsearch-py-vs/\d+\.\d+\.\d+", one) for one in sent)


def test_diverse_results_want_a_question(es: Elasticsearch, prefix: str) -> None:
    """As text, then with an embedder, or as a vector."""
    store = store_of(es, prefix, DenseVectorStrategy())
    store.add_texts(FRUIT)
    with pytest.raises(ValueError, match="either query or query_embedding"):
        store.max_marginal_relevance_search(vector_field="vector_field", k=3, num_candidates=3)
    alone = store_of(es, prefix, DenseVectorStrategy(), embedding_service=None, num_dimensions=8)
    with pytest.raises(ValueError, match="specify embedding_service"):
        alone.max_marginal_relevance_search(
            query="apple", vector_field="vector_field", k=3, num_candidates=3
        )


def test_diverse_results(es: Elasticsearch, prefix: str) -> None:
    """Of two that are alike only one stays; the vectors come back with the hits."""
    compass = Compass()
    apple, pear, _ = compass.embed_documents(FRUIT)
    store = store_of(es, prefix, DenseVectorStrategy(), embedding_service=compass)
    store.add_texts(["apple", "apples", "pear"], vectors=[apple, apple, pear])
    options = {"query": "apple", "vector_field": "vector_field", "k": 2, "num_candidates": 3}
    hits = store.max_marginal_relevance_search(**options, lambda_mult=0.1)
    assert texts_of(hits)[1] == "pear"
    filtered = store.max_marginal_relevance_search(
        **options, filter=[{"match": {"text_field": "apples"}}]
    )
    assert texts_of(filtered) == ["apples"]


def test_mappings_of_the_metadata(es: Elasticsearch, prefix: str) -> None:
    """They stand beside the vector's; the server fills in how the vector is indexed."""
    fields = {"kind": {"type": "keyword"}, "remark": {"type": "text"}}
    strategy = DenseVectorStrategy(distance=DistanceMetric.COSINE)
    store = store_of(es, prefix, strategy, num_dimensions=8, metadata_mappings=fields)
    store.add_texts(FRUIT, metadatas=[{"kind": text} for text in FRUIT])
    mapping = es.indices.get_mapping(index=prefix)[prefix]["mappings"]["properties"]
    assert mapping["metadata"]["properties"] == fields
    vector = mapping["vector_field"]
    assert (vector["type"], vector["dims"], vector["similarity"]) == ("dense_vector", 8, "cosine")
    assert vector["index_options"]["type"] == "int8_hnsw"


def test_settings_of_the_index(es: Elasticsearch, prefix: str) -> None:
    """An analyzer with a tokenizer from the module analysis-common."""
    analysis = {
        "tokenizer": {"commas": {"type": "pattern", "pattern": "[,;\\s]+"}},
        "analyzer": {"by_commas": {"type": "custom", "tokenizer": "commas"}},
    }
    store = store_of(
        es,
        prefix,
        DenseVectorStrategy(),
        num_dimensions=8,
        metadata_mappings={"remark": {"type": "text", "analyzer": "by_commas"}},
        custom_index_settings={"analysis": analysis},
    )
    store.add_texts(["a text"], metadatas=[{"remark": "one,two;three four"}])
    settings = es.indices.get_settings(index=prefix)[prefix]["settings"]["index"]
    assert settings["analysis"] == analysis
    assert es.count(index=prefix, query={"term": {"metadata.remark": "three"}})["count"] == 1


def test_settings_that_collide(es: Elasticsearch, prefix: str) -> None:
    """The sparse strategy has a pipeline of its own."""
    store = store_of(
        es,
        prefix,
        SparseVectorStrategy("any"),
        embedding_service=None,
        custom_index_settings={"default_pipeline": "mine"},
    )
    with pytest.raises(ValueError, match="Conflicting settings"):
        store.add_texts(["apple"])


def test_the_cluster_as_embedder(remembering: Elasticsearch, prefix: str, dense_model: str) -> None:
    """For texts and for a question, one call each; alike texts have alike vectors."""
    embedder = ElasticsearchEmbeddings(client=remembering, model_id=dense_model)
    texts = ["a dog", "a puppy", "a tax return"]
    dog, puppy, tax = embedder.embed_documents(texts)
    assert [len(vector) for vector in (dog, puppy, tax)] == [384, 384, 384]
    assert embedder.embed_query("a dog") == pytest.approx(dog, abs=1e-5)
    assert cosine(dog, puppy) > 0.7 > 0.3 > cosine(dog, tax)
    sent = [headers["User-Agent"] for headers in embedder.client.transport.sent]  # type: ignore[attr-defined]
    assert len(sent) == 2
    assert all(re.fullmatch(r"elasticsearch-py-es/\d+\.\d+\.\d+", one) for one in sent)


def cosine(left: list[float], right: list[float]) -> float:
    """Of vectors of length one."""
    return sum(a * b for a, b in zip(left, right, strict=True))
