"""``esrag adapter`` registers, lists, merges and removes; no generator is running here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esrag.cli import cli
from esrag.cli.adapter_choice import model_or_adapter, require_adapter
from esrag.errors import UnavailableError, UsageError
from esrag.model_files import weights_fingerprint, write_manifest
from esrag.settings import load_settings
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_llama import write_tiny_llama


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a configured base model."""
    base = write_tiny_llama(tmp_path / "base")
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ESRAG_TRAINING_BASE_MODEL", str(base))
    return tmp_path


def call(*arguments: str) -> Result:
    """The command with the group ``adapter``; raises what it raises."""
    return CliRunner().invoke(cli, ["adapter", *arguments], catch_exceptions=False)


def test_a_run_is_registered_by_its_name(data: Path) -> None:
    """Its adapter is found in the run's folder, and is called as the run."""
    write_tiny_adapter(data / "data" / "runs" / "manual" / "adapter", data / "base")
    assert "manual  registered  lora of rank 4" in call("add", "manual", "--no-load").stdout
    assert "manual  was there already" in call("add", "manual", "--no-load").stdout


def test_the_configured_base_is_taken_when_its_weights_are_those_of_the_training(
    data: Path,
) -> None:
    """The packaged model goes by an id in manifests that leads to other weights."""
    adapter = write_tiny_adapter(data / "adapter", data / "base")
    base = {"model": "org/base", "fingerprint": weights_fingerprint(data / "base")}
    write_manifest(adapter, facts={"base": base})
    told = json.loads(call("add", str(adapter), "--name", "a", "--no-load", "--json").stdout)
    assert told["base"] == str(data / "base")


def test_another_base_than_the_configured_one_is_found_by_its_name(data: Path) -> None:
    """When the weights are not those of the training."""
    other = write_tiny_llama(data / "other", seed=9)
    adapter = write_tiny_adapter(data / "adapter", other)
    base = {"model": str(other), "fingerprint": weights_fingerprint(other)}
    write_manifest(adapter, facts={"base": base})
    told = json.loads(call("add", str(adapter), "--name", "a", "--no-load", "--json").stdout)
    assert told["base"] == str(other)


def test_what_is_merged_is_reported(data: Path) -> None:
    """A folder, and by the name of the output a GGUF file."""
    write_tiny_adapter(data / "manual", data / "base")
    call("add", str(data / "manual"), "--no-load")
    told = json.loads(call("merge", "manual", "--output", str(data / "merged"), "--json").stdout)
    assert (told["format"], told["dtype"], told["modules_changed"]) == (
        "safetensors",
        "float32",
        14,
    )
    assert told["beyond_rounding"] <= 1e-5
    call("merge", "manual", "--output", str(data / "manual.gguf"))
    assert (data / "manual.gguf").read_bytes()[:4] == b"GGUF"


def test_a_damaged_adapter_is_listed_with_what_is_wrong(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are listed beside it."""
    monkeypatch.setenv("ESRAG_GENERATOR_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("esrag.adapters.serving.standing", _nobody)
    write_tiny_adapter(data / "manual", data / "base")
    for name in ("good", "bad"):
        call("add", str(data / "manual"), "--name", name, "--no-load")
    (data / "data" / "adapters" / "bad" / "adapter_model.safetensors").write_bytes(b"x" * 20)
    listed = json.loads(call("list", "--json").stdout)
    assert [(one["name"], "error" in one) for one in listed] == [("bad", True), ("good", False)]
    assert listed[1]["served"] is None


def test_an_adapter_to_answer_with_must_be_registered(data: Path) -> None:
    """And --model and --adapter exclude each other."""
    with pytest.raises(UsageError, match="no adapter manual"):
        require_adapter(load_settings(), "manual")
    with pytest.raises(UsageError, match="--adapter"):
        model_or_adapter("a", "b")
    assert (model_or_adapter(None, "b"), model_or_adapter("a", None)) == ("b", "a")


def _nobody(generator: object) -> None:
    raise UnavailableError("nobody is there")
