"""What the clients of others need: models in the cluster, an API key, environments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from client_environments import CannotInstall, ClientEnvironment, environment, sources
from cluster_models import BERT, deploy, eland_import, write_word_models

if TYPE_CHECKING:
    import httpx
    from elasticsearch import Elasticsearch
    from servers_under_test import ElasticsearchAddress

SERVED = "HuggingFaceTB/SmolLM2-135M-Instruct"
EnvironmentMaker = Callable[[str], ClientEnvironment]


@pytest.fixture(scope="session")
def session_prefix(
    session_es: Elasticsearch, remove_bearers: Callable[[Elasticsearch, str], None]
) -> Iterator[str]:
    """As ``prefix``, for what all tests of clients share."""
    name = f"t{uuid4().hex[:10]}"
    yield name
    remove_bearers(session_es, name)


@pytest.fixture(scope="session")
def session_es(elasticsearch_address: ElasticsearchAddress) -> Iterator[Elasticsearch]:
    """A client with all rights, for fixtures that live long."""
    from elasticsearch import Elasticsearch

    with Elasticsearch(**elasticsearch_address.client_options()) as client:
        yield client


@pytest.fixture(scope="session")
def dense_model(elasticsearch_address: ElasticsearchAddress, session_prefix: str) -> str:
    """all-MiniLM-L6-v2, brought in and started by eland's own command."""
    model_id = f"{session_prefix}-minilm"
    eland_import(elasticsearch_address, model_id, "--start")
    return model_id


@pytest.fixture(scope="session")
def word_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the definitions of the models that count words."""
    folder = tmp_path_factory.mktemp("word-models")
    write_word_models(folder)
    return folder


@pytest.fixture(scope="session")
def sparse_model(session_es: Elasticsearch, session_prefix: str, word_models: Path) -> str:
    """A deployed text_expansion model."""
    model_id = f"{session_prefix}-words"
    task = {"text_expansion": {"tokenization": BERT}}
    deploy(session_es, model_id, (word_models / "expansion.pt").read_bytes(), task)
    return model_id


@pytest.fixture(scope="session")
def api_key(
    elasticsearch_address: ElasticsearchAddress, session_es: Elasticsearch, session_prefix: str
) -> str:
    """A key for clients in processes of their own."""
    if elasticsearch_address.api_key:
        return elasticsearch_address.api_key
    made = session_es.security.create_api_key(name=f"{session_prefix}-clients")
    return str(made["encoded"])


@pytest.fixture(scope="session")
def caches(shared_software: Path) -> Path:
    """Where environments and sources of clients are kept."""
    return shared_software / "clients"


@pytest.fixture(scope="session")
def client_environment(caches: Path, cannot_start: Callable[[str, str], None]) -> EnvironmentMaker:
    """Makes the environment of a client, or ends the test where PyPI cannot be reached."""

    def make(name: str) -> ClientEnvironment:
        try:
            return environment(name, caches)
        except CannotInstall as error:
            cannot_start("conformance", str(error))
            raise

    return make


@pytest.fixture(scope="session")
def client_sources(
    caches: Path, cannot_start: Callable[[str, str], None]
) -> Callable[[str, str, str], Path]:
    """Fetches the source distribution of a package."""

    def fetch(package: str, version: str, sha256: str) -> Path:
        try:
            return sources(package, version, sha256, caches)
        except CannotInstall as error:
            cannot_start("conformance", str(error))
            raise

    return fetch


@pytest.fixture(scope="session")
def tgi_url(generator: httpx.Client) -> str:
    """The address of the TGI under test."""
    return str(generator.base_url).rstrip("/")


@pytest.fixture(scope="session")
def same_words(generator: httpx.Client) -> None:
    """For tests that know the words: a TGI named by address may serve another model."""
    served = generator.get("/info").json()["model_id"]
    if served != SERVED:
        pytest.skip(f"the words are those of {SERVED}, not of {served}")
