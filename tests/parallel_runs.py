"""How tests are dealt out when pytest-xdist runs several workers; `make test` does.

Each worker has a stack of its own, so that tests need not know of each other.  What shares an
expensive fixture goes to one worker, what takes long goes first, and unit tests fill the gaps.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).resolve().parent
# Folders whose tests share fixtures that take long to make.
_TOGETHER = (
    *("contract/asking", "contract/mlnode", "contract/tgi"),
    *("conformance/clients", "conformance/oracle"),
)
# Whoever ends up with these has most to do, so they are dealt out first.
_FIRST = ("conformance/clients", "end_to_end", "conformance", "contract/mlnode", "contract")
_BASIC = re.compile(r"\b(basic_stack|basic_es|basic_prefix|unlicensed)\b")
_FOLDER = "esrag_run_folder"
_AT_WORK = 7  # the exit code of a conflict
_LONGEST_START = 120.0


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of several."""
    return hasattr(config, "workerinput")


class BySharedFixtures(LoadScopeScheduling):
    """Deals out files, or what is kept together, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of_work(nodeid.split("::", 1)[0], self.config.rootpath)


def unit_of_work(file: str, root: Path) -> str:
    """What goes to one worker as a whole: a file, a folder, or all that need a Basic licence."""
    path = root / file
    if path.is_relative_to(TESTS):
        folder = path.parent.relative_to(TESTS).as_posix()
        if folder in _TOGETHER:
            return folder
        if folder.split("/")[0] in ("contract", "conformance") and _needs_basic(path):
            return "basic"
    return file


@cache
def _needs_basic(path: Path) -> bool:
    """By its text, as whoever deals out has not collected; a wrong guess costs a second stack."""
    return bool(_BASIC.search(path.read_text(encoding="utf-8")))


def put_slow_first(items: list[pytest.Item]) -> None:
    """Order by what takes longest; within a rank the random order stays."""
    items.sort(key=_rank)


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
