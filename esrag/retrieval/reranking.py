"""Puts hits in a better order by a model that reads question and passage together.

    hits ──texts──► rerank endpoint of the cluster, or a server with TEI's ``/rerank`` ──► order

Where the cluster fuses the rankings it can rerank them in the same request, and does; this is for
the other cases.  Scores are compared only with those of the same model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from esrag.calling.addresses import service_address
from esrag.calling.connections import BrokenError, Connections
from esrag.calling.wire import Limit, TooSlowError
from esrag.cluster.reranking import rerank as rerank_in_cluster
from esrag.errors import PermissionDeniedError, UnavailableError, UsageError
from esrag.types import Hit

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

NAME = "rerank"  # under which the score stands in ``Hit.scores``
BATCH = 32  # texts that TEI takes at once when nobody told it otherwise
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0


class Reranker(Protocol):
    """Gives each text a score for a question; ``name`` says which one it is."""

    name: str

    def scores(self, client: Elasticsearch, question: str, texts: Sequence[str], /) -> list[float]:
        """One score for each text, better ones higher."""

    def close(self) -> None:
        """Let go of connections of its own."""


class EndpointReranker:
    """A rerank inference endpoint of the cluster that is searched."""

    def __init__(self, inference_id: str) -> None:
        self.inference_id = inference_id
        self.name = f"inference endpoint {inference_id}"

    def scores(self, client: Elasticsearch, question: str, texts: Sequence[str], /) -> list[float]:
        """One score for each text, on the scale that the cluster has in a search."""
        found = rerank_in_cluster(client, self.inference_id, question, texts)
        return [_above_zero(score) for score in found]

    def close(self) -> None:
        """The connections are the client's."""


class TeiReranker:
    """A server with TEI's ``/rerank``, asked from this machine."""

    def __init__(self, url: str) -> None:
        try:
            self._connections = Connections(service_address(url))
        except ValueError as error:
            raise UsageError(f"retrieval.rerank_url: {error}") from error
        self.name = f"the reranker at {url}"

    def scores(self, _client: Elasticsearch, question: str, texts: Sequence[str], /) -> list[float]:
        """One score for each text; the cluster is not asked."""
        found: list[float] = []
        for first in range(0, len(texts), BATCH):
            part = texts[first : first + BATCH]
            found += self._part(question, part)
        return found

    def close(self) -> None:
        """End its connections."""
        self._connections.close()

    def _part(self, question: str, texts: Sequence[str]) -> list[float]:
        body = {"query": question, "texts": list(texts), "truncate": True}
        setting = "retrieval.rerank_window lowered"
        try:
            with self._connections.exchange(
                "POST",
                "/rerank",
                body,
                connect=Limit.after(_CONNECT_SECONDS, "connecting", setting),
                answer=Limit.after(_ANSWER_SECONDS, "passages were reranked", setting),
            ) as reply:
                status, answer = reply.status, reply.read()
        except (BrokenError, TooSlowError) as error:
            raise UnavailableError(f"{self.name} cannot be asked: {error}", hint=_HINT) from error
        if status in (401, 403):
            raise PermissionDeniedError(f"{self.name} refused the request with {status}")
        if status != 200:
            words = answer[:300].decode("utf-8", "replace")
            raise UnavailableError(f"{self.name} answered {status}: {words}", hint=_HINT)
        return _in_order(answer, len(texts), self.name)


def _above_zero(score: float) -> float:
    """In the same order, and never negative, which no score of a search may be."""
    return score + 1.0 if score > 0 else math.exp(score)


_HINT = "Is it running? Meanwhile --allow-degraded leaves the order as it is."


def _in_order(answer: bytes, count: int, name: str) -> list[float]:
    """The scores of ``[{"index": 1, "score": 0.9}, …]`` by index."""
    try:
        items: Any = json.loads(answer)
        scores = {int(item["index"]): float(item["score"]) for item in items}
        return [scores[index] for index in range(count)]
    except (ValueError, TypeError, KeyError) as error:
        raise UnavailableError(
            f"{name} sent something that are not scores of {count} texts: {error!r}",
            hint="Is it a server with TEI's /rerank, and a model that ranks?",
        ) from error


def reranked(hits: Sequence[Hit], scores: Sequence[float]) -> tuple[Hit, ...]:
    """The hits by these scores; equal ones keep their order."""
    order = sorted(zip(hits, scores, strict=True), key=lambda pair: (-pair[1], pair[0].rank))
    return tuple(
        replace(hit, rank=rank, score=score, scores={**hit.scores, NAME: score})
        for rank, (hit, score) in enumerate(order, start=1)
    )
