"""Starting and ending, shown with the smallest member in a stack of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()", "local"]
SMALL = ("up", "--only", "mlnode", "--force")


class Small:
    """A stack of which only the ML node process is started."""

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir / "local"
        self.environment = {**os.environ, "ESRAG_DATA_DIR": str(data_dir)}

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command; ``settings`` are further variables."""
        return subprocess.run(
            [*COMMAND, *arguments],
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def processes(self) -> list[int]:
        """Every process that this stack has started."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                own = process.environ().get("_ESRAG_LOCAL_STACK", "").startswith(f"{self.root}::")
                if own and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return found


@pytest.fixture
def small(run_folder: Path) -> Iterator[Small]:
    """Ended after the test, whatever happened."""
    data_dir = Path(tempfile.mkdtemp(prefix="small-", dir=run_folder))
    data_dir.chmod(0o755)
    stack = Small(data_dir)
    yield stack
    stack.run("down")
    assert stack.processes() == []
    shutil.rmtree(data_dir)


def test_down_leaves_no_process_and_keeps_the_data(small: Small) -> None:
    """Only ``reset`` removes what was stored."""
    assert small.run(*SMALL).returncode == 0
    assert small.processes()
    assert small.run("down").returncode == 0
    assert small.processes() == []
    assert (small.root / "data" / "mlnode").is_dir()
    assert not (small.root / "connection.json").exists()


def test_reset_removes_the_data(small: Small) -> None:
    """And ends what runs."""
    assert small.run(*SMALL).returncode == 0
    assert small.run("reset", "--yes").returncode == 0
    assert (small.processes(), (small.root / "data").exists()) == ([], False)


def test_reset_asks_first(small: Small) -> None:
    """No answer means no."""
    assert small.run(*SMALL).returncode == 0
    assert small.run("reset").returncode == 130
    assert small.processes()


def test_a_taken_configured_port_is_refused(small: Small) -> None:
    """The message names port and setting, and nothing is started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        answer = small.run(*SMALL, ESRAG_LOCAL_MLNODE_PORT=port)
    assert answer.returncode == 7
    assert port in answer.stderr
    assert "local.mlnode_port" in answer.stderr
    assert small.processes() == []


def test_a_process_that_lost_its_record_is_found(small: Small) -> None:
    """A damaged state file leaves no orphan."""
    assert small.run(*SMALL).returncode == 0
    (small.root / "stack.json").write_text("{")
    assert small.run("down").returncode == 0
    assert small.processes() == []


def test_a_reused_process_number_is_left_alone(small: Small) -> None:
    """The record names this test's own process with another start time: it must survive."""
    assert small.run(*SMALL).returncode == 0
    state = json.loads((small.root / "stack.json").read_text())
    recorded = state["members"]["mlnode"]["processes"]["server"]
    recorded["pid"] = os.getpid()
    (small.root / "stack.json").write_text(json.dumps(state))
    assert small.run("down").returncode == 0
    assert small.processes() == []


def test_two_at_once_is_a_conflict(small: Small) -> None:
    """The second is told who is at work."""
    small.root.mkdir(parents=True)
    with (small.root / "lock").open("w") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        answer = small.run(*SMALL)
    assert answer.returncode == 7
    assert "is at work on" in answer.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_up_ends_what_it_started(small: Small, number: signal.Signals, code: int) -> None:
    """Stopped as soon as the member's process exists; a rerun works."""
    command = subprocess.Popen(
        [*COMMAND, *SMALL], env=small.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with command:
        deadline = time.monotonic() + 60
        while not small.processes() and time.monotonic() < deadline:
            time.sleep(0.01)
        command.send_signal(number)
        command.communicate(timeout=60)
    assert command.returncode == code
    assert small.processes() == []
    assert small.run(*SMALL).returncode == 0


def test_a_member_that_cannot_start_is_shown_with_its_log(small: Small) -> None:
    """The reason is on the screen, not only in a file."""
    (small.root / "data").mkdir(parents=True)
    answer = small.run("up", "--only", "tgi", "--force", ESRAG_LOCAL_TGI_MODEL="/nowhere/model")
    assert answer.returncode == 4
    assert "/nowhere/model" in answer.stderr
    assert str(small.root / "logs" / "tgi.log") in answer.stderr
    assert small.processes() == []
