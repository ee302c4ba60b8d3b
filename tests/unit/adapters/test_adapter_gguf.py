"""A merged model as GGUF, read back by the package's reader and by our own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader
from safetensors import safe_open
from safetensors.numpy import load_file

from esrag.adapters.gguf_file import write_gguf
from esrag.base_models.gguf import converted
from esrag.errors import ConflictError, UnsupportedError
from tests.tiny_llama import CHAT_TEMPLATE, write_tiny_llama


@pytest.mark.parametrize("tied", [True, False])
def test_the_file_is_read_back_as_the_model_that_it_was(tmp_path: Path, tied: bool) -> None:
    """Weights, sizes, tokens and chat template, by the reader that the packaged model comes by."""
    model = write_tiny_llama(tmp_path / "model", tied=tied)
    write_gguf(model, tmp_path / "model.gguf", name="tiny", dtype="float32")
    back = converted(tmp_path / "model.gguf", cache=tmp_path / "cache", name="tiny")
    old = load_file(model / "model.safetensors")
    with safe_open(back / "model.safetensors", "pt") as new:
        assert set(new.keys()) == set(old)
        for name, weight in old.items():
            found = new.get_tensor(name).float().numpy()
            np.testing.assert_allclose(found, weight, rtol=2**-8)  # the reader stores bf16
    config, before = (json.loads((folder / "config.json").read_text()) for folder in (back, model))
    ours = {key: before[key] for key in config if key not in ("torch_dtype", "architectures")}
    found = {key: config[key] for key in ours}
    assert found.pop("rms_norm_eps") == pytest.approx(ours.pop("rms_norm_eps"))
    assert found == ours
    tokenizer = json.loads((back / "tokenizer_config.json").read_text())
    assert (tokenizer["chat_template"], tokenizer["eos_token"]) == (CHAT_TEMPLATE, "<|im_end|>")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_matrices_are_stored_short_and_vectors_long(tmp_path: Path, dtype: str) -> None:
    """As llama.cpp wants them."""
    model = write_tiny_llama(tmp_path / "model")
    write_gguf(model, tmp_path / "model.gguf", name="tiny", dtype=dtype)
    kinds = {t.name: t.tensor_type.name for t in GGUFReader(tmp_path / "model.gguf").tensors}
    assert kinds["output_norm.weight"] == "F32"
    assert kinds["blk.0.attn_q.weight"] == {"float16": "F16", "bfloat16": "BF16"}[dtype]


@pytest.mark.parametrize(
    ("file", "values", "words"),
    [
        ("config.json", {"model_type": "qwen3"}, "architecture is qwen3"),
        ("config.json", {"attention_bias": True}, "biases"),
        ("config.json", {"rope_scaling": {"rope_type": "llama3"}}, "scaled"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Metaspace"}}, "cut alike"),
        ("tokenizer.json", {"normalizer": {"type": "NFKC"}}, "cut alike"),
    ],
)
def test_what_cannot_be_told_in_gguf_is_refused(
    tmp_path: Path, file: str, values: dict[str, object], words: str
) -> None:
    """With the converter that knows more; no file is left behind."""
    model = write_tiny_llama(tmp_path / "model")
    content = json.loads((model / file).read_text())
    (model / file).write_text(json.dumps({**content, **values}))
    with pytest.raises(UnsupportedError, match=words) as caught:
        write_gguf(model, tmp_path / "model.gguf", name="tiny")
    assert "convert_hf_to_gguf" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Whatever it holds."""
    model = write_tiny_llama(tmp_path / "model")
    (tmp_path / "model.gguf").write_text("mine")
    with pytest.raises(ConflictError, match="already"):
        write_gguf(model, tmp_path / "model.gguf", name="tiny")
    assert (tmp_path / "model.gguf").read_text() == "mine"
