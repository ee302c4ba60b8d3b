"""A real bundle of the tiny model, made in a process of its own; a client that dies on cue."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import elastic_transport
import pytest
from elasticsearch import Elasticsearch

from esrag.bundle import ModelBundle, load_bundle
from esrag.state.desired import Choices

if TYPE_CHECKING:
    from tests.conftest import Stack

TESTS = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("write_tiny_bundle.py")


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Two bundles of other content under one name."""
    base = tmp_path_factory.mktemp("tiny-bundles")
    found = {}
    for seed in (7, 8):
        found[seed] = base / str(seed)
        environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
        command = [sys.executable, "-W", "ignore", str(SCRIPT), str(found[seed]), "tiny", str(seed)]
        subprocess.run(command, check=True, env=environment)
    return found


@pytest.fixture
def bundle(tiny_folders: dict[int, Path], prefix: str) -> ModelBundle:
    """The tiny model under this test's own id."""
    return replace(load_bundle(tiny_folders[7]), model_id=f"{prefix}-model")


@pytest.fixture
def other_bundle(tiny_folders: dict[int, Path], prefix: str) -> ModelBundle:
    """Other weights under the same id."""
    return replace(load_bundle(tiny_folders[8]), model_id=f"{prefix}-model")


@pytest.fixture
def bundle_on_disk(bundle: ModelBundle, tmp_path: Path) -> Path:
    """The same with its id in the manifest, for the command line."""
    folder = tmp_path / "bundle"
    shutil.copytree(bundle.folder, folder)
    manifest = folder / "bundle.json"
    manifest.write_text(
        manifest.read_text().replace('"model_id": "tiny"', f'"model_id": "{bundle.model_id}"')
    )
    return folder


@pytest.fixture
def choices(prefix: str) -> Choices:
    """A document set with the tiny model."""
    return Choices(
        set=prefix,
        model_id=f"{prefix}-model",
        allocations=1,
        threads=1,
        queue_capacity=64,
        language="english",
        vectors="int8",
    )


@pytest.fixture
def dying(stack: Stack) -> Iterator[Callable[[int], Elasticsearch]]:
    """Makes clients that send so many writing requests and are then no more."""
    made: list[Elasticsearch] = []

    def make(writes: int) -> Elasticsearch:
        left = writes

        class Node(elastic_transport.Urllib3HttpNode):
            """Dies instead of sending one request too many."""

            def perform_request(self, method: str, target: str, *args: Any, **options: Any) -> Any:
                """Send, or end."""
                nonlocal left
                if method == "PUT":
                    if left == 0:
                        raise KeyboardInterrupt
                    left -= 1
                return super().perform_request(method, target, *args, **options)

        client = Elasticsearch(
            stack.elasticsearch_url,
            basic_auth=(stack.username, stack.password),
            node_class=Node,
            request_timeout=60,
            max_retries=0,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()
