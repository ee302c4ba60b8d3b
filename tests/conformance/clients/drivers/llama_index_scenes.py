"""LlamaIndex's Elasticsearch store as its guide shows it; what comes of it goes out as JSON.

``ES_URL=… ES_API_KEY=… python llama_index_scenes.py PREFIX DENSE_MODEL SPARSE_MODEL``

The store has no embedder in the cluster, so a small class asks the cluster's model, as its users
do.  Everything below the store is the asynchronous client.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from elasticsearch import Elasticsearch
from elasticsearch.helpers.vectorstore import (
    AsyncBM25Strategy,
    AsyncDenseVectorStrategy,
    AsyncSparseVectorStrategy,
)
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.vector_stores.elasticsearch import ElasticsearchStore

LOGIN = {"es_url": os.environ["ES_URL"], "es_api_key": os.environ["ES_API_KEY"]}
ES = Elasticsearch(os.environ["ES_URL"], api_key=os.environ["ES_API_KEY"])
TEXTS = {
    "tomatoes": ("Tomatoes want sun and water.", "garden"),
    "roses": ("Cut the roses in spring.", "garden"),
    "backup": ("The backup runs at three.", "computers"),
    "router": ("A router joins networks.", "computers"),
}
QUESTION = "How do I save my data?"


class ClusterEmbedding(BaseEmbedding):
    """The model that is deployed in the cluster."""

    model: str

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        docs = [{"text_field": text} for text in texts]
        answer = ES.ml.infer_trained_model(model_id=self.model, docs=docs)
        return [result["predicted_value"] for result in answer["inference_results"]]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class Guide:
    """The scenes; each returns something that JSON can hold."""

    def __init__(self, prefix: str, dense: str, sparse: str) -> None:
        self.prefix, self.sparse = prefix, sparse
        self.embedding = ClusterEmbedding(model=dense)

    def nodes(self) -> list[TextNode]:
        """The texts with vectors of the cluster's model."""
        vectors = self.embedding._get_text_embeddings([text for text, _ in TEXTS.values()])
        return [
            TextNode(
                id_=name,
                text=text,
                metadata={"topic": topic},
                embedding=vector,
                relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"of-{name}")},
            )
            for (name, (text, topic)), vector in zip(TEXTS.items(), vectors, strict=True)
        ]

    def store(self, name: str, strategy: Any) -> ElasticsearchStore:
        """A store with the nodes in it."""
        made = ElasticsearchStore(
            index_name=f"{self.prefix}-{name}", retrieval_strategy=strategy, **LOGIN
        )
        made.add(self.nodes())
        return made

    def ask(
        self, store: ElasticsearchStore, question: str, mode: VectorStoreQueryMode, **more: Any
    ) -> list[str]:
        """The ids of what is found, best first."""
        query = VectorStoreQuery(
            query_str=question,
            query_embedding=self.embedding._get_query_embedding(question),
            mode=mode,
            **more,
        )
        return list(store.query(query).ids or [])

    def dense_store(self) -> Any:
        """With and without filter; nodes come back; documents and nodes can be removed."""
        store = self.store("dense", AsyncDenseVectorStrategy())
        garden = MetadataFilters(filters=[MetadataFilter(key="topic", value="garden")])
        plain = VectorStoreQueryMode.DEFAULT
        found: dict[str, Any] = {
            "plain": self.ask(store, QUESTION, plain, similarity_top_k=1),
            "filtered": self.ask(store, QUESTION, plain, similarity_top_k=4, filters=garden),
            "nodes": sorted(node.node_id for node in store.get_nodes(["roses", "router"])),
        }
        store.delete("of-backup")
        store.delete_nodes(["router"])
        ES.indices.refresh(index=f"{self.prefix}-dense")
        found["left"] = sorted(self.ask(store, QUESTION, plain, similarity_top_k=4))
        store.close()
        return found

    def hybrid_store(self) -> Any:
        """Words and vectors by the server's RRF."""
        store = self.store("hybrid", AsyncDenseVectorStrategy(hybrid=True, text_field="content"))
        return self.ask(store, "the backup", VectorStoreQueryMode.HYBRID, similarity_top_k=4)

    def lexical_store(self) -> Any:
        """BM25."""
        store = self.store("words", AsyncBM25Strategy())
        return self.ask(store, "roses", VectorStoreQueryMode.TEXT_SEARCH, similarity_top_k=4)

    def sparse_store(self) -> Any:
        """The strategy makes its own pipeline for the model."""
        store = self.store("sparse", AsyncSparseVectorStrategy(model_id=self.sparse))
        return self.ask(store, "which router", VectorStoreQueryMode.SPARSE, similarity_top_k=1)

    def index_and_retriever(self) -> Any:
        """The way of the first page of the guide."""
        store = ElasticsearchStore(index_name=f"{self.prefix}-index", **LOGIN)
        context = StorageContext.from_defaults(vector_store=store)
        nodes = [TextNode(id_=name, text=text) for name, (text, _) in TEXTS.items()]
        index = VectorStoreIndex(nodes, storage_context=context, embed_model=self.embedding)
        found = index.as_retriever(similarity_top_k=2).retrieve("networking")
        return [[one.node.get_content(), one.score] for one in found]


def main(prefix: str, dense: str, sparse: str) -> None:
    """All scenes; an error is told in place."""
    guide = Guide(prefix, dense, sparse)
    scenes: list[Callable[[], Any]] = [
        guide.dense_store,
        guide.hybrid_store,
        guide.lexical_store,
        guide.sparse_store,
        guide.index_and_retriever,
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
