"""What a machine must offer."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.errors import UnsupportedError, UsageError
from esrag.local import machine
from esrag.local.machine import GIB


def test_too_little_memory_is_told_with_both_figures() -> None:
    """The reader sees how much is missing."""
    with pytest.raises(UnsupportedError, match=r"needs 3\.0 GiB.*has 1\.5 GiB"):
        machine.check_memory(3 * GIB, GIB * 3 // 2)


def test_enough_memory_passes() -> None:
    """Exactly enough is enough."""
    machine.check_memory(GIB, GIB)


def test_too_little_disk_is_told_with_both_figures(tmp_path: Path) -> None:
    """And with the folder that it is about."""
    with pytest.raises(UnsupportedError, match=rf"needs 3\.0 GiB.*{tmp_path}.*there is 1\.0 GiB"):
        machine.check_disk(tmp_path, 3 * GIB, GIB)


def test_the_uppermost_closed_folder_is_named(tmp_path: Path) -> None:
    """That is the one to open or to avoid."""
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o700)
    (tmp_path / "closed").chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o001 == 0:
            return  # the temporary folder itself is closed: nothing to tell apart here
    assert machine.closed_folder(inner) == tmp_path / "closed"


def test_a_closed_data_folder_is_refused_for_another_account(tmp_path: Path) -> None:
    """Elasticsearch could not read its own files."""
    tmp_path.chmod(0o700)
    with pytest.raises(UsageError, match="may not enter"):
        machine.check_reachable(tmp_path / "local", user=60_929)


def test_our_own_account_needs_no_open_folders(tmp_path: Path) -> None:
    """Without root nothing changes hands."""
    tmp_path.chmod(0o700)
    machine.check_reachable(tmp_path / "local", user=None)
