"""The library of chunks in the cluster, with the search templates of a set and without a model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from library_of_chunks import MODEL, made_chunks, vector_of

from esrag.cluster.capabilities import Tier
from esrag.cluster.profile import Place, Profile
from esrag.names import Names
from esrag.retrieval import Retriever
from esrag.state.desired import Choices, desired_state
from esrag.state.kinds import KINDS
from esrag.testing_models import fake_bundle

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch


class Local:
    """An embedder of this machine, by the words alone."""

    def __init__(self, folder: Path) -> None:
        self.bundle = fake_bundle(folder, size=10)

    def embed(self, texts: Sequence[str], purpose: str = "none") -> list[list[float]]:
        """One vector for each text."""
        return [vector_of(text) for text in texts]

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The set, and who may ask it."""

    client: Elasticsearch
    names: Names
    local: Local

    def retriever(self, kind: str, fusion: Place = "client", **options: Any) -> Retriever:
        """A retriever that embeds here, and fuses in the cluster or here."""
        profile = Profile(embedding="client", fusion=fusion, indices=(self.names.index(1),))
        return Retriever(
            self.client,
            self.names,
            kind,
            model_id=MODEL,
            profile=profile,
            local=lambda _: self.local,
            **options,
        )


@pytest.fixture(scope="module")
def shelf(
    stack: Stack,
    remove_bearers: Callable[[Elasticsearch, str], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shelf]:
    """The library behind an alias; tests only read it."""
    from elasticsearch import Elasticsearch, helpers

    choices = Choices(
        set=f"t{uuid4().hex[:10]}",
        model_id=MODEL,
        allocations=1,
        threads=1,
        queue_capacity=64,
        language="english",
        vectors="int8",
    )
    wanted = desired_state(choices, bundle=None, dims=3, tier=Tier(endpoints=False))
    names = Names(choices.set)
    with Elasticsearch(
        stack.elasticsearch_url, basic_auth=(stack.username, stack.password), request_timeout=60
    ) as client:
        for item in wanted.bodies:
            KINDS[item.kind].write(client, item.name, item.body)
        client.indices.create(index=names.index(1), aliases={names.alias: {}})
        helpers.bulk(client, made_chunks(), index=names.index(1), pipeline="_none", refresh=True)
        yield Shelf(client, names, Local(tmp_path_factory.mktemp("bundle") / "b"))
        remove_bearers(client, choices.set)


class RankingServer(ThreadingHTTPServer):
    """Ranks as text-embeddings-inference does: by the words in common; remembers the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Ranks)
        self.asked: list[dict[str, Any]] = []
        self.status = 200

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Ranks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RankingServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        scored = [
            {"index": number, "score": float(self._common(body["query"], text))}
            for number, text in enumerate(body["texts"])
        ]
        answer = json.dumps(sorted(scored, key=lambda one: -one["score"])).encode()
        self.send_response(self.server.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    @staticmethod
    def _common(query: str, text: str) -> float:
        """How often words of the query stand in the text, and a little by the text itself."""
        words = text.split()
        return sum(words.count(word) for word in query.split()) + vector_of(text)[0] / 1_000


@pytest.fixture
def ranking_server() -> Iterator[RankingServer]:
    """A server that reranks."""
    with RankingServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
