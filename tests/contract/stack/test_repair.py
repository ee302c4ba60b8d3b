"""Killed servers: ``status`` names them, ``up`` repairs them, and nothing stored is lost."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from ml_calls import Caller, make_definition, upload, vector_of

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack
    from elasticsearch import Elasticsearch


def status(stack: Stack) -> dict[str, dict[str, Any]]:
    """What ``status --json`` says, by name."""
    answer = stack.esrag("local", "status", "--json")
    return {one["name"]: one for one in json.loads(answer.stdout)}


def kill(pid: int) -> None:
    """End a process as a crash would, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("member", "process"),
    [
        ("elasticsearch", "server"),
        ("elasticsearch", "launcher"),
        ("mlnode", "server"),
        ("tgi", "server"),
    ],
)
def test_a_killed_process_is_named_and_repaired(
    stack: Stack, es: Elasticsearch, prefix: str, member: str, process: str
) -> None:
    """The others stay, the address stays, and the document is still there."""
    es.index(index=f"{prefix}-kept", id="1", document={"a": 1}, refresh=True)
    before = status(stack)
    kill(before[member]["pids"][process])

    told = stack.esrag("local", "status")
    assert told.returncode == 4
    assert f"{member}: process gone" in told.stderr

    repaired = stack.esrag("local", "up", "--fast-start")
    assert repaired.returncode == 0, repaired.stderr
    after = status(stack)
    assert {name: one["url"] for name, one in after.items()} == {
        name: one["url"] for name, one in before.items()
    }
    untouched = set(before) - {member}
    assert {n: after[n]["pids"] for n in untouched} == {n: before[n]["pids"] for n in untouched}
    assert es.get(index=f"{prefix}-kept", id="1")["found"]


def test_deployments_run_again_when_up_returns(stack: Stack, prefix: str, tmp_path: Path) -> None:
    """The next question finds its model."""
    login = (stack.username, stack.password)
    with httpx.Client(base_url=stack.elasticsearch_url, auth=login, timeout=60) as client:
        admin = Caller(client)
        upload(admin, prefix, make_definition(tmp_path / "module.pt"))
        admin.ok("POST", f"/_ml/trained_models/{prefix}/deployment/_start?wait_for=started")
        before = vector_of(admin, prefix, "a b")
        kill(status(stack)["mlnode"]["pids"]["server"])
        assert stack.esrag("local", "up").returncode == 0
        assert vector_of(admin, prefix, "a b") == before


def test_up_leaves_running_members_alone(stack: Stack) -> None:
    """A second ``up`` changes no process."""
    before = {name: one["pids"] for name, one in status(stack).items()}
    assert stack.esrag("local", "up").returncode == 0
    assert {name: one["pids"] for name, one in status(stack).items()} == before
