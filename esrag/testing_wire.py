"""Public fake of the wire: a real client whose requests end in a handler instead of a socket.

The client is the real one, so that paths, bodies and errors are the wire's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import elastic_transport
from elastic_transport import BaseNode, HttpHeaders, NodeConfig
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT, DefaultType
from elasticsearch import Elasticsearch

_READING_POSTS = (
    *("_search", "_msearch", "_pit", "_count", "_render", "_infer", "_simulate"),
    "_has_privileges",
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the client sent; ``body`` is parsed JSON, or a list of what stood in its lines."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any = None

    @property
    def writes(self) -> bool:
        """Whether it changes the cluster."""
        reads = self.method in ("GET", "HEAD") or any(part in self.path for part in _READING_POSTS)
        return not reads


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client is told."""

    status: int
    body: Any

    @classmethod
    def error(cls, status: int, kind: str, reason: str) -> Reply:
        """An error body as Elasticsearch writes it."""
        cause = {"type": kind, "reason": reason}
        return cls(status, {"error": {"root_cause": [cause], **cause}, "status": status})


Handler = Callable[[Request], Reply]


class ElasticsearchFake:
    """Gives out a client; remembers its requests in ``requests``.

    ``fail_before`` and ``lose_answer_of`` name the number (from 0) of a request that does not
    arrive, or that arrives and whose answer is lost.
    """

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self.fail_before: int | None = None
        self.lose_answer_of: int | None = None

    @property
    def writes(self) -> list[Request]:
        """The requests that change something."""
        return [request for request in self.requests if request.writes]

    def client(self) -> Elasticsearch:
        """A client whose requests end here."""
        fake = self

        class Node(BaseNode):
            """Hands requests to the handler."""

            def perform_request(
                self,
                method: str,
                target: str,
                body: bytes | None = None,
                headers: HttpHeaders | None = None,
                request_timeout: DefaultType | float | None = DEFAULT,
            ) -> NodeApiResponse:
                """Answer one request from the handler."""
                del headers, request_timeout
                reply = fake.answer(method, target, body)
                return NodeApiResponse(
                    elastic_transport.ApiResponseMeta(
                        status=reply.status,
                        http_version="1.1",
                        headers=HttpHeaders(
                            {
                                "content-type": "application/json",
                                "x-elastic-product": "Elasticsearch",
                            }
                        ),
                        duration=0.0,
                        node=self.config,
                    ),
                    json.dumps(reply.body).encode(),
                )

            def close(self) -> None:
                """Nothing is open."""

        return Elasticsearch(
            [NodeConfig("http", "fake.invalid", 9200)], node_class=Node, max_retries=0
        )

    def answer(self, method: str, target: str, body: bytes | None) -> Reply:
        """Record a request and answer it, unless this one is to fail."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        request = Request(method, unquote(parts.path).strip("/"), query, _parsed(target, body))
        number = len(self.requests)
        self.requests.append(request)
        if number == self.fail_before:
            raise elastic_transport.ConnectionError("connection refused")
        reply = self.handler(request)
        if number == self.lose_answer_of:
            raise elastic_transport.ConnectionTimeout("the answer was lost")
        return reply


def _parsed(target: str, body: bytes | None) -> Any:
    """A body's JSON; of requests that carry many lines, a list."""
    if not body:
        return None
    if urlsplit(target).path.endswith(("_msearch", "_msearch/template", "_bulk")):
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    return json.loads(body)
