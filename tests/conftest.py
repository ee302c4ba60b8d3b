"""What every test gets: a clean environment, and the marker that its directory stands for.

Nothing here starts a process; ``tests/contract/conftest.py`` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esrag.settings import default_data_dir

TESTS = Path(__file__).resolve().parent
LEVELS = ("contract", "end_to_end", "docs")

# looked up before the environment is scrubbed
_NAMED_CACHE = os.environ.get("ESRAG_TEST_CACHE")
_OWN_SOFTWARE = default_data_dir() / "local" / "software"
_IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the marker of its directory: contract, end_to_end or docs."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            level = item.path.relative_to(TESTS).parts[0]
            if level in LEVELS:
                item.add_marker(level)


@pytest.fixture(autouse=True, scope="session")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No ESRAG_* variable of the developer's reaches a test; data goes to a temporary folder."""
    patch = pytest.MonkeyPatch()
    for name in list(os.environ):
        if name.startswith("ESRAG_"):
            patch.delenv(name)
    patch.setenv("ESRAG_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def shared_software() -> Path | None:
    """Downloads and unpacked programs that a stack of the tests may use, if there are any.

    ESRAG_TEST_CACHE names the folder, and then it is made; else it is the developer's own.
    """
    if _NAMED_CACHE:
        return Path(_NAMED_CACHE).resolve()
    return _OWN_SOFTWARE if os.access(_OWN_SOFTWARE, os.W_OK) else None


@pytest.fixture(scope="session")
def cannot_start(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Called with a level and a reason: skips on a desk, fails in CI or if the level was named."""

    def give_up(level: str, reason: str) -> None:
        asked_for = f"{request.config.getoption('markexpr')} {' '.join(request.config.args)}"
        if _IN_CI or level in asked_for:
            pytest.fail(f"the level {level} cannot start: {reason}", pytrace=False)
        pytest.skip(f"the level {level} cannot start: {reason}")

    return give_up
