"""A run that dies in any of its operations on the disk goes on to the same bytes."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from crashing_runs import trained
from tiny_llama import write_tiny_llama

from esrag.model_files import check_manifest

_KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny base model."""
    return write_tiny_llama(tmp_path_factory.mktemp("crashes") / "tiny")


@pytest.fixture(scope="module")
def undisturbed(base: Path) -> tuple[dict[str, Any], int]:
    """What a run leaves that nobody killed, and its operations on the disk."""
    folder = base.parent / "undisturbed" / "run"
    code, operations = trained(base, folder)
    assert code == 0
    return _left(folder), operations


def _left(folder: Path) -> dict[str, Any]:
    """Sums of the adapter's files, the curve, and the folder's names."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("seconds", None)
    facts = json.loads((folder / "run.json").read_text())
    return {
        "status": facts["status"],
        "sha256": dict(check_manifest(folder / "adapter").sha256),
        "curve": lines,
        "best": facts["progress"]["best_step"],
        "names": sorted(str(path.relative_to(folder)) for path in folder.rglob("*")),
    }


def _whole_or_absent(folder: Path) -> bool:
    adapter = folder / "adapter"
    return not adapter.exists() or bool(check_manifest(adapter).sha256)


def test_killed_again_and_again(
    base: Path, undisturbed: tuple[dict[str, Any], int], tmp_path: Path
) -> None:
    """Deaths in the first checkpoint, in later ones and while publishing change nothing."""
    folder = tmp_path / "run"
    wanted, operations = undisturbed
    for place in (9, 31, operations // 2, 40):
        code, _ = trained(base, folder, dies_at=place)
        assert code in (_KILLED, 0)
        assert _whole_or_absent(folder)
    assert trained(base, folder)[0] == 0
    assert _left(folder) == wanted


@pytest.mark.long
def test_killed_in_every_operation(
    base: Path, undisturbed: tuple[dict[str, Any], int], tmp_path: Path
) -> None:
    """Wherever a run dies, the same command again ends with the same bytes and the same curve."""
    wanted, operations = undisturbed
    assert operations > 60
    for place in range(1, operations + 1):
        folder = tmp_path / str(place) / "run"
        assert trained(base, folder, dies_at=place)[0] == _KILLED
        assert _whole_or_absent(folder)
        assert trained(base, folder)[0] == 0
        assert _left(folder) == wanted, f"killed in operation {place} of {operations}"
        shutil.rmtree(folder)
