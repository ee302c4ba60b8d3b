"""A small bundle, and back-off without the wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.bundle import ModelBundle
from esrag.cluster import retry
from esrag.testing_elasticsearch import fake_bundle


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off without the wait."""
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.0)
    monkeypatch.setattr(retry, "TRIES", 2)


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    """A small bundle in two parts."""
    return fake_bundle(tmp_path / "bundle", size=1_100_000)
