"""The registry: what is kept under a name, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from esrag.adapters.new_folders import new_folder
from esrag.adapters.registry import Base, Registry
from esrag.disk import held
from esrag.errors import ConflictError, UnavailableError, UnsupportedError, UsageError
from esrag.model_files import check_manifest, weights_fingerprint, write_manifest
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_llama import write_tiny_llama


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """The base model."""
    return Base("tiny", write_tiny_llama(tmp_path / "base"))


@pytest.fixture
def adapter(tmp_path: Path, base: Base) -> Path:
    """An adapter that may be registered."""
    return write_tiny_adapter(tmp_path / "adapter", base.folder)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry."""
    return Registry(tmp_path / "adapters")


def reweighted(folder: Path, **changes: Any) -> None:
    """Apply functions to the tensors whose names end so."""
    file = folder / "adapter_model.safetensors"
    tensors = {
        name: next((change(v) for end, change in changes.items() if end in name), v)
        for name, v in load_file(file).items()
    }
    save_file(tensors, file)


def test_an_adapter_is_kept_with_its_story(
    registry: Registry, adapter: Path, base: Base, tmp_path: Path
) -> None:
    """The copy is whole, and says its base and the documents that taught it."""
    fingerprint = weights_fingerprint(base.folder)
    facts = {
        "base": {"model": "tiny", "fingerprint": fingerprint},
        "data": {"documents": ["d1", "d2"]},
    }
    (adapter / "notes.txt").write_text("not needed to serve it")
    write_manifest(adapter, facts=facts)
    added = registry.add("release-notes", adapter, base)
    assert (added.was_there, added.replaced) == (False, False)
    kept = registry.find("release-notes")
    assert (kept.base, kept.base_fingerprint) == ("tiny", fingerprint)
    assert kept.documents == ("d1", "d2")
    assert sorted(path.name for path in kept.folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "manifest.json",
    ]
    check_manifest(kept.folder)
    assert registry.names() == ("release-notes",)


def test_the_same_adapter_again_changes_nothing(
    registry: Registry, adapter: Path, base: Base
) -> None:
    """Another one of the name is refused, and with replace takes its place."""
    registry.add("a", adapter, base)
    before = registry.find("a")
    assert registry.add("a", adapter, base).was_there
    assert registry.find("a") == before
    reweighted(adapter, lora_B=lambda values: values * 2)
    with pytest.raises(ConflictError, match="called a"):
        registry.add("a", adapter, base)
    assert registry.add("a", adapter, base, replace=True).replaced
    assert registry.find("a").sha256 != before.sha256


def test_an_adapter_of_other_weights_is_refused_unless_told(
    registry: Registry, adapter: Path, base: Base, tmp_path: Path
) -> None:
    """The same shape is not the same model."""
    write_manifest(adapter, facts={"base": {"model": "tiny", "fingerprint": "0" * 64}})
    with pytest.raises(UnsupportedError, match="other weights"):
        registry.add("a", adapter, base)
    registry.add("a", adapter, base, other_base=True)
    assert registry.find("a").manifest.facts["trained_on"] == "0" * 64


def test_a_file_that_changed_after_training_is_refused(
    registry: Registry, adapter: Path, base: Base
) -> None:
    """By the manifest that the training wrote."""
    write_manifest(adapter, facts={})
    reweighted(adapter, lora_B=lambda values: values * 2)
    with pytest.raises(UnsupportedError, match=r"adapter_model\.safetensors changed"):
        registry.add("a", adapter, base)
    assert registry.names() == ()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(
    registry: Registry, adapter: Path, base: Base, value: float
) -> None:
    """A training that went wrong is not served."""
    reweighted(adapter, **{"1.mlp.up_proj.lora_A": lambda values: values * value})
    with pytest.raises(UnsupportedError, match="no numbers"):
        registry.add("a", adapter, base)


