"""Callers of the server and a tiny deployed model for tests of the ML and inference APIs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from ml_calls import Accounts, Addresses, Caller, make_definition, upload
from scripted_generator import ScriptedGenerator


def _client(stack: Addresses) -> httpx.Client:
    credentials = httpx.BasicAuth(stack.username, stack.password)
    return httpx.Client(base_url=stack.elasticsearch_url, auth=credentials, timeout=120)


@pytest.fixture
def admin(stack: Addresses) -> Iterator[Caller]:
    """A caller with all rights."""
    with _client(stack) as client:
        yield Caller(client)


@pytest.fixture
def accounts(stack: Addresses, admin: Caller, prefix: str) -> Iterator[Accounts]:
    """Makes callers with few rights."""
    made = Accounts(stack, admin, prefix)
    yield made
    for client in made.clients:
        client.close()


@pytest.fixture(scope="session")
def definition(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a tiny TorchScript module."""
    return make_definition(tmp_path_factory.mktemp("tiny") / "module.pt")


@pytest.fixture(scope="session")
def deployed(stack: Addresses, definition: bytes) -> Iterator[str]:
    """A tiny model with prefix strings, deployed for the whole session; tests only use it."""
    model_id = f"tiny{uuid4().hex[:8]}"
    with _client(stack) as client:
        admin = Caller(client)
        prefixes = {"search": "a ", "ingest": "b "}
        upload(admin, model_id, definition, prefix_strings=prefixes)
        admin.ok("POST", f"/_ml/trained_models/{model_id}/deployment/_start?timeout=60s")
        yield model_id
        admin.ok("DELETE", f"/_ml/trained_models/{model_id}?force=true")


@pytest.fixture
def generator() -> Iterator[ScriptedGenerator]:
    """A chat server that follows a script."""
    with ScriptedGenerator() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
