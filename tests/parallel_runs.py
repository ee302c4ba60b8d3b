"""How tests are dealt out when pytest-xdist runs several workers; `make test` does.

Each worker has a stack of its own, so that tests need not know of each other.  What shares an
expensive fixture goes to one worker, heavy groups go first, and unit tests fill the gaps.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
# Folders whose tests share fixtures that take long to make.
_TOGETHER = ("contract/mlnode", "contract/tgi", "conformance/clients", "conformance/oracle")
# Whoever ends up with these has most to do, so they are dealt out first.
_FIRST = ("conformance/clients", "end_to_end", "conformance", "contract/mlnode", "contract")
_FOLDER = "esrag_run_folder"
_AT_WORK = 7  # the exit code of a conflict
_LONGEST_START = 120.0


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of several."""
    return hasattr(config, "workerinput")


def deal_out(items: list[pytest.Item]) -> None:
    """Mark what belongs together, and put what takes longest first."""
    for item in items:
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_rank)  # stable: within a rank the random order stays


def _group(item: pytest.Item) -> str:
    """What goes to the same worker; nothing for a test that may go anywhere."""
    if "basic_stack" in getattr(item, "fixturenames", ()):
        return "basic"
    folder = item.path.parent.relative_to(TESTS).as_posix()
    if folder in _TOGETHER:
        return folder
    if folder.split("/")[0] in ("contract", "conformance", "end_to_end"):
        return item.path.stem
    return ""


def _rank(item: pytest.Item) -> int:
    path = item.path.relative_to(TESTS).as_posix()
    found = [rank for rank, folder in enumerate(_FIRST) if path.startswith(f"{folder}/")]
    return min(found, default=len(_FIRST))


class RunFolder:
    """A folder that lasts as long as the run, below which all its workers keep their stacks."""

    def __init__(self) -> None:
        self._made: Path | None = None

    def of(self, config: pytest.Config) -> Path:
        """The folder; made by whoever is no worker."""
        if is_worker(config):
            return Path(config.workerinput[_FOLDER])
        if self._made is None:
            self._made = Path(tempfile.mkdtemp(prefix="esrag-tests-"))
            self._made.chmod(0o755)  # Elasticsearch runs under another account when we are root
        return self._made

    def remove(self) -> None:
        """End what an interrupted worker left running, and remove everything."""
        if self._made is None:
            return
        for stack in self._made.glob("*/local"):
            _end(stack.parent)
        shutil.rmtree(self._made, ignore_errors=True)


def tell_worker(worker_input: dict[str, object], folder: Path) -> None:
    """Let a worker know where the folder of the run is."""
    worker_input[_FOLDER] = str(folder)


def _end(data_dir: Path) -> None:
    """Stop a stack; one that is on its way up holds its lock until it is there."""
    deadline = time.monotonic() + _LONGEST_START
    while time.monotonic() < deadline:
        done = subprocess.run(
            [sys.executable, "-c", "from esrag.cli import main; main()", "local", "down"],
            env={**os.environ, "ESRAG_DATA_DIR": str(data_dir)},
            capture_output=True,
            check=False,
        )
        if done.returncode != _AT_WORK:
            return
        time.sleep(1.0)
