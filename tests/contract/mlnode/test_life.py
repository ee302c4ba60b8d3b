"""Starting, ending and being killed."""

from __future__ import annotations

import concurrent.futures
import signal
import subprocess
import time
from typing import Any

import httpx
import psutil
import pytest


def test_a_killed_child_is_noticed_at_once_and_started_again(
    fresh_node: Any, modules: dict[str, bytes]
) -> None:
    """Those who wait are refused within a second; afterwards all is well again."""
    fresh_node.upload("m", modules["slow"])
    fresh_node.deploy("m")
    [child] = fresh_node.children()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = pool.submit(fresh_node.infer, "m", "slow " * 100)
        while fresh_node.describe("m")["number_of_pending_requests"] < 1:
            assert not running.done()
        waiting = pool.submit(fresh_node.infer, "m", "a", "b")
        while fresh_node.describe("m")["number_of_pending_requests"] < 3:
            assert not waiting.done()
        killed = time.monotonic()
        child.kill()
        responses = [running.result(), waiting.result()]
        assert time.monotonic() - killed < 1.0
    for response in responses:
        assert (response.status_code, response.json()["error"]["type"]) == (503, "failed")
    assert "SIGKILL" in responses[1].json()["error"]["reason"]
    fresh_node.wait_for("m", "started")
    assert fresh_node.infer("m", "a").status_code == 200
    assert fresh_node.children() != [child]


def test_children_end_with_a_killed_process_and_come_back_with_the_next(
    fresh_node: Any, modules: dict[str, bytes]
) -> None:
    """kill -9 of the process, in the middle of a batch; then the same data folder again."""
    fresh_node.upload("m", modules["mean"])
    fresh_node.deploy("m")
    before = fresh_node.infer("m", "a b c").json()
    children = fresh_node.children()
    fresh_node.end(signal.SIGKILL)
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert len(gone) == 1
    assert alive == []
    fresh_node.start()
    fresh_node.wait_for("m", "started")
    assert fresh_node.infer("m", "a b c").json() == before


def test_an_upload_cut_off_by_a_kill_can_be_continued(
    fresh_node: Any, modules: dict[str, bytes]
) -> None:
    """What was acknowledged is there; the missing part completes it."""
    definition = modules["mean"]
    half = len(definition) // 2
    totals = {"total_parts": 2, "total_definition_length": len(definition)}
    fresh_node.client.put("/models/m", json={})
    fresh_node.client.put("/models/m/definition/0", params=totals, content=definition[:half])
    fresh_node.end(signal.SIGKILL)
    fresh_node.start()
    stored = fresh_node.client.get("/models/m").json()["definition"]
    assert (stored["parts_stored"], stored["complete"]) == (1, False)
    response = fresh_node.client.put(
        "/models/m/definition/1", params=totals, content=definition[half:]
    )
    assert response.json() == {"complete": True}


def test_sigterm_ends_cleanly_within_two_seconds(
    fresh_node: Any, modules: dict[str, bytes]
) -> None:
    """Though a batch runs and a caller waits, who is told; no child is left."""
    fresh_node.upload("m", modules["slow"])
    fresh_node.deploy("m")
    children = fresh_node.processes()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(fresh_node.infer, "m", "slow " * 400)
        while fresh_node.describe("m")["number_of_pending_requests"] < 1:
            assert not waiting.done()
        asked = time.monotonic()
        code = fresh_node.end(signal.SIGTERM)
        assert time.monotonic() - asked < 2.0
        assert code == 0
        assert not [child for child in children if child.is_running()]
        answer = outcome(waiting)
    assert answer in ("409", "503", "connection closed")


def outcome(waiting: concurrent.futures.Future[httpx.Response]) -> str:
    """The status of an answer, or that there is none."""
    try:
        return str(waiting.result().status_code)
    except httpx.TransportError:
        return "connection closed"


def test_sigterm_while_a_child_is_loading(fresh_node: Any, modules: dict[str, bytes]) -> None:
    """There is nothing to wait for."""
    fresh_node.upload("m", modules["mean"])
    fresh_node.deploy("m", state="starting")
    children = fresh_node.processes()
    asked = time.monotonic()
    assert fresh_node.end(signal.SIGTERM) == 0
    assert time.monotonic() - asked < 2.0
    assert not [child for child in children if child.is_running()]


def test_stopping_a_deployment_ends_its_child(fresh_node: Any, modules: dict[str, bytes]) -> None:
    """Before the answer comes."""
    fresh_node.upload("m", modules["mean"])
    fresh_node.deploy("m")
    assert fresh_node.client.delete("/deployments/m").status_code == 200
    assert fresh_node.children() == []


@pytest.mark.parametrize("taken", ["folder", "port"])
def test_a_second_process_is_turned_away(node: Any, taken: str, tmp_path: Any) -> None:
    """Exit code 7 and a sentence that names what is taken."""
    command = node.command()
    if taken == "folder":
        command[command.index("--port") + 1] = "0"
    else:
        command[command.index("--data") + 1] = str(tmp_path)
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 7
    assert str(node.data if taken == "folder" else node.port) in second.stderr
    assert "Traceback" not in second.stderr
