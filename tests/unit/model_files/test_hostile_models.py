"""Folders of models made to run code, to fetch, or to break the reader: all refused."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest

from esrag.errors import UnsupportedError
from esrag.model_files import check_model_folder
from tests.tiny_llama import write_tiny_llama


class Sentinel:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that may be loaded."""
    return write_tiny_llama(tmp_path / "model")


def changed(file: Path, **values: Any) -> None:
    """Set these values in a JSON file."""
    content = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**content, **values}))


def with_head(file: Path, head: bytes, data: bytes = b"", *, length: int | None = None) -> None:
    """A safetensors file with this head."""
    file.write_bytes(struct.pack("<Q", len(head) if length is None else length) + head + data)


def test_an_honest_folder_is_taken(model: Path) -> None:
    """With the name of where it came from, which nothing follows."""
    changed(model / "config.json", _name_or_path="org/name", id2label={"0": "a/b"})
    check_model_folder(model)


def test_pickled_weights_are_not_read(model: Path, tmp_path: Path) -> None:
    """A pickle in the place of the weights is named and left alone."""
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Sentinel(tmp_path / "ran")))
    with pytest.raises(UnsupportedError, match=r"pytorch_model\.bin"):
        check_model_folder(model)
    assert not (tmp_path / "ran").exists()


def test_a_part_with_pickled_weights_is_refused(model: Path) -> None:
    """Also below the folder, where another loader would look."""
    (model / "2_Dense").mkdir()
    (model / "2_Dense" / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(UnsupportedError, match="pickled"):
        check_model_folder(model)


@pytest.mark.parametrize(
    ("file", "values", "words"),
    [
        ("config.json", {"auto_map": {"AutoModel": "code.Model"}}, "own code"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": "code.T"}}, "own code"),
        ("config.json", {"text_config": {"auto_map": {"AutoConfig": "o/n--c.C"}}}, "own code"),
        ("generation_config.json", {"custom_generate": "org/generate"}, "own code"),
        ("config.json", {"_attn_implementation_internal": "org/kernel"}, "fetched and run"),
        ("config.json", {"attn_implementation": "org/kernel:f"}, "not built in"),
        ("config.json", {"_attn_implementation": {"text": "org/kernel"}}, "not built in"),
        ("config.json", {"use_kernels": True}, "elsewhere"),
        ("config.json", {"text_config": {"text_encoder": "org/encoder"}}, "elsewhere"),
        ("config.json", {"vision_tower": "https://host.invalid/weights"}, "elsewhere"),
        ("config.json", {"adapter": "../other"}, "elsewhere"),
        ("tokenizer_config.json", {"tokenizer_file": "/etc/passwd"}, "elsewhere"),
        ("tokenizer_config.json", {"fast_tokenizer_files": ["../t.json"]}, "elsewhere"),
        ("adapter_config.json", {"base_model_name_or_path": "org/other"}, "adapter"),
    ],
)
def test_what_would_run_or_fetch_is_refused(
    model: Path, file: str, values: dict[str, Any], words: str
) -> None:
    """Whichever file says it, and however deep."""
    changed(model / file, **values)
    with pytest.raises(UnsupportedError, match=words):
        check_model_folder(model)


@pytest.mark.parametrize(
    ("head", "length", "words"),
    [
        (b"{}", 2**62, "claims"),
        (b"[]", None, "no object"),
        (b"not json", None, "no safetensors"),
        (b"[" * 100_000, None, "no safetensors"),
        (b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}', None, "do not fit"),
        (b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}', None, "not complete"),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', None, "gap"),
        (b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,-4]}}', None, "wrongly"),
        (b'{"a":{"dtype":"O","shape":[1],"data_offsets":[0,8]}}', None, "unknown type"),
        (b'{"a":{},"a":{}}', None, "twice"),
        (b'{"__metadata__":{"a":[1]}}', None, "metadata"),
    ],
)
def test_a_wrong_head_of_weights_is_refused(
    model: Path, head: bytes, length: int | None, words: str
) -> None:
    """Lengths and places are checked against the file before anything is read by them."""
    with_head(model / "model.safetensors", head, b"\0" * 8, length=length)
    with pytest.raises(UnsupportedError, match=words):
        check_model_folder(model)


@pytest.mark.parametrize(
    ("shard", "words"),
    [("../outside.safetensors", "elsewhere"), ("/etc/passwd", "elsewhere"), ("b.bin", "elsewhere")],
)
def test_an_index_that_leads_elsewhere_is_refused(model: Path, shard: str, words: str) -> None:
    """The index names files of the folder and no paths."""
    changed(model / "model.safetensors.index.json", weight_map={"a": shard})
    with pytest.raises(UnsupportedError, match=words):
        check_model_folder(model)


def test_a_missing_shard_is_named(model: Path) -> None:
    """Half a download is no model."""
    changed(model / "model.safetensors.index.json", weight_map={"a": "m-00002.safetensors"})
    with pytest.raises(UnsupportedError, match=r"m-00002\.safetensors"):
        check_model_folder(model)


def test_a_link_out_of_the_folder_is_refused_unless_it_leads_into_the_cache(
    model: Path, tmp_path: Path
) -> None:
    """The hub's cache keeps its contents behind links; nothing else may."""
    cache = tmp_path / "hub"
    cache.mkdir()
    (model / "model.safetensors").rename(cache / "blob")
    (model / "model.safetensors").symlink_to(cache / "blob")
    check_model_folder(model, links_into=cache)
    with pytest.raises(UnsupportedError, match="leads out"):
        check_model_folder(model)


def test_a_pipe_in_the_place_of_a_file_is_refused(model: Path) -> None:
    """It would hold the reader for ever."""
    (model / "tokenizer.json").unlink()
    os.mkfifo(model / "tokenizer.json")
    with pytest.raises(UnsupportedError, match="neither a file"):
        check_model_folder(model)


@pytest.mark.parametrize("module", ["os.system", "code.Model", "sentence_transformers"])
def test_a_class_from_elsewhere_in_an_embedding_model_is_refused(model: Path, module: str) -> None:
    """sentence-transformers would import it."""
    (model / "modules.json").write_text(json.dumps([{"idx": 0, "path": "", "type": module}]))
    with pytest.raises(UnsupportedError, match="class"):
        check_model_folder(model)


def test_a_function_from_elsewhere_in_a_dense_layer_is_refused(model: Path) -> None:
    """sentence-transformers would import that too."""
    kind = "sentence_transformers.models.Dense"
    (model / "modules.json").write_text(json.dumps([{"path": "2_Dense", "type": kind}]))
    (model / "2_Dense").mkdir()
    changed(model / "2_Dense" / "config.json", activation_function="os.system")
    with pytest.raises(UnsupportedError, match="function"):
        check_model_folder(model)
