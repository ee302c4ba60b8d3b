"""One contender of ``benchmarks/indexing.py``, in a process and a virtual environment of its own.

    python indexing_peers.py NAME ORDER_FILE        (indexing.py starts it)

Reads lines of JSON from standard input and answers each with one.  ``prepare`` makes an index, as
the contender would make it (``own``) or with the field types that all have in common (``same``);
``run`` writes everything into it and refreshes.  What a contender wants of its input (lists of
numbers, nodes, documents, chunks) is made before its clock starts.  Needs the contender's package
and numpy; nothing of esrag but for esrag itself.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

TIMEOUT = 120
OWN_SETTINGS = {"number_of_shards": 1, "number_of_replicas": 0}


def main() -> None:
    """Serve until standard input ends."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    name, order = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    contender = CONTENDERS[name](order)
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a package prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any] = {"versions": versions()}
        if request["do"] == "prepare":
            contender.prepare(request["index"], same=request["column"] == "same")
        else:
            wall, cpu = time.perf_counter(), time.process_time()
            contender.run()
            answer["seconds"] = time.perf_counter() - wall
            answer["cpu"] = time.process_time() - cpu
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def versions() -> dict[str, str]:
    """Of the packages that matter."""
    from importlib.metadata import distributions

    named = ("elastic", "langchain-core", "llama-index-core", "haystack-ai", "orjson")
    return {each.name: each.version for each in distributions() if str(each.name).startswith(named)}


class Contender:
    """Texts, ids and vectors, and an index to bring them into."""

    text_field = "text"
    vector_field = "vector"

    def __init__(self, order: dict[str, Any]) -> None:
        self.url: str = order["url"]
        self.login: tuple[str, str] = (order["username"], order["password"])
        records = [json.loads(line) for line in Path(order["texts"]).read_text().splitlines()]
        self.ids = [record["id"] for record in records]
        self.titles = [record["title"] for record in records]
        self.texts = [record["text"] for record in records]
        self.vectors = np.load(order["vectors"])
        self.index = ""
        self.same = False
        self.load()

    def load(self) -> None:
        """Bring the input into the form that this contender takes."""

    def client(self) -> Any:
        """elasticsearch-py's client, as its documentation has it."""
        from elasticsearch import Elasticsearch

        return Elasticsearch(self.url, basic_auth=self.login, request_timeout=TIMEOUT)

    def prepare(self, index: str, *, same: bool) -> None:
        """Make an empty index."""
        self.index, self.same = index, same
        if same:
            self.create(self.same_mappings())
        else:
            self.create_own()

    def create(self, mappings: dict[str, Any], settings: dict[str, Any] | None = None) -> None:
        """Create the index by a plain call."""
        with self.client() as client:
            client.indices.create(
                index=self.index, mappings=mappings, settings=settings or OWN_SETTINGS
            )

    def same_mappings(self) -> dict[str, Any]:
        """One analysed text, one vector in a graph; all else is kept and not indexed."""
        vector = {
            "type": "dense_vector",
            "dims": self.vectors.shape[1],
            "index": True,
            "similarity": "cosine",
            "index_options": {"type": "int8_hnsw", "m": 16, "ef_construction": 100},
        }
        properties = {self.text_field: {"type": "text"}, self.vector_field: vector}
        return {"dynamic": False, "properties": properties}

    def create_own(self) -> None:
        """Create the index as the contender does when it is left to it."""

    def run(self) -> None:
        """Write everything, and make it visible."""
        raise NotImplementedError


class BulkHelper(Contender):
    """``elasticsearch.helpers.bulk`` with vectors as lists of numbers, as its examples have it."""

    def load(self) -> None:
        """Lists of numbers."""
        self.lists = self.vectors.tolist()
        self.connection = self.client()

    def create_own(self) -> None:
        """A helper makes no index; a text and a vector with the server's defaults."""
        vector = {"type": "dense_vector", "dims": self.vectors.shape[1], "similarity": "cosine"}
        self.create({"properties": {"text": {"type": "text"}, "vector": vector}})

    def actions(self) -> Any:
        """What the helper takes."""
        rows = zip(self.ids, self.titles, self.texts, self.lists, strict=True)
        for key, title, text, vector in rows:
            yield {
                "_index": self.index,
                "_id": key,
                "title": title,
                "text": text,
                "vector": vector,
            }

    def run(self) -> None:
        """With the helper's defaults, and a refresh."""
        from elasticsearch import helpers

        helpers.bulk(self.connection, self.actions())
        self.connection.indices.refresh(index=self.index)


class PackedBulkHelper(BulkHelper):
    """The same helper, with its own packing of vectors, which few know."""

    def actions(self) -> Any:
        """Each vector as base64."""
        from elasticsearch.helpers import pack_dense_vector

        rows = zip(self.ids, self.titles, self.texts, self.vectors, strict=True)
        for key, title, text, vector in rows:
            yield {
                "_index": self.index,
                "_id": key,
                "title": title,
                "text": text,
                "vector": pack_dense_vector(vector),
            }


class Langchain(Contender):
    """langchain-elasticsearch's store, ``add_embeddings``."""

    def load(self) -> None:
        """Lists of numbers, and metadata as dictionaries."""
        self.lists = self.vectors.tolist()
        self.metadatas = [{"title": title} for title in self.titles]
        self.connection = self.client()

    def create_own(self) -> None:
        """The store makes it."""

    def run(self) -> None:
        """Through the store."""
        from langchain_elasticsearch import DenseVectorStrategy, ElasticsearchStore

        store = ElasticsearchStore(
            index_name=self.index,
            client=self.connection,
            num_dimensions=self.vectors.shape[1],
            strategy=DenseVectorStrategy(),
        )
        store.add_embeddings(
            zip(self.texts, self.lists, strict=True),
            metadatas=self.metadatas,
            ids=self.ids,
            refresh_indices=not self.same,
        )
        if self.same:
            self.connection.indices.refresh(index=self.index)


