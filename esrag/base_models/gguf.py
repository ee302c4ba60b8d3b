"""Converts the packaged GGUF file (architecture ``llama``) to bf16 safetensors, once.

    model.gguf ──► DIR/models/<name>-<hash>-v<converter>/{config.json, model.safetensors, …}

The folder appears by a rename when it is complete, so a crash leaves nothing half made.  The
weights are read with the gguf package alone: transformers' own reader takes sixteen seconds
for the same file and builds a wrong tokenizer beside it (see ``gguf_tokenizer``).
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.base_models.gguf_tokenizer import write_tokenizer
from esrag.disk import disk_errors, settle
from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    import numpy as np

CONVERTER_VERSION = 1
_WORKING = ".converting-"
_log = logging.getLogger(__name__)


def converted(gguf_file: Path, *, cache: Path, name: str) -> Path:
    """The folder with the converted model; made on the first call, found on later ones."""
    digest = _sha256(gguf_file)
    target = cache / f"{name}-{digest[:16]}-v{CONVERTER_VERSION}"
    if target.is_dir():
        return target
    if importlib.util.find_spec("gguf") is None:
        raise UnsupportedError(
            "converting the packaged model needs the package gguf",
            hint="Install it: pip install 'esrag[local]'",
        )
    with disk_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
        with _lock(cache / ".lock"):
            for leftover in cache.glob(f"{_WORKING}*"):  # of one that died: we hold the lock
                shutil.rmtree(leftover, ignore_errors=True)
            if target.is_dir():
                return target
            _log.info("converting %s to %s (once)", gguf_file.name, target)
            working = cache / f"{_WORKING}{os.getpid()}"
            working.mkdir()
            _convert(gguf_file, working)
            settle(working)
            working.rename(target)
    return target


def _convert(gguf_file: Path, folder: Path) -> None:
    from gguf import GGUFReader

    reader = GGUFReader(gguf_file)
    values = {name: field.contents() for name, field in reader.fields.items()}
    if values.get("general.architecture") != "llama":
        raise UnsupportedError(
            f"{gguf_file} holds the architecture {values.get('general.architecture')!r}",
            hint="Only Llama-like GGUF files are converted; use a folder with safetensors.",
        )
    config = _config(values, tied=all(tensor.name != "output.weight" for tensor in reader.tensors))
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    (folder / "generation_config.json").write_text(
        json.dumps(
            {"eos_token_id": config["eos_token_id"], "pad_token_id": config["eos_token_id"]}
        ),
        encoding="utf-8",
    )
    write_tokenizer(
        folder,
        tokens=values["tokenizer.ggml.tokens"],
        merges=values.get("tokenizer.ggml.merges", ()),  # bytes alone have none
        token_types=values["tokenizer.ggml.token_type"],
        end_token_id=config["eos_token_id"],
        chat_template=values["tokenizer.chat_template"],
        max_length=config["max_position_embeddings"],
    )
    _save_weights(reader, config, folder / "model.safetensors")


def _config(values: dict[str, Any], *, tied: bool) -> dict[str, Any]:
    heads = values["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": values["llama.embedding_length"],
        "intermediate_size": values["llama.feed_forward_length"],
        "num_hidden_layers": values["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": values["llama.attention.head_count_kv"],
        "head_dim": values["llama.embedding_length"] // heads,
        "max_position_embeddings": values["llama.context_length"],
        "rms_norm_eps": values["llama.attention.layer_norm_rms_epsilon"],
        "rope_theta": values["llama.rope.freq_base"],
        "vocab_size": values["llama.vocab_size"],
        "hidden_act": "silu",
        "tie_word_embeddings": tied,
        "bos_token_id": None,
        "eos_token_id": values["tokenizer.ggml.eos_token_id"],
        "pad_token_id": values["tokenizer.ggml.eos_token_id"],
        "torch_dtype": "bfloat16",
    }


def _save_weights(reader: Any, config: dict[str, Any], target: Path) -> None:
    import torch
    from gguf import dequantize
    from safetensors.torch import save_file

    weights = {}
    for tensor in reader.tensors:
        array = dequantize(tensor.data, tensor.tensor_type)
        if tensor.name.endswith("attn_q.weight"):
            array = _restored(array, heads=config["num_attention_heads"])
        elif tensor.name.endswith("attn_k.weight"):
            array = _restored(array, heads=config["num_key_value_heads"])
        # copy: dequantized F32 data is a read-only view into the file
        weights[_name(tensor.name)] = torch.from_numpy(array.copy()).to(torch.bfloat16)
    save_file(weights, str(target), metadata={"format": "pt"})


def interleaved(array: np.ndarray[Any, Any], *, heads: int) -> np.ndarray[Any, Any]:
    """The rows of a rotary projection in llama.cpp's order; what ``_restored`` undoes."""
    rows, columns = array.shape
    return (
        array.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
    )


def _restored(array: np.ndarray[Any, Any], *, heads: int) -> np.ndarray[Any, Any]:
    """Undo llama.cpp's interleaving of the two halves of each rotary head."""
    rows, columns = array.shape
    return (
        array.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
    )


# parts of a layer, and tensors outside of layers: llama.cpp's name and transformers'
PARTS = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def _name(gguf_name: str) -> str:
    if gguf_name in WHOLE:
        return WHOLE[gguf_name]
    block, layer, part, suffix = gguf_name.split(".")
    if block != "blk" or part not in PARTS:
        raise UnsupportedError(f"the GGUF file holds a tensor that is not known: {gguf_name}")
    return f"model.layers.{layer}.{PARTS[part]}.{suffix}"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released when the handle is closed
        yield
