"""What several folders use: a document set that answers, a scripted generator, a proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from asking_desk import SAID, Desk, open_desk
from elasticsearch import Elasticsearch
from fake_generator import FakeGenerator
from fault_proxy import FaultProxy
from tiny_bundles import tiny_bundle

from esrag.bundle import bundle_folder

if TYPE_CHECKING:
    from conftest import Stack


@pytest.fixture(scope="session")
def asking_set(
    stack: Stack,
    tmp_path_factory: pytest.TempPathFactory,
    remove_bearers: Callable[[Elasticsearch, str], None],
) -> Iterator[Desk]:
    """Set up once: a tiny model, and documents that it embedded."""
    name = f"ask{uuid4().hex[:8]}"
    folder = bundle_folder(tmp_path_factory.mktemp("asking"), name)
    with Elasticsearch(
        stack.elasticsearch_url,
        basic_auth=(stack.username, stack.password),
        request_timeout=60,
        max_retries=0,
    ) as es:
        try:
            yield open_desk(es, stack, name, tiny_bundle(folder, name, dims=8, seed=1))
        finally:
            remove_bearers(es, name)


@pytest.fixture
def fake() -> Iterator[FakeGenerator]:
    """A generator that answers the desk's question rightly, until it is told otherwise."""
    with FakeGenerator() as running:
        running.says(SAID)
        yield running


@pytest.fixture
def proxy(stack: Stack) -> Iterator[FaultProxy]:
    """Between the command and Elasticsearch."""
    with FaultProxy(stack.elasticsearch_url).running() as running:
        yield running
