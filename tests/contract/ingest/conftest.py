"""A document set whose pipeline needs no model, and a proxy that spoils answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fault_proxy import FaultProxy
from ingest_desk import Desk, open_desk

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch


@pytest.fixture
def desk(es: Elasticsearch, stack: Stack, prefix: str, tmp_path: Path) -> Desk:
    """A document set of this test."""
    return open_desk(es, stack, prefix, tmp_path)


@pytest.fixture
def proxy(stack: Stack) -> Iterator[FaultProxy]:
    """Between the command and Elasticsearch."""
    with FaultProxy(stack.elasticsearch_url).running() as running:
        yield running
