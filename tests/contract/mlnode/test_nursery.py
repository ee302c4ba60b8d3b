"""Where children come from: forked, adopted, and none the worse when that process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

SCRIPT = """
import os, socket, time
from pathlib import Path
from esrag.local.mlnode.frames import receive_frame, send_frame
from esrag.local.mlnode.nursery import Nursery

def forerunners():
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in own if Path(f"/proc/{pid}/comm").read_text() == "esrag-nursery\\n"]

def child(nursery):
    ours, theirs = socket.socketpair()
    with theirs:
        return ours, nursery.child([theirs.fileno()])

nursery = Nursery(idle_seconds=0.2)
_, unwanted = child(nursery)
unwanted.kill()
print("killed on its way", unwanted.wait())
control, first = child(nursery)
control.close()
print("parent hung up", first.wait())
deadline = time.monotonic() + 20
while forerunners() and time.monotonic() < deadline:
    time.sleep(0.05)
print("after a while", len(forerunners()))
control, second = child(nursery)
time.sleep(0.1)
nursery.close()
print("closed", len(forerunners()), second.wait() <= 0)
try:
    child(nursery)
except OSError as error:
    print(error)
"""


def test_children_arrive_end_and_are_collected() -> None:
    """Each ending is told, and nothing is kept when nobody asks for a while."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == [
        "killed on its way -9",
        "parent hung up 0",
        "after a while 0",
        "closed 0 True",
        "the process is ending",
    ], done.stderr


def test_a_lost_nursery_takes_no_deployment_with_it(
    fresh_node: Any, modules: dict[str, bytes]
) -> None:
    """The one that runs goes on, and the next finds another nursery."""
    fresh_node.upload("m", modules["mean"])
    fresh_node.deploy("m")
    before = fresh_node.infer("m", "a b").json()
    nurseries = [child for child in fresh_node.processes() if child.name() == "esrag-nursery"]
    assert len(nurseries) == 1
    nurseries[0].kill()
    psutil.wait_procs(nurseries, timeout=10)
    assert fresh_node.infer("m", "a b").json() == before
    fresh_node.upload("n", modules["mean"])
    fresh_node.deploy("n")
    assert fresh_node.infer("n", "a b").json() == before
    assert len(fresh_node.children()) == 2


def test_children_of_one_nursery_share_no_socket_with_it(
    fresh_node: Any, modules: dict[str, bytes]
) -> None:
    """What a module runs in cannot ask for further children, nor listen to its neighbours."""
    for name in ("m", "n"):
        fresh_node.upload(name, modules["mean"])
        fresh_node.deploy(name)
    [nursery] = [one for one in fresh_node.processes() if one.name() == "esrag-nursery"]
    held = [sockets_of(process) for process in (nursery, *fresh_node.children())]
    assert all(held)
    assert not held[0] & held[1]
    assert not held[0] & held[2]
    assert not held[1] & held[2]


def sockets_of(process: psutil.Process) -> set[str]:
    """The sockets that a process holds, by inode."""
    found = set()
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:"):
            found.add(target)
    return found
