"""langchain-elasticsearch as its guide shows it; what comes of each scene goes out as JSON.

``ES_URL=… ES_API_KEY=… python langchain_scenes.py PREFIX DENSE_MODEL SPARSE_MODEL``
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from elasticsearch import Elasticsearch
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_elasticsearch import (
    BM25Strategy,
    DenseVectorScriptScoreStrategy,
    DenseVectorStrategy,
    ElasticsearchChatMessageHistory,
    ElasticsearchEmbeddings,
    ElasticsearchEmbeddingsCache,
    ElasticsearchRetriever,
    ElasticsearchStore,
    SparseVectorStrategy,
)

LOGIN = {"es_url": os.environ["ES_URL"], "es_api_key": os.environ["ES_API_KEY"]}
DOCUMENTS = [
    Document(page_content="Tomatoes want sun and water.", metadata={"topic": "garden", "n": 1}),
    Document(page_content="Cut the roses in spring.", metadata={"topic": "garden", "n": 2}),
    Document(page_content="The backup runs at three.", metadata={"topic": "computers", "n": 3}),
    Document(page_content="A router joins networks.", metadata={"topic": "computers", "n": 4}),
]
QUESTION = "How do I save my data?"


class Guide:
    """The scenes; each returns something that JSON can hold."""

    def __init__(self, prefix: str, dense: str, sparse: str) -> None:
        self.prefix, self.dense, self.sparse = prefix, dense, sparse
        self.es = Elasticsearch(os.environ["ES_URL"], api_key=os.environ["ES_API_KEY"])
        self.embeddings = ElasticsearchEmbeddings(model_id=dense, client=self.es)

    def store(self, name: str, strategy: Any, embedding: Any = None) -> ElasticsearchStore:
        """A store with the documents in it."""
        made: ElasticsearchStore = ElasticsearchStore.from_documents(
            DOCUMENTS,
            embedding,
            index_name=f"{self.prefix}-{name}",
            strategy=strategy,
            **LOGIN,
        )
        self.es.indices.refresh(index=f"{self.prefix}-{name}")
        return made

    def embeddings_of_the_cluster(self) -> Any:
        """Documents and a question."""
        documents = self.embeddings.embed_documents(["a dog", "a puppy"])
        return {"documents": documents, "query": self.embeddings.embed_query("a dog")}

    def dense_store(self) -> Any:
        """Search with and without filter, with scores, by vector, after a deletion."""
        store = self.store("dense", DenseVectorStrategy(), self.embeddings)
        garden = [{"term": {"metadata.topic.keyword": "garden"}}]
        vector = self.embeddings.embed_query("networking")
        added = store.add_documents([Document(page_content="Data is kept on tape.")])
        found = {
            "plain": texts(store.similarity_search(QUESTION, k=2)),
            "filtered": texts(store.similarity_search(QUESTION, k=1, filter=garden)),
            "scored": [
                [document.page_content, score]
                for document, score in store.similarity_search_with_score(QUESTION, k=3)
            ],
            "by_vector": [
                document.page_content
                for document, _ in store.similarity_search_by_vector_with_relevance_scores(
                    vector, k=1
                )
            ],
        }
        store.delete(ids=added, refresh_indices=True)
        found["deleted"] = texts(store.similarity_search("tape", k=5))
        return found

    def retriever_of_the_store(self) -> Any:
        """As a link of a chain."""
        store = self.store("chain", DenseVectorStrategy(), self.embeddings)
        return texts(store.as_retriever(search_kwargs={"k": 1}).invoke("pruning flowers"))

    def hybrid_store(self) -> Any:
        """Words and vectors by the server's RRF."""
        store = self.store("hybrid", DenseVectorStrategy(hybrid=True), self.embeddings)
        return texts(store.similarity_search("the backup of my data", k=4))

    def model_in_the_cluster(self) -> Any:
        """The guide's own way: a pipeline embeds at ingest, the server embeds the question."""
        index = f"{self.prefix}-inside"
        inference = {
            "model_id": self.dense,
            "field_map": {"query_field": "text_field"},
            "target_field": "vector_query_field",
        }
        self.es.ingest.put_pipeline(id=index, processors=[{"inference": inference}])
        vector = {"type": "dense_vector", "dims": 384, "index": True, "similarity": "l2_norm"}
        self.es.indices.create(
            index=index,
            mappings={
                "properties": {
                    "text_field": {"type": "text"},
                    "vector_query_field": {"properties": {"predicted_value": vector}},
                }
            },
            settings={"index": {"default_pipeline": index}},
        )
        store = ElasticsearchStore(
            index_name=index,
            query_field="query_field",
            vector_query_field="vector_query_field.predicted_value",
            strategy=DenseVectorStrategy(model_id=self.dense),
            **LOGIN,
        )
        store.add_texts([document.page_content for document in DOCUMENTS])
        self.es.indices.refresh(index=index)
        return texts(store.similarity_search(QUESTION, k=1))

    def lexical_store(self) -> Any:
        """BM25."""
        return texts(self.store("words", BM25Strategy()).similarity_search("roses", k=4))

    def sparse_store(self) -> Any:
        """The strategy makes its own pipeline for the model."""
        store = self.store("sparse", SparseVectorStrategy(model_id=self.sparse))
        return texts(store.similarity_search("which router?", k=1))

    def exact_store(self) -> Any:
        """By a painless script."""
        store = self.store("exact", DenseVectorScriptScoreStrategy(), self.embeddings)
        return texts(store.similarity_search(QUESTION, k=1))

    def retriever_with_a_body(self) -> Any:
        """Any search; here knn whose question the server embeds."""
        store = self.store("body", DenseVectorStrategy(), self.embeddings)

        def body(query: str) -> dict[str, Any]:
            builder = {"text_embedding": {"model_id": self.dense, "model_text": query}}
            knn = {"field": "vector", "query_vector_builder": builder}
            return {"knn": knn | {"k": 2, "num_candidates": 10}}

        retriever = ElasticsearchRetriever(
            index_name=f"{self.prefix}-body", body_func=body, content_field="text", **LOGIN
        )
        store.close()
        return texts(retriever.invoke(QUESTION))

    def missing_model(self) -> Any:
        """The library asks the model before it makes the index."""
        index = f"{self.prefix}-missing"
        strategy = DenseVectorStrategy(model_id="no-such-model")
        try:
            ElasticsearchStore.from_documents(
                DOCUMENTS, None, index_name=index, strategy=strategy, **LOGIN
            )
        except Exception as error:  # noqa: BLE001 - its kind is what is asked for
            return [type(error).__name__, bool(self.es.indices.exists(index=index))]
        return "no error"

    def chat_history(self) -> Any:
        """Messages in their order, then none."""
        history = ElasticsearchChatMessageHistory(
            index=f"{self.prefix}-chat", session_id="one", **LOGIN
        )
        history.add_messages([HumanMessage("hello"), AIMessage("good day")])
        kept = [[message.type, message.content] for message in history.messages]
        history.clear()
        return {"kept": kept, "cleared": len(history.messages)}

    def cache_of_embeddings(self) -> Any:
        """Bytes come back; what is not there is none."""
        self.es.indices.create(index=f"{self.prefix}-cache")
        cache = ElasticsearchEmbeddingsCache(
            index_name=f"{self.prefix}-cache", namespace="test", **LOGIN
        )
        cache.mset([("a", b"12"), ("b", b"34")])
        self.es.indices.refresh(index=f"{self.prefix}-cache")
        found = cache.mget(["b", "c", "a"])
        return [value.decode() if value else None for value in found]


def texts(documents: list[Document]) -> list[str]:
    """Their texts, best first."""
    return [document.page_content for document in documents]


def main(prefix: str, dense: str, sparse: str) -> None:
    """All scenes; an error is told in place."""
    guide = Guide(prefix, dense, sparse)
    scenes: list[Callable[[], Any]] = [
        guide.embeddings_of_the_cluster,
        guide.dense_store,
        guide.retriever_of_the_store,
        guide.hybrid_store,
        guide.model_in_the_cluster,
        guide.lexical_store,
        guide.sparse_store,
        guide.exact_store,
        guide.retriever_with_a_body,
        guide.missing_model,
        guide.chat_history,
        guide.cache_of_embeddings,
    ]
    seen: dict[str, Any] = {}
    for scene in scenes:
        try:
            seen[scene.__name__] = scene()
        except Exception as error:  # noqa: BLE001 - the test tells it
            seen[scene.__name__] = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
