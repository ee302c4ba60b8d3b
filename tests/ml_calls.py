"""Callers of the server, and the tiny model of the tests: how it is made and stored."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", "slow"]
DIMENSIONS = 8
CONFIG: dict[str, Any] = {
    "model_type": "pytorch",
    "inference_config": {"text_embedding": {"embedding_size": DIMENSIONS}},
    "input": {"field_names": ["text_field"]},
}
PARTS = 2


class Addresses(Protocol):
    """What these tests need of the stack."""

    elasticsearch_url: str
    username: str
    password: str
    tgi_url: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its text, and its body as JSON where it is any."""

    status: int
    text: str
    body: Any

    @property
    def error(self) -> tuple[int, str, str]:
        """The status, the type and the reason of an error."""
        return self.status, self.body["error"]["type"], self.body["error"]["reason"]

    def ok_body(self) -> Any:
        """The body of an answer that must be a success."""
        assert self.status in (200, 201), self.text
        return self.body


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls the server."""

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
        answer = self.client.request(method, path, content=content, headers=headers)
        is_json = "json" in answer.headers.get("content-type", "") and answer.content
        return Reply(answer.status_code, answer.text, answer.json() if is_json else None)

    def ok(
        self, method: str, path: str, body: dict[str, Any] | list[dict[str, Any]] | None = None
    ) -> Any:
        """Send a call that must succeed; returns the body."""
        return self(method, path, body).ok_body()


@dataclass(slots=True)
class Accounts:
    """Makes callers with few rights; their names bear the test's prefix."""

    address: Addresses
    admin: Caller
    prefix: str
    clients: list[httpx.Client] = field(default_factory=list)

    def user(self, *, cluster: list[str] | None = None, read: str | None = None) -> Caller:
        """A user who has these cluster privileges and may read these indices."""
        name = f"{self.prefix}-user-{len(self.clients)}"
        indices = [{"names": [read], "privileges": ["read"]}] if read else []
        role = {"cluster": cluster or [], "indices": indices}
        self.admin.ok("PUT", f"/_security/role/{name}", role)
        account = {"password": "a-long-password", "roles": [name]}
        self.admin.ok("PUT", f"/_security/user/{name}", account)
        return self._caller(auth=httpx.BasicAuth(name, "a-long-password"))

    def nobody(self) -> Caller:
        """Somebody without credentials."""
        return self._caller()

    def _caller(self, **options: Any) -> Caller:
        client = httpx.Client(base_url=self.address.elasticsearch_url, timeout=60, **options)
        self.clients.append(client)
        return Caller(client)


def make_definition(file: Path) -> bytes:
    """The bytes of the tiny TorchScript module, made in a process of its own."""
    script = Path(__file__).with_name("tiny_module.py")
    subprocess.run([sys.executable, "-W", "ignore", str(script), str(file)], check=True)
    return file.read_bytes()


def upload(admin: Caller, model_id: str, definition: bytes, **config: Any) -> None:
    """Store the tiny model: config, definition in parts, vocabulary."""
    path = f"/_ml/trained_models/{model_id}"
    admin.ok("PUT", path, CONFIG | config)
    size = len(definition) // PARTS + 1
    for part in range(PARTS):
        piece = definition[part * size : (part + 1) * size]
        admin.ok("PUT", f"{path}/definition/{part}", part_body(piece, definition))
    admin.ok("PUT", f"{path}/vocabulary", {"vocabulary": WORDS})


def part_body(piece: bytes, definition: bytes) -> dict[str, Any]:
    """The body that stores one part of the tiny model."""
    return {
        "definition": base64.b64encode(piece).decode(),
        "total_definition_length": len(definition),
        "total_parts": PARTS,
    }


def vector_of(admin: Caller, model_id: str, text: str) -> list[float]:
    """What the model makes of a text, without any prefix."""
    body = {"docs": [{"text_field": text}]}
    answer = admin.ok("POST", f"/_ml/trained_models/{model_id}/_infer", body)
    vector: list[float] = answer["inference_results"][0]["predicted_value"]
    return vector
