"""Models are code from outside: what the process does about that."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import psutil
import pytest


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (b"these bytes are no model", "not a TorchScript archive"),
        (b"PK\x03\x04" + b"\0" * 200, "not a TorchScript archive"),
    ],
)
def test_bytes_that_are_no_model_fail_the_deployment(
    node: Any, definition: bytes, reason: str
) -> None:
    """With a reason, and the process lives on."""
    model_id = f"bytes{len(definition)}"
    node.upload(model_id, definition)
    assert reason in node.deploy(model_id, state="failed")["reason"]
    response = node.infer(model_id, "a")
    assert (response.status_code, response.json()["error"]["type"]) == (503, "failed")


def test_a_module_that_reaches_for_files_is_not_loaded(
    node: Any, modules: dict[str, bytes]
) -> None:
    """The forbidden operation is named."""
    node.upload("reads_files", modules["reads_files"])
    assert "aten::from_file" in node.deploy("reads_files", state="failed")["reason"]


def test_a_definition_changed_on_disk_is_not_loaded(
    fresh_node: Any, modules: dict[str, bytes]
) -> None:
    """One flipped bit, and the sha256 of the upload no longer fits."""
    fresh_node.upload("flipped", modules["mean"])
    part = fresh_node.data / "models/flipped/parts/00000"
    changed = bytearray(part.read_bytes())
    changed[100] ^= 1
    part.write_bytes(changed)
    assert "sha256" in fresh_node.deploy("flipped", state="failed")["reason"]


def test_no_thread_of_a_child_has_a_network(node: Any, modules: dict[str, bytes]) -> None:
    """Each is in a namespace that is not ours and has no interface but a loopback that is down."""
    if not node.client.get("/health").json()["isolated"]:
        pytest.skip("this system allows no network namespaces; /health says so")
    child = child_of(node, "networkless", modules)
    ours = Path("/proc/self/ns/net").readlink()
    theirs = {(task / "ns/net").readlink() for task in Path(f"/proc/{child.pid}/task").iterdir()}
    assert len(theirs) == 1
    assert ours not in theirs
    interfaces = Path(f"/proc/{child.pid}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    assert Path(f"/proc/{child.pid}/net/route").read_text().splitlines()[1:] == []


def test_a_child_has_no_files_and_no_rights(node: Any, modules: dict[str, bytes]) -> None:
    """Its root is an empty folder, it can write none, and it is nobody when we are root."""
    if not node.client.get("/health").json()["isolated"]:
        pytest.skip("this system allows no namespaces; /health says so")
    child = child_of(node, "fileless", modules)
    assert list(Path(f"/proc/{child.pid}/root").readlink().iterdir()) == []
    limits = limits_of(child)
    assert limits["Max file size"] == 0
    assert limits["Max core file size"] == 0
    assert limits["Max data size"] < 64 << 30
    status = Path(f"/proc/{child.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    if os.geteuid() == 0:
        assert set(child.uids()) == {65534}


def test_a_child_knows_nothing_of_our_environment(node: Any, modules: dict[str, bytes]) -> None:
    """Secrets may live there."""
    environment = child_of(node, "environment", modules).environ()
    assert set(environment) <= {
        "LC_CTYPE",
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TRIM_THRESHOLD_",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OMP_WAIT_POLICY",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
    }
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"


def child_of(node: Any, model_id: str, modules: dict[str, bytes]) -> psutil.Process:
    """The child process of a new deployment."""
    before = {child.pid for child in node.children()}
    node.upload(model_id, modules["mean"])
    node.deploy(model_id)
    [child] = [child for child in node.children() if child.pid not in before]
    assert isinstance(child, psutil.Process)
    return child


def limits_of(child: psutil.Process) -> dict[str, float]:
    """The hard limits of a process by their names in /proc."""
    limits = {}
    for line in Path(f"/proc/{child.pid}/limits").read_text().splitlines()[1:]:
        hard = line[47:67].strip()
        limits[line[:26].strip()] = math.inf if hard == "unlimited" else float(hard)
    return limits
