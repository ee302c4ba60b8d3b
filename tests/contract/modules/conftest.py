"""Raw calls to Elasticsearch as various callers, for tests of the plugin's answers word by word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import pytest


class ElasticsearchAddress(Protocol):
    """What these tests need of the stack."""

    elasticsearch_url: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its body as JSON where it is any, and its headers."""

    status: int
    body: Any
    headers: httpx.Headers

    @property
    def error_type(self) -> str:
        """The type of the error in the body."""
        return str(self.body["error"]["type"])

    @property
    def reason(self) -> str:
        """The reason of the error in the body."""
        return str(self.body["error"]["reason"])


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls the server: by name and password, by API key, or without either."""

    client: httpx.Client

    def __call__(
        self, method: str, path: str, body: dict[str, Any] | list[dict[str, Any]] | None = None
    ) -> Reply:
        """Send a call; a list of objects goes out as newline-delimited JSON."""
        content, media_type = None, "application/json"
        if isinstance(body, list):
            content = "".join(json.dumps(line) + "\n" for line in body)
            media_type = "application/x-ndjson"
        elif body is not None:
            content = json.dumps(body)
        headers = {"content-type": media_type} if content is not None else {}
        response = self.client.request(method, path, content=content, headers=headers)
        is_json = "json" in response.headers.get("content-type", "") and response.content
        return Reply(
            response.status_code, response.json() if is_json else response.text, response.headers
        )


class Accounts:
    """Makes callers with few rights; their names bear the test's prefix."""

    def __init__(self, address: ElasticsearchAddress, admin: Caller, prefix: str) -> None:
        self._address = address
        self._admin = admin
        self._prefix = prefix
        self._clients: list[httpx.Client] = []

    def user(self, cluster: list[str], indices: list[dict[str, Any]]) -> Caller:
        """A user with one role of the given privileges."""
        name = f"{self._prefix}-user-{len(self._clients)}"
        role = {"cluster": cluster, "indices": indices}
        assert self._admin("PUT", f"/_security/role/{name}", role).status == 200
        user = {"password": "a-long-password", "roles": [name]}
        assert self._admin("PUT", f"/_security/user/{name}", user).status == 200
        return self._caller(auth=httpx.BasicAuth(name, "a-long-password"))

    def key(self, cluster: list[str], indices: list[dict[str, Any]]) -> Caller:
        """An API key with the given privileges and no others."""
        body = {
            "name": f"{self._prefix}-key-{len(self._clients)}",
            "role_descriptors": {"only": {"cluster": cluster, "indices": indices}},
        }
        reply = self._admin("POST", "/_security/api_key", body)
        assert reply.status == 200, reply.body
        return self._caller(headers={"authorization": f"ApiKey {reply.body['encoded']}"})

    def anonymous(self) -> Caller:
        """Somebody without credentials."""
        return self._caller()

    def _caller(self, **options: Any) -> Caller:
        client = httpx.Client(base_url=self._address.elasticsearch_url, timeout=60, **options)
        self._clients.append(client)
        return Caller(client)

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            client.close()


@pytest.fixture
def admin(stack: ElasticsearchAddress) -> Iterator[Caller]:
    """A caller with all rights."""
    credentials = httpx.BasicAuth(stack.username, stack.password)
    with httpx.Client(base_url=stack.elasticsearch_url, auth=credentials, timeout=60) as client:
        yield Caller(client)


@pytest.fixture
def accounts(stack: ElasticsearchAddress, admin: Caller, prefix: str) -> Iterator[Accounts]:
    """Makes callers with few rights."""
    made = Accounts(stack, admin, prefix)
    yield made
    made.close()


@pytest.fixture
def index(admin: Caller, prefix: str) -> str:
    """An index of four documents with English text, a keyword and a vector of two dimensions."""
    name = f"{prefix}-docs"
    mapping = {
        "settings": {"number_of_replicas": 0, "number_of_shards": 1},
        "mappings": {
            "properties": {
                "text": {"type": "text", "analyzer": "english"},
                "kind": {"type": "keyword"},
                "vector": {
                    "type": "dense_vector",
                    "dims": 2,
                    "similarity": "cosine",
                    "index_options": {"type": "int8_hnsw"},
                },
            }
        },
    }
    assert admin("PUT", f"/{name}", mapping).status == 200
    texts = ["dogs running", "a running cat", "dogs and dogs", "the quiet sea"]
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(texts, start=1):
        lines += [
            {"index": {"_id": str(number)}},
            {"text": text, "kind": f"kind-{number % 2}", "vector": [1.0, float(number)]},
        ]
    reply = admin("POST", f"/{name}/_bulk?refresh=true", lines)
    assert reply.status == 200
    assert not reply.body["errors"]
    return name
