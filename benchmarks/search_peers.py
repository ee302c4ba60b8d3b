"""One contender of ``benchmarks/search.py``, in a process and a virtual environment of its own.

    python search_peers.py NAME ORDER_FILE        (search.py starts it)

Reads lines of JSON from standard input and answers each with one.  ``prepare`` fills an index as
the contender makes it by itself; ``search`` asks one question in one way and says which documents
came, and what it took.  The way ``dense`` is given the question's vector; all others are given its
text, and who needs a vector for it gets it by one call of the deployed model.
"""

from __future__ import annotations

import base64
import http.client
import inspect
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 120
HITS = 10
WINDOW = 100  # what a client that fuses by itself fetches of each ranking
RANK_CONSTANT = 60


def main() -> None:
    """Serve until standard input ends."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    name, order = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    contender = CONTENDERS[name](order)
    counter = Counter()
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a package prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any] = {}
        if request["do"] == "prepare":
            contender.prepare()
            answer = {"ways": list(contender.ways()), "versions": versions()}
        else:
            ask = contender.ways()[request["way"]]
            counter.requests = 0
            wall, cpu = time.perf_counter(), time.process_time()
            found = ask(request["question"], request["vector"])
            answer["seconds"] = time.perf_counter() - wall
            answer["cpu"] = time.process_time() - cpu
            answer["documents"] = list(found)
            answer["requests"] = counter.requests
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Counter:
    """The requests of this process: everyone's go through one of these two functions."""

    def __init__(self) -> None:
        import elastic_transport

        self.requests = 0
        for owner in (elastic_transport.Transport, elastic_transport.AsyncTransport, Contender):
            name = "post" if owner is Contender else "perform_request"
            setattr(owner, name, self.counted(getattr(owner, name)))

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same, counting."""
        if inspect.iscoroutinefunction(function):

            async def counting_too(*args: Any, **kwargs: Any) -> Any:
                self.requests += 1
                return await function(*args, **kwargs)

            return counting_too

        def counting(*args: Any, **kwargs: Any) -> Any:
            self.requests += 1
            return function(*args, **kwargs)

        return counting


def versions() -> dict[str, str]:
    """Of the packages that matter."""
    from importlib.metadata import distributions

    named = ("elastic", "langchain-core", "llama-index-core", "haystack-ai", "orjson")
    return {each.name: each.version for each in distributions() if str(each.name).startswith(named)}


Way = Callable[[str, list[float]], Sequence[str]]


class Contender:
    """Texts, ids and vectors, and where the server is."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.url: str = order["url"]
        self.login: tuple[str, str] = (order["username"], order["password"])
        self.set: str = order["set"]
        self.model: str = order["model"]
        self.index: str = order["index"]
        with Path(order["texts"]).open(encoding="utf-8", newline="\n") as lines:
            records = [json.loads(line) for line in lines]
        self.ids = [record["id"] for record in records]
        self.texts = [record["text"] for record in records]
        self.vector_file: str = order["vectors"]
        self._connection: http.client.HTTPConnection | None = None

    def vectors(self) -> Any:
        """One for each text."""
        import numpy as np

        return np.load(self.vector_file)

    def prepare(self) -> None:
        """Fill an index, if this contender has one of its own."""

    def ways(self) -> dict[str, Way]:
        """What it can do."""
        raise NotImplementedError

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """One request by the standard library, with the connection kept open."""
        if self._connection is None:
            parts = urlsplit(self.url)
            self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        token = base64.b64encode(":".join(self.login).encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        self._connection.request("POST", path, body=json.dumps(body), headers=headers)
        return json.loads(self._connection.getresponse().read())

    def embed(self, question: str) -> list[float]:
        """The question's vector, by the deployed model."""
        answer = self.post(
            f"/_ml/trained_models/{self.model}/_infer", {"docs": [{"text_field": question}]}
        )
        vector: list[float] = answer["inference_results"][0]["predicted_value"]
        return vector


class Bare(Contender):
    """The requests of esrag's own templates by the standard library, and the JSON read."""

    def ways(self) -> dict[str, Way]:
        """All."""
        return {
            "bm25": lambda question, _: self.template("lexical", query=question),
            "dense": lambda question, vector: self.template(
                "semantic", query=question, query_vector=vector
            ),
            "dense, asked in words": lambda question, _: self.template("semantic", query=question),
            "hybrid": lambda question, _: self.template("hybrid", query=question),
            "linear": lambda question, _: self.template("linear", query=question),
        }

    def template(self, kind: str, **params: object) -> list[str]:
        """One call."""
        answer = self.post(
            f"/esrag-docs-{self.set}/_search/template",
            {"id": f"esrag-{kind}-{self.set}", "params": {**params, "size": HITS}},
        )
        return [hit["_source"]["document_id"] for hit in answer["hits"]["hits"]]


class Esrag(Contender):
    """``Retriever``, as the commands and the server use it, with its records and its selection."""

    def prepare(self) -> None:
        """A retriever for each template."""
        from esrag.cluster.client import connect
        from esrag.names import Names
        from esrag.retrieval import Retriever
        from esrag.retrieval.shaping import Shaping

        user, password = self.login
        client = connect(self.url, username=user, password=password)
        self.retrievers = {
            kind: Retriever(
                client,
                Names(self.set),
                kind,
                model_id=self.model,
                shaping=Shaping(near_duplicates=0.9),
            )
            for kind in ("lexical", "semantic", "hybrid", "linear")
        }

    def ways(self) -> dict[str, Way]:
        """All; a question whose vector is there already goes past ``Query``, which has none."""
        return {
            "bm25": lambda question, _: self.ask("lexical", question),
            "dense": self.with_vector,
            "dense, asked in words": lambda question, _: self.ask("semantic", question),
            "hybrid": lambda question, _: self.ask("hybrid", question),
            "linear": lambda question, _: self.ask("linear", question),
        }

    def ask(self, kind: str, question: str) -> list[str]:
        """As ``esrag search``."""
        from esrag.types import Query

        found = self.retrievers[kind].retrieve(Query(question, HITS))
        return [hit.document_id for hit in found.hits]

    def with_vector(self, question: str, vector: list[float]) -> list[str]:
        """A template's own parameters."""
        params = {"query": question, "query_vector": vector, "size": HITS}
        return [hit.document_id for hit in self.retrievers["semantic"].run("semantic", params).hits]


class TwoQueries(Contender):
    """elasticsearch-py: vector, words, vectors; three requests, fused here, and nothing else."""

    def prepare(self) -> None:
        """The client."""
        from elasticsearch import Elasticsearch

        self.client = Elasticsearch(self.url, basic_auth=self.login, request_timeout=TIMEOUT)

    def ways(self) -> dict[str, Way]:
        """Everything fetched with both rankings, or ids alone and then the texts of ten."""
        return {
            "hybrid": lambda question, _: self.fused(question, texts=True),
            "hybrid, texts at the end": lambda question, _: self.fused(question, texts=False),
        }

    def fused(self, question: str, *, texts: bool) -> list[str]:
        """Both rankings of esrag's index."""
        index = f"esrag-docs-{self.set}"
        answer = self.client.ml.infer_trained_model(
            model_id=self.model, docs=[{"text_field": question}]
        )
        vector = answer["inference_results"][0]["predicted_value"]
        fields = ["text", "title"]
        words = self.client.search(
            index=index,
            query={"multi_match": {"query": question, "fields": fields}},
            size=WINDOW,
            source=texts,
        )
        meaning = self.client.search(
            index=index,
            knn={
                "field": "embedding",
                "query_vector": vector,
                "k": WINDOW,
                "num_candidates": 2 * WINDOW,
            },
            size=WINDOW,
            source=texts,
        )
        scores: dict[str, float] = {}
        for ranking in (words, meaning):
            for rank, hit in enumerate(ranking["hits"]["hits"], start=1):
                scores[hit["_id"]] = scores.get(hit["_id"], 0.0) + 1 / (RANK_CONSTANT + rank)
        best = sorted(scores, key=lambda name: -scores[name])[:HITS]
        if not texts:
            self.client.mget(index=index, ids=best)
        return best  # one chunk a document, under the document's id


class Langchain(Contender):
    """langchain-elasticsearch's stores."""

    def prepare(self) -> None:
        """A store for each strategy; the hybrid one adds the scores, as Basic licences allow."""
        from elasticsearch import Elasticsearch
        from langchain_core.embeddings import Embeddings
        from langchain_elasticsearch import BM25Strategy, DenseVectorStrategy, ElasticsearchStore

        contender = self

        class Deployed(Embeddings):
            """The model in the cluster."""

            def embed_query(self, text: str) -> list[float]:
                return contender.embed(text)

            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return [contender.embed(text) for text in texts]

        client = Elasticsearch(self.url, basic_auth=self.login, request_timeout=TIMEOUT)
        client.options(ignore_status=404).indices.delete(index=f"{self.index}-words")
        client.options(ignore_status=404).indices.delete(index=self.index)
        self.words = ElasticsearchStore(
            index_name=f"{self.index}-words", client=client, strategy=BM25Strategy()
        )
        self.words.add_texts(
            self.texts, ids=self.ids, metadatas=[{"id": each} for each in self.ids]
        )
        self.dense, self.hybrid = (
            ElasticsearchStore(
                index_name=self.index,
                client=client,
                embedding=Deployed(),
                num_dimensions=384,
                strategy=DenseVectorStrategy(hybrid=hybrid, rrf=False),
            )
            for hybrid in (False, True)
        )
        self.dense.add_embeddings(
            zip(self.texts, self.vectors().tolist(), strict=True),
            ids=self.ids,
            metadatas=[{"id": each} for each in self.ids],
        )

    def ways(self) -> dict[str, Way]:
        """Its three strategies."""
        return {
            "bm25": lambda question, _: self.names(self.words.similarity_search(question, k=HITS)),
            "dense": lambda _, vector: self.names(
                each
                for each, _ in self.dense.similarity_search_by_vector_with_relevance_scores(
                    vector, k=HITS
                )
            ),
            "dense, asked in words": lambda question, _: self.names(
                self.dense.similarity_search(question, k=HITS)
            ),
            "hybrid": lambda question, _: self.names(
                self.hybrid.similarity_search(question, k=HITS)
            ),
        }

    def names(self, documents: Any) -> list[str]:
        """Ids."""
        return [each.metadata["id"] for each in documents]


class LlamaIndex(Contender):
    """llama-index's stores."""

    def prepare(self) -> None:
        """A store for each strategy; the hybrid one adds the scores."""
        import asyncio

        from llama_index.core.schema import TextNode
        from llama_index.vector_stores.elasticsearch import (
            AsyncBM25Strategy,
            AsyncDenseVectorStrategy,
            ElasticsearchStore,
        )

        asyncio.set_event_loop(asyncio.new_event_loop())
        user, password = self.login

        def store(index: str, strategy: Any) -> Any:
            return ElasticsearchStore(
                index_name=index,
                es_url=self.url,
                es_user=user,
                es_password=password,
                retrieval_strategy=strategy,
            )

        for index in (self.index, f"{self.index}-words"):
            self.delete(index)
        self.words = store(f"{self.index}-words", AsyncBM25Strategy())
        self.dense = store(self.index, AsyncDenseVectorStrategy())
        self.hybrid = store(
            self.index, AsyncDenseVectorStrategy(hybrid=True, rrf=False, text_field="content")
        )
        nodes = [
            TextNode(id_=key, text=text, embedding=vector)
            for key, text, vector in zip(self.ids, self.texts, self.vectors().tolist(), strict=True)
        ]
        self.words.add(nodes)
        self.dense.add(nodes)

    def delete(self, index: str) -> None:
        """By a plain request."""
        from elasticsearch import Elasticsearch

        with Elasticsearch(self.url, basic_auth=self.login) as client:
            client.options(ignore_status=404).indices.delete(index=index)

    def ways(self) -> dict[str, Way]:
        """Its three modes."""
        from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

        def asked(store: Any, mode: Any, question: str, vector: list[float] | None) -> list[str]:
            query = VectorStoreQuery(
                query_str=question, query_embedding=vector, similarity_top_k=HITS, mode=mode
            )
            return list(store.query(query).ids)

        modes = VectorStoreQueryMode
        return {
            "bm25": lambda question, _: asked(self.words, modes.TEXT_SEARCH, question, None),
            "dense": lambda question, vector: asked(self.dense, modes.DEFAULT, question, vector),
            "dense, asked in words": lambda question, _: asked(
                self.dense, modes.DEFAULT, question, self.embed(question)
            ),
            "hybrid": lambda question, _: asked(
                self.hybrid, modes.HYBRID, question, self.embed(question)
            ),
        }


class Haystack(Contender):
    """haystack's retrievers, and its joiner for the hybrid."""

    def prepare(self) -> None:
        """One store; a pipeline of embedder, two retrievers and joiner."""
        from elasticsearch import Elasticsearch
        from haystack import Document, Pipeline, component
        from haystack.components.joiners import DocumentJoiner
        from haystack_integrations.components.retrievers.elasticsearch import (
            ElasticsearchBM25Retriever,
            ElasticsearchEmbeddingRetriever,
        )
        from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

        contender = self

        @component
        class Deployed:
            """The model in the cluster."""

            @component.output_types(embedding=list[float])
            def run(self, text: str) -> dict[str, Any]:
                return {"embedding": contender.embed(text)}

        with Elasticsearch(self.url, basic_auth=self.login) as client:
            client.options(ignore_status=404).indices.delete(index=self.index)
        store = ElasticsearchDocumentStore(
            hosts=self.url, index=self.index, basic_auth=self.login, request_timeout=TIMEOUT
        )
        rows = zip(self.ids, self.texts, self.vectors().tolist(), strict=True)
        store.write_documents(
            [Document(id=key, content=text, embedding=vector) for key, text, vector in rows]
        )
        self.words = ElasticsearchBM25Retriever(document_store=store, top_k=HITS)
        self.dense = ElasticsearchEmbeddingRetriever(document_store=store, top_k=HITS)
        self.pipelines = {}
        for mode in ("reciprocal_rank_fusion", "merge"):
            pipeline = Pipeline()
            pipeline.add_component("embedder", Deployed())
            pipeline.add_component(
                "words", ElasticsearchBM25Retriever(document_store=store, top_k=HITS)
            )
            pipeline.add_component(
                "dense", ElasticsearchEmbeddingRetriever(document_store=store, top_k=HITS)
            )
            pipeline.add_component("joiner", DocumentJoiner(join_mode=mode, top_k=HITS))
            pipeline.connect("embedder.embedding", "dense.query_embedding")
            pipeline.connect("words", "joiner")
            pipeline.connect("dense", "joiner")
            self.pipelines[mode] = pipeline

    def ways(self) -> dict[str, Way]:
        """The retrievers by themselves, and the pipeline."""

        def piped(mode: str, question: str) -> list[str]:
            given = {"embedder": {"text": question}, "words": {"query": question}}
            return self.names(self.pipelines[mode].run(given)["joiner"])

        return {
            "bm25": lambda question, _: self.names(self.words.run(query=question)),
            "dense": lambda _, vector: self.names(self.dense.run(query_embedding=vector)),
            "dense, asked in words": lambda question, _: self.names(
                self.dense.run(query_embedding=self.embed(question))
            ),
            "hybrid": lambda question, _: piped("reciprocal_rank_fusion", question),
            "hybrid, scores added": lambda question, _: piped("merge", question),
        }

    def names(self, answer: dict[str, Any]) -> list[str]:
        """Ids."""
        return [each.id for each in answer["documents"]]


CONTENDERS: dict[str, type[Contender]] = {
    "esrag": Esrag,
    "bare": Bare,
    "two queries": TwoQueries,
    "langchain": Langchain,
    "llama-index": LlamaIndex,
    "haystack": Haystack,
}

if __name__ == "__main__":
    main()
