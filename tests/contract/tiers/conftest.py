"""A document set that the cluster embedded, and the same model on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch
from tier_models import built_bundle

from esrag.embedding.process import Embedder
from esrag.names import Names
from esrag.sample import corpus_folder

if TYPE_CHECKING:
    from conftest import Stack


@dataclass(frozen=True, slots=True)
class EmbeddedSet:
    """A document set of the session's stack, with all rights on it."""

    client: Elasticsearch
    names: Names


@pytest.fixture(scope="module")
def embedder(stack: Stack) -> Iterator[Embedder]:
    """The bundle's model in a child process of this test run."""
    with Embedder(built_bundle(stack)) as running:
        yield running


@pytest.fixture(scope="module")
def embedded(
    stack: Stack, embedder: Embedder, remove_bearers: Callable[[Elasticsearch, str], None]
) -> Iterator[EmbeddedSet]:
    """The release notes of the sample corpus, embedded by the cluster."""
    name = f"t{uuid4().hex[:10]}"
    for arguments in (
        ("setup", "--set", name, "--yes"),
        ("ingest", "--set", name, str(corpus_folder() / "release-notes")),
    ):
        done = stack.esrag(*arguments)
        assert done.returncode == 0, done.stderr
    with Elasticsearch(
        stack.elasticsearch_url, basic_auth=(stack.username, stack.password), request_timeout=60
    ) as client:
        yield EmbeddedSet(client, Names(name))
        remove_bearers(client, name)
