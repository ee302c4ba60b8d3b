"""Manifests: what a folder held when it was made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.errors import UnsupportedError
from esrag.model_files import (
    check_manifest,
    read_manifest,
    weights_fingerprint,
    write_manifest,
)
from tests.tiny_llama import write_tiny_llama


def test_a_manifest_is_read_back_and_holds(tmp_path: Path) -> None:
    """With the facts that its maker gave."""
    model = write_tiny_llama(tmp_path)
    written = write_manifest(model, facts={"kind": "model"})
    assert check_manifest(model) == read_manifest(model) == written
    assert written.facts == {"kind": "model"}
    assert "model.safetensors" in written.sha256


@pytest.mark.parametrize("gone", [True, False])
def test_a_changed_or_missing_file_is_named(tmp_path: Path, gone: bool) -> None:
    """Whoever changed it."""
    model = write_tiny_llama(tmp_path)
    write_manifest(model, facts={})
    (model / "config.json").unlink() if gone else (model / "config.json").write_text("{}")
    with pytest.raises(UnsupportedError, match=r"config\.json changed"):
        check_manifest(model)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", ""])
def test_a_manifest_names_no_file_elsewhere(tmp_path: Path, name: str) -> None:
    """It would say what other files hold."""
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "sha256": {name: "0"}}))
    with pytest.raises(UnsupportedError, match="outside"):
        read_manifest(tmp_path)


def test_the_fingerprint_tells_weights_apart(tmp_path: Path) -> None:
    """By their content, not by where they lie or what is beside them."""
    one = write_tiny_llama(tmp_path / "one")
    same = write_tiny_llama(tmp_path / "same")
    (same / "README.md").write_text("read me")
    other = write_tiny_llama(tmp_path / "other", seed=1)
    assert weights_fingerprint(one) == weights_fingerprint(same)
    assert weights_fingerprint(one) != weights_fingerprint(other)
