"""A document set whose pipeline needs no model, and a proxy that spoils answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fault_proxy import FaultProxy
from ingest_desk import Desk

from esrag.resources import load_body

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch


@pytest.fixture
def desk(es: Elasticsearch, stack: Stack, prefix: str, tmp_path: Path) -> Desk:
    """An index like the shipped one, whose pipeline gives every chunk the same vector.

    ``url`` holds addresses of hosts only, so that a test can make a chunk that is refused.
    """
    desk = Desk(es, stack, prefix, tmp_path)
    vector = [1.0, *[0.0] * 383]
    es.ingest.put_pipeline(
        id=desk.pipeline, processors=[{"set": {"field": "embedding", "value": vector}}]
    )
    mappings = load_body("mappings/fields.json")["template"]["mappings"]
    settings = load_body("mappings/settings.json")["template"]["settings"]
    for field in mappings["properties"].values():
        field.pop("fields", None)  # further ways to analyse a text change nothing for ingest
    mappings["properties"]["url"] = {"type": "ip"}
    settings["index"]["default_pipeline"] = desk.pipeline
    es.indices.put_index_template(
        name=desk.alias, index_patterns=[f"{desk.alias}-0*"], allow_auto_create=False
    )
    es.indices.create(
        index=f"{desk.alias}-000001",
        mappings=mappings,
        settings=settings,
        aliases={desk.alias: {"is_write_index": True}},
    )
    return desk


@pytest.fixture
def proxy(stack: Stack) -> Iterator[FaultProxy]:
    """Between the command and Elasticsearch."""
    with FaultProxy(stack.elasticsearch_url).running() as running:
        yield running
