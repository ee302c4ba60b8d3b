"""A document set whose pipeline needs no model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ingest_desk import Desk, open_desk

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch


@pytest.fixture
def desk(es: Elasticsearch, stack: Stack, prefix: str, tmp_path: Path) -> Desk:
    """A document set of this test."""
    return open_desk(es, stack, prefix, tmp_path)
