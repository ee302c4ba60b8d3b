"""Callers of the server and a tiny deployed model for tests of the ML and inference APIs."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
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
def task_definitions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of a tiny TorchScript module for each task but text embedding."""
    folder = tmp_path_factory.mktemp("tasks")
    script = Path(__file__).with_name("task_modules.py")
    subprocess.run([sys.executable, "-W", "ignore", str(script), str(folder)], check=True)
    return {file.stem: file.read_bytes() for file in folder.iterdir()}


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


@pytest.fixture(scope="session")
def ranking_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the modules of `ranking_modules.py`, made in a process of its own."""
    folder = tmp_path_factory.mktemp("ranking")
    script = Path(__file__).with_name("ranking_modules.py")
    subprocess.run([sys.executable, "-W", "ignore", str(script), str(folder)], check=True)
    return folder


@contextlib.contextmanager
def _model(stack: Addresses, module: Path, task: str) -> Iterator[str]:
    model_id = f"tiny{uuid4().hex[:8]}"
    with _client(stack) as client:
        admin = Caller(client)
        upload(admin, model_id, module.read_bytes(), inference_config={task: {}})
        admin.ok("POST", f"/_ml/trained_models/{model_id}/deployment/_start?timeout=60s")
        yield model_id
        admin.ok("DELETE", f"/_ml/trained_models/{model_id}?force=true")


@pytest.fixture(scope="session")
def reranker(stack: Addresses, ranking_modules: Path) -> Iterator[str]:
    """A deployed text_similarity model: words in common with the question, less 1.5."""
    with _model(stack, ranking_modules / "similarity.pt", "text_similarity") as model_id:
        yield model_id


@pytest.fixture(scope="session")
def expander(stack: Addresses, ranking_modules: Path) -> Iterator[str]:
    """A deployed text_expansion model: half the number of times that a word occurs."""
    with _model(stack, ranking_modules / "expansion.pt", "text_expansion") as model_id:
        yield model_id


@pytest.fixture
def generator() -> Iterator[ScriptedGenerator]:
    """A chat server that follows a script."""
    with ScriptedGenerator() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
