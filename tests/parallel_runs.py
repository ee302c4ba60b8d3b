"""How tests are dealt out when pytest-xdist runs several workers; `make test` does.

Each worker has a stack of its own, so that tests need not know of each other.  What shares an
expensive fixture goes to one worker, heavy groups go first, and unit tests fill the gaps.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
# Folders whose tests share fixtures that take long to make.
_TOGETHER = ("contract/mlnode", "contract/tgi", "conformance/clients", "conformance/oracle")
# Whoever ends up with these has most to do, so they are dealt out first.
_FIRST = ("conformance/clients", "end_to_end", "conformance", "contract/mlnode", "contract")
_SOFTWARE = "esrag_software"


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


class SharedSoftware:
    """A folder for downloads and compiled plugins that lasts as long as the run."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def of(self, config: pytest.Config) -> Path:
        """The folder; made by whoever is no worker."""
        if is_worker(config):
            return Path(config.workerinput[_SOFTWARE])
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="esrag-software-"))
            self._folder.chmod(0o755)  # Elasticsearch runs under another account when we are root
        return self._folder

    def tell(self, worker_input: dict[str, object], config: pytest.Config) -> None:
        """Let a worker know where it is."""
        worker_input[_SOFTWARE] = str(self.of(config))

    def remove(self) -> None:
        """The run is over."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
