"""Which model is meant, and which folders are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from esrag.base_models import gguf
from esrag.base_models.source import find_model
from esrag.errors import UnavailableError, UnsupportedError, UsageError
from esrag.local.tgi import machine, server
from esrag.model_files import check_model_folder


def folder_with(path: Path, config: dict[str, object], *files: str) -> Path:
    """A model folder whose weight files hold no tensors."""
    (path / "config.json").write_text(json.dumps(config))
    for name in files:
        (path / name).write_bytes(b"\2\0\0\0\0\0\0\0{}")
    return path


def test_a_folder_with_safetensors_is_taken(tmp_path: Path) -> None:
    """Its id is the name as given."""
    folder_with(tmp_path, {"model_type": "llama"}, "model.safetensors")
    found = find_model(str(tmp_path), data_dir=tmp_path)
    assert (found.model_id, found.pipeline_tag) == (str(tmp_path), None)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    """They can run code when they are read."""
    folder_with(tmp_path, {"model_type": "llama"}, "pytorch_model.bin")
    with pytest.raises(UnsupportedError, match=r"pytorch_model\.bin"):
        check_model_folder(tmp_path)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_model_that_brings_code_is_refused(tmp_path: Path, file: str) -> None:
    """Whichever file asks for it."""
    folder_with(tmp_path, {"model_type": "llama"}, "model.safetensors")
    (tmp_path / file).write_text(json.dumps({"auto_map": {"AutoModel": "code.Model"}}))
    with pytest.raises(UnsupportedError, match="own code"):
        check_model_folder(tmp_path)


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    """With the name of what is missing."""
    with pytest.raises(UnsupportedError, match=r"config\.json"):
        check_model_folder(tmp_path)


@pytest.mark.parametrize("name", ["nothing-here", "/no/such/folder", "../x/y/z", ""])
def test_a_name_that_is_nothing_is_a_usage_error(tmp_path: Path, name: str) -> None:
    """Neither the packaged model nor a folder nor a hub id."""
    with pytest.raises(UsageError, match="there is no model"):
        find_model(name, data_dir=tmp_path)


def test_the_rotary_halves_are_put_back(tmp_path: Path) -> None:
    """GGUF interleaves them per head; doing that and undoing it changes nothing."""
    rows = np.arange(2 * 8 * 3).reshape(16, 3)
    interleaved = rows.reshape(2, 2, 4, 3).swapaxes(1, 2).reshape(16, 3)
    assert np.array_equal(gguf._restored(interleaved, heads=2), rows)


def test_a_tensor_that_is_not_known_is_refused() -> None:
    """Rather than left out."""
    assert gguf._name("blk.3.ffn_up.weight") == "model.layers.3.mlp.up_proj.weight"
    with pytest.raises(UnsupportedError, match=r"blk\.0\.ssm_a\.weight"):
        gguf._name("blk.0.ssm_a.weight")


def test_threads_are_few_on_a_busy_machine() -> None:
    """Two at most, one at least."""
    assert machine.default_threads(cores=8, load=0.3) == 2
    assert machine.default_threads(cores=4, load=3.2) == 1
    assert machine.default_threads(cores=2, load=9.0) == 1


def test_a_key_file_holds_one_key(tmp_path: Path) -> None:
    """White space around it does not matter; nothing or several words do."""
    file = tmp_path / "key"
    file.write_text(" secret\n")
    assert server.read_api_key(file) == "secret"
    for text in ("", "two words"):
        file.write_text(text)
        with pytest.raises(UsageError):
            server.read_api_key(file)
    with pytest.raises(UsageError, match="cannot be read"):
        server.read_api_key(tmp_path / "none")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs them."""
    monkeypatch.setattr(server, "_NEEDED", ("json", "no_such_package"))
    with pytest.raises(UnsupportedError, match="no_such_package") as caught:
        server.check_packages()
    assert "esrag[local]" in caught.value.hint


def test_a_hub_that_is_not_to_be_reached_is_an_unavailable_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the id and what else could be done."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no connection and nothing in the cache")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(UnavailableError, match="org/model@main could not be fetched") as caught:
        find_model("org/model@main", data_dir=tmp_path)
    assert "local folder" in caught.value.hint


def test_what_comes_from_the_hub_is_checked_like_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only safetensors are asked for; the revision is that of the snapshot."""
    import huggingface_hub

    snapshot = tmp_path / "0123abc"
    snapshot.mkdir()
    folder_with(snapshot, {"model_type": "llama"}, "model.safetensors")
    asked: dict[str, object] = {}

    def download(model_id: str, **more: object) -> str:
        asked.update(more, model_id=model_id)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    found = find_model("org/model@v2", data_dir=tmp_path)
    assert (found.model_id, found.revision) == ("org/model", "0123abc")
    assert (asked["model_id"], asked["revision"]) == ("org/model", "v2")
    assert asked["allow_patterns"] == ["*.json", "*.safetensors", "*.jinja"]


def test_the_packaged_model_must_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line that installs it does not pull its LLM library."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UnsupportedError, match="is not installed") as caught:
        find_model("packaged", data_dir=tmp_path)
    assert "--no-deps" in caught.value.hint
