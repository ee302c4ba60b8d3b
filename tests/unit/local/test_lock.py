"""One command at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esrag.errors import ConflictError
from esrag.local import lock


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    """The message names the command and its process."""
    with (
        lock.held(tmp_path / "lock", doing="up"),
        pytest.raises(ConflictError, match=rf"esrag local up.*{os.getpid()}"),
        lock.held(tmp_path / "lock", doing="down"),
    ):
        pass


def test_the_lock_can_be_had_again(tmp_path: Path) -> None:
    """It ends with its block."""
    for doing in ("up", "down"):
        with lock.held(tmp_path / "lock", doing=doing):
            assert doing in (tmp_path / "lock").read_text()