def test_an_adapter_without_effect_is_refused(
    registry: Registry, adapter: Path, base: Base
) -> None:
    """It was saved before its first step."""
    reweighted(adapter, lora_B=lambda values: values * 0)
    with pytest.raises(UnsupportedError, match="changes nothing"):
        registry.add("a", adapter, base)


@pytest.mark.parametrize(
    "name", ["", "tgi", "TGI", "../x", "a b", ".a", "-a", "x" * 64, "a=b", "a,b"]
)
def test_a_name_that_leads_elsewhere_is_refused(
    registry: Registry, adapter: Path, base: Base, name: str
) -> None:
    """Names become folders, parts of a line and models to ask for."""
    with pytest.raises(UsageError, match="cannot name"):
        registry.add(name, adapter, base)


def test_names_that_would_share_an_endpoint_are_refused(
    registry: Registry, adapter: Path, base: Base
) -> None:
    """An inference endpoint has small letters and dashes only."""
    registry.add("Release.Notes", adapter, base)
    with pytest.raises(ConflictError, match=r"Release\.Notes"):
        registry.add("release-notes", adapter, base)


def test_an_unknown_name_is_told_with_those_there_are(
    registry: Registry, adapter: Path, base: Base
) -> None:
    """So that a slip of the pen is seen."""
    with pytest.raises(UsageError, match="no adapter a\n"):
        registry.find("a")
    registry.add("b", adapter, base)
    with pytest.raises(UsageError, match="there are b"):
        registry.remove("a")


def test_a_removed_adapter_is_gone(registry: Registry, adapter: Path, base: Base) -> None:
    """Its name is free again."""
    registry.add("a", adapter, base)
    registry.remove("a")
    assert registry.names() == ()
    assert not registry.add("a", adapter, base).was_there


def test_two_commands_do_not_change_the_registry_at_once(
    registry: Registry, adapter: Path, base: Base
) -> None:
    """The second is told to wait."""
    with (
        held(registry.folder, taken="held", hint=""),
        pytest.raises(ConflictError, match="another"),
    ):
        registry.add("a", adapter, base)


def test_a_failed_replacement_leaves_what_was_there(
    registry: Registry, adapter: Path, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs the new adapter, not the old one."""
    registry.add("a", adapter, base)
    before = registry.find("a")
    reweighted(adapter, lora_B=lambda values: values * 2)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("esrag.adapters.registry.write_manifest", full)
    with pytest.raises(UnavailableError, match="No space left"):
        registry.add("a", adapter, base, replace=True)
    assert registry.find("a") == before
    assert {path.name for path in registry.folder.iterdir()} == {"a", ".lock"}


def test_a_replacement_that_was_killed_loses_nothing(
    registry: Registry, adapter: Path, base: Base
) -> None:
    """Between putting the old aside and naming the new, the next command puts the old back."""
    registry.add("a", adapter, base)
    before = registry.find("a")
    before.folder.rename(registry.folder / ".a.replaced")
    assert registry.add("a", adapter, base).was_there
    assert registry.find("a") == before


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    """By the next one that makes the same folder; that of a living one stays."""
    dead, alive = tmp_path / ".a.part-999999999", tmp_path / ".a.part-1"
    dead.mkdir()
    alive.mkdir()
    with new_folder(tmp_path / "a") as working:
        (working / "file").write_text("x")
    assert {path.name for path in tmp_path.iterdir()} == {"a", alive.name}


def test_a_folder_that_another_command_made_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """The later of two is told, and leaves nothing of its own."""
    theirs = tmp_path / "a" / "theirs"
    with pytest.raises(ConflictError, match="by another command"), new_folder(tmp_path / "a"):
        theirs.mkdir(parents=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_wrong_probes_are_refused(registry: Registry, adapter: Path, base: Base) -> None:
    """A proof would compare with nonsense later."""
    (adapter / "probe.json").write_text(json.dumps({"format": 1, "probes": [{"messages": []}]}))
    with pytest.raises(UnsupportedError, match=r"probe\.json"):
        registry.add("a", adapter, base)
