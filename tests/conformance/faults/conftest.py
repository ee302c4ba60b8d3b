"""The scene in which faults are made, and a small stack whose licence can be spoiled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

import httpx
import pytest
from fault_scene import Scene
from ml_calls import Caller, make_definition

COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()", "local"]


@pytest.fixture(scope="session")
def definition(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a tiny TorchScript module."""
    return make_definition(tmp_path_factory.mktemp("tiny") / "module.pt")


@pytest.fixture(scope="module")
def scene(server: httpx.Client, module_prefix: str, definition: bytes) -> Scene:
    """A scene that stays whole; few requests may wait in it."""
    made = Scene(Caller(server), f"{module_prefix}-scene")
    made.build(definition, queue_capacity=2)
    return made


@pytest.fixture(scope="module")
def unlicensed(
    shared_software: Path | None,
    cannot_start: Callable[[str, str], None],
    definition: bytes,
) -> Iterator[Scene]:
    """A scene made under a trial licence, in a cluster that has only a basic one now.

    Nobody can go back from basic to a trial, so this cluster is one of its own.
    """
    data_dir = Path(tempfile.mkdtemp(prefix="esrag-conformance-"))
    data_dir.chmod(0o755)  # Elasticsearch runs under another account when we are root
    environment = {**os.environ, "ESRAG_DATA_DIR": str(data_dir)}
    up = [*COMMAND, "up", "--only", "mlnode", "--only", "elasticsearch", "--fast-start"]
    if shared_software:
        up += ["--software", str(shared_software)]
    try:
        started = subprocess.run(up, env=environment, capture_output=True, text=True, check=False)
        if started.returncode != 0:
            cannot_start("conformance", started.stderr)
        connection = json.loads((data_dir / "local" / "connection.json").read_text("utf-8"))
        address = connection["elasticsearch"]
        login = (address["username"], address["password"])
        with httpx.Client(base_url=address["url"], auth=login, timeout=60) as client:
            scene = Scene(Caller(client), "licensed-once")
            scene.build(definition)
            scene.admin.ok("POST", "/_license/start_basic?acknowledge=true")
            yield scene
    finally:
        down = [*COMMAND, "down"]
        ended = subprocess.run(down, env=environment, capture_output=True, text=True, check=False)
        rmtree(data_dir, ignore_errors=True)
    assert ended.returncode == 0, ended.stderr
