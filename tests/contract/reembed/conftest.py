"""Three tiny models that run in the cluster, and document sets made of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch
from library import Library
from tiny_bundles import tiny_bundle

from esrag.bundle import ModelBundle, bundle_folder
from esrag.cluster import deployments, models

if TYPE_CHECKING:
    from conftest import Stack


@dataclass(frozen=True, slots=True)
class Models:
    """``longer`` has vectors of another length than ``first``, ``other`` of the same."""

    data_dir: Path
    first: ModelBundle
    longer: ModelBundle
    other: ModelBundle


@pytest.fixture(scope="module")
def tiny(
    stack: Stack,
    tmp_path_factory: pytest.TempPathFactory,
    remove_bearers: Callable[[Elasticsearch, str], None],
) -> Iterator[Models]:
    """Pushed and deployed, so that moves between them need not wait."""
    name, data_dir = f"tiny{uuid4().hex[:8]}", tmp_path_factory.mktemp("bundles")

    def make(part: str, dims: int, seed: int) -> ModelBundle:
        model_id = f"{name}-{part}"
        bundle = tiny_bundle(bundle_folder(data_dir, model_id), model_id, dims=dims, seed=seed)
        models.push(es, bundle)
        size = deployments.DeploymentSpec(
            model_id, model_id, allocations=1, threads=1, queue_capacity=1024
        )
        deployments.deploy(es, size)
        return bundle

    with Elasticsearch(
        stack.elasticsearch_url, basic_auth=(stack.username, stack.password), max_retries=0
    ) as es:
        try:
            yield Models(data_dir, make("a", 8, 1), make("b", 12, 2), make("c", 8, 3))
        finally:
            remove_bearers(es, name)


@pytest.fixture
def library(es: Elasticsearch, stack: Stack, prefix: str, tiny: Models, tmp_path: Path) -> Library:
    """A set of the first model with 600 chunks."""
    data_dir = tmp_path / "data"
    shutil.copytree(tiny.data_dir / "bundles", data_dir / "bundles")
    library = Library(es, stack, prefix, data_dir)
    library.environment["ESRAG_MODEL_ID"] = tiny.first.model_id
    library.set_up(tiny.first)
    library.fill(600)
    return library