class LlamaIndex(Contender):
    """llama-index's store, ``add``."""

    text_field = "content"
    vector_field = "embedding"

    def load(self) -> None:
        """Nodes with their vectors."""
        from llama_index.core.schema import TextNode

        rows = zip(self.ids, self.titles, self.texts, self.vectors.tolist(), strict=True)
        self.nodes = [
            TextNode(id_=key, text=text, embedding=vector, metadata={"title": title})
            for key, title, text, vector in rows
        ]

    def run(self) -> None:
        """Through the store."""
        import asyncio

        from llama_index.vector_stores.elasticsearch import ElasticsearchStore

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        user, password = self.login
        store = ElasticsearchStore(
            index_name=self.index, es_url=self.url, es_user=user, es_password=password
        )
        store.add(self.nodes)  # it refreshes after each request, and cannot be told otherwise
        loop.run_until_complete(store.client.close())


class Haystack(Contender):
    """haystack's document store, ``write_documents``."""

    text_field = "content"
    vector_field = "embedding"

    def load(self) -> None:
        """Documents with their vectors."""
        from haystack import Document

        rows = zip(self.ids, self.titles, self.texts, self.vectors.tolist(), strict=True)
        self.documents = [
            Document(id=key, content=text, meta={"title": title}, embedding=vector)
            for key, title, text, vector in rows
        ]

    def run(self) -> None:
        """Through the store."""
        from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

        store = ElasticsearchDocumentStore(
            hosts=self.url, index=self.index, basic_auth=self.login, request_timeout=TIMEOUT
        )
        if self.same:
            store.write_documents(self.documents, refresh=False)
            store.client.indices.refresh(index=self.index)
        else:
            store.write_documents(self.documents)


class Esrag(Contender):
    """Our sender: from chunks and vectors to answers that have been read one by one."""

    vector_field = "embedding"
    pipeline = "_none"

    def load(self) -> None:
        """Chunks, as cutting gives them."""
        import hashlib

        from esrag.cluster.client import connect
        from esrag.types import Chunk

        self.chunks = [
            Chunk(
                id=hashlib.sha256(key.encode()).hexdigest()[:40],
                document_id=key,
                position=0,
                start=0,
                end=len(text),
                text=text,
                title=title,
                heading_path=(),
                source=key,
                url="",
                mime_type="text/plain",
                published="",
                metadata={},
                content_hash=hashlib.sha256(text.encode()).hexdigest(),
                origin="file:///corpus",
                chunk_count=1,
            )
            for key, title, text in zip(self.ids, self.titles, self.texts, strict=True)
        ]
        user, password = self.login
        self.connection = connect(
            self.url, username=user, password=password, request_timeout=TIMEOUT
        )

    def create_own(self) -> None:
        """The shipped mapping, settings and pipeline of the client tier."""
        from esrag.resources import load_body

        fields = load_body("mappings/fields.json")["template"]
        settings = dict(load_body("mappings/settings.json")["template"]["settings"]["index"])
        settings.pop("default_pipeline")
        self.create(fields["mappings"], settings | fields["settings"]["index"])
        stamp = load_body("pipelines/ingest/stamp.json")
        self.pipeline = "esrag-benchmark-stamp"
        self.connection.ingest.put_pipeline(id=self.pipeline, body=stamp)

    def prepare(self, index: str, *, same: bool) -> None:
        """Without a pipeline, where all have the same mapping."""
        self.pipeline = "_none"
        super().prepare(index, same=same)

    def run(self) -> None:
        """As ingest does: bodies, requests at once, and a verdict for each chunk."""
        from collections.abc import Sequence

        from esrag.cluster.bulk import Action, Item, Verdict, send_bulk
        from esrag.cluster.delivery import Delivery, Sender
        from esrag.cluster.pressure import Window

        def send(actions: Sequence[Action]) -> list[Item]:
            return send_bulk(
                self.connection, self.index, actions, pipeline=self.pipeline, timeout=None
            )

        window = Window(256, at_once=4, most_at_once=8)
        sender = Sender(Delivery(send, window))
        acknowledged = first = 0
        while first < len(self.chunks) or sender.in_flight:
            if first < len(self.chunks) and not sender.is_full:
                sender.submit(self.actions(first, first + window.size))
                first += window.size
                continue
            items = sender.collect()
            acknowledged += sum(item.verdict is Verdict.ACKNOWLEDGED for item in items)
        if acknowledged != len(self.chunks):
            raise RuntimeError(f"{acknowledged} of {len(self.chunks)} chunks were acknowledged")
        self.connection.indices.refresh(index=self.index)

    def actions(self, first: int, end: int) -> list[Any]:
        """A delivery."""
        from esrag.cluster.bulk import Action, chunk_source, encoded_vectors

        vectors = encoded_vectors(self.vectors[first:end], base64=True)
        return [
            Action(
                "index",
                chunk.id,
                number,
                chunk_source(chunk, document_hash=chunk.content_hash, run_id="benchmark"),
                vector=vector,
            )
            for number, (chunk, vector) in enumerate(
                zip(self.chunks[first:end], vectors, strict=True)
            )
        ]


CONTENDERS = {
    "esrag": Esrag,
    "bulk-helper": BulkHelper,
    "bulk-helper-packed": PackedBulkHelper,
    "langchain": Langchain,
    "llama-index": LlamaIndex,
    "haystack": Haystack,
}

if __name__ == "__main__":
    main()
