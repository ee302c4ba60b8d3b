"""Ingest writes to the generation behind the alias, and follows when another takes over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import elastic_transport
import pytest
from elastic_transport import BaseNode, HttpHeaders, NodeConfig
from elastic_transport._node import NodeApiResponse
from elasticsearch import Elasticsearch

from esrag.cluster.bulk import Action, Item, Verdict
from esrag.cluster.chunk_index import ChunkIndex
from esrag.cluster.delivery import Delivery
from esrag.cluster.pressure import Window
from esrag.errors import ConflictError, UnavailableError
from esrag.names import Names

NAMES = Names("t")
FIRST, SECOND = NAMES.index(1), NAMES.index(2)
ACTIONS = [Action("index", f"id{number}", number, b"{}") for number in range(3)]
BLOCK = {
    "type": "cluster_block_exception",
    "reason": f"index [{FIRST}] blocked by: [FORBIDDEN/8/index write (api)];",
}


@dataclass
class Server:
    """An alias, the indices that are blocked, and the note in their mappings."""

    live: str | None = FIRST
    blocked: dict[str, bool] = field(default_factory=dict)
    moves_after: int = 1_000
    bulks: list[str] = field(default_factory=list)
    pipelines: set[str] = field(
        default_factory=lambda: {NAMES.embed_pipeline(1), NAMES.embed_pipeline(2)}
    )

    def answer(self, method: str, target: str, body: bytes | None) -> tuple[int, Any]:
        """One request."""
        if "_alias" in target:
            if self.live is None:
                return 404, {"error": "alias missing", "status": 404}
            return 200, {self.live: {"aliases": {NAMES.alias: {"is_write_index": True}}}}
        if "_mapping" in target:
            index = target.split("/")[1]
            own = {"moving_to": SECOND} if self.blocked.get(index) else {}
            return 200, {index: {"mappings": {"_meta": {"esrag": own}}}}
        if "_field_caps" in target:
            return 200, {"indices": [target.split("/")[1]], "fields": {}}
        self.bulks.append(target.partition("&")[0])
        if len(self.bulks) > self.moves_after:
            self.live = SECOND
        index, _, query = target.removeprefix("/").partition("/_bulk?")
        (pipeline,) = parse_qs(query)["pipeline"]
        if pipeline not in self.pipelines:
            reason = f"pipeline with id [{pipeline}] does not exist"
            return 400, {"error": {"type": "illegal_argument_exception", "reason": reason}}
        ids = [json.loads(line)["index"]["_id"] for line in (body or b"").splitlines()[::2]]
        return 200, {"items": [{"index": self._item(index, each)} for each in ids]}

    def _item(self, index: str, key: str) -> Mapping[str, Any]:
        if index in self.blocked:
            return {"_index": index, "_id": key, "status": 403, "error": BLOCK}
        return {"_index": index, "_id": key, "status": 201}

    def client(self) -> Elasticsearch:
        """A client whose requests end here."""
        server = self

        class Node(BaseNode):
            """Hands requests over."""

            def perform_request(
                self, method: str, target: str, body: bytes | None = None, **_: Any
            ) -> NodeApiResponse:
                """Answer one."""
                status, answer = server.answer(method, target, body)
                headers = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}
                meta = elastic_transport.ApiResponseMeta(
                    status, "1.1", HttpHeaders(headers), 0.0, self.config
                )
                return NodeApiResponse(meta, json.dumps(answer).encode())

            def close(self) -> None:
                """Nothing is open."""

        return Elasticsearch([NodeConfig("http", "fake.invalid", 9200)], node_class=Node)


def deliver(server: Server) -> list[Item]:
    """Send the three chunks as ingest does, without waiting."""
    index = ChunkIndex(server.client(), NAMES)
    return Delivery(index.send, Window(10), tries=4, chance=lambda: -9.0).deliver(ACTIONS)


def test_a_generation_is_written_with_its_own_pipeline() -> None:
    """By its own name, so that the alias cannot lead the chunk elsewhere."""
    server = Server()
    assert {item.verdict for item in deliver(server)} == {Verdict.ACKNOWLEDGED}
    assert server.bulks == [f"/{FIRST}/_bulk?pipeline={NAMES.embed_pipeline(1)}"]


def test_what_meets_the_block_of_a_move_goes_to_the_next_generation() -> None:
    """It waits while the alias stays, then takes the other index and the other pipeline."""
    server = Server(blocked={FIRST: True}, moves_after=2)
    assert {item.verdict for item in deliver(server)} == {Verdict.ACKNOWLEDGED}
    assert server.bulks[-1] == f"/{SECOND}/_bulk?pipeline={NAMES.embed_pipeline(2)}"
    assert len(server.bulks) == 4


def test_any_other_block_stops_at_once() -> None:
    """An administrator's block is not waited for."""
    server = Server(blocked={FIRST: False})
    with pytest.raises(UnavailableError, match="blocked"):
        deliver(server)
    assert len(server.bulks) == 1


def test_a_move_that_does_not_end_stops_within_the_limits() -> None:
    """With the server's own words."""
    server = Server(blocked={FIRST: True})
    with pytest.raises(UnavailableError, match="cluster_block_exception"):
        deliver(server)
    assert len(server.bulks) == 4


def test_a_pruned_pipeline_is_no_fault_of_the_chunks() -> None:
    """A run that slept while a generation came and another went."""
    server = Server(pipelines={NAMES.embed_pipeline(2)}, moves_after=0)
    assert {item.verdict for item in deliver(server)} == {Verdict.ACKNOWLEDGED}
    assert server.bulks[-1] == f"/{SECOND}/_bulk?pipeline={NAMES.embed_pipeline(2)}"


def test_without_an_alias_nothing_is_sent() -> None:
    """Ingest creates no index."""
    server = Server(live=None)
    with pytest.raises(ConflictError, match="no index behind"):
        deliver(server)
    assert server.bulks == []


def test_an_index_of_an_older_version_is_refused_before_anything_is_sent() -> None:
    """Its strict mapping would reject every chunk; setup adds the fields."""

    class Older(Server):
        def answer(self, method: str, target: str, body: bytes | None) -> tuple[int, Any]:
            if "_field_caps" in target:
                vector = {"dense_vector": {"meta": {"embedding": ["cluster"]}}}
                return 200, {"indices": [FIRST], "fields": {"embedding": vector}}
            return super().answer(method, target, body)

    server = Older()
    with pytest.raises(ConflictError, match="lacks fields") as caught:
        ChunkIndex(server.client(), NAMES).require()
    assert "esrag setup" in caught.value.hint
    assert server.bulks == []
