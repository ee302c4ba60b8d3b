"""Writes a merged model as one GGUF file, for llama.cpp and what is built on it.

    folder ──names, order of rotary heads──► FILE.gguf ──read back, compared──► done

Llama-like models whose tokenizer llama.cpp is known to cut alike; for others its own converter
takes the merged folder.  The gguf package writes, so that the format is its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from esrag.adapters.arrays import DTYPES, as_bytes, read_array
from esrag.base_models.gguf import PARTS, WHOLE, interleaved
from esrag.disk import disk_errors
from esrag.errors import ConflictError, EsragError, UnsupportedError
from esrag.model_files.chat_templates import chat_template_sources
from esrag.model_files.tensors import TensorFile, read_head

if TYPE_CHECKING:
    from gguf import GGUFWriter

    Array = np.ndarray[Any, np.dtype[Any]]

_CONVERTER = "Take the merged folder and llama.cpp's convert_hf_to_gguf.py for it."
_NORMAL, _CONTROL, _USER = 1, 3, 4
# what is done before the merges: the name that llama.cpp has for it
_CUTS = {("Digits", "ByteLevel"): "smollm", ("ByteLevel",): "gpt-2"}


def write_gguf(model: Path, target: Path, *, name: str, dtype: str = "float16") -> None:
    """Write the model in the folder ``model`` to ``target``, a file that is not there yet.

    ``dtype`` is float32, float16 or bfloat16; vectors stay float32 as llama.cpp wants them.
    Raises UnsupportedError for what cannot be told in GGUF here.
    """
    try:
        from gguf import GGUFWriter
    except ImportError as error:
        raise UnsupportedError(
            "writing GGUF needs the package gguf", hint="Install it: pip install 'esrag[tune]'"
        ) from error
    if target.exists():
        raise ConflictError(f"{target} is there already", hint="Name another file.")
    config = _config(model)
    working = target.with_name(f".{target.name}.part-{os.getpid()}")
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            writer = GGUFWriter(working, "llama")
            _describe(writer, config, name=name, dtype=dtype)
            _tokenizer(writer, model, config)
            _tensors(writer, model, config, dtype)
            writer.close()
            _compare(working, model, config)
            working.rename(target)
        finally:
            working.unlink(missing_ok=True)


def _config(model: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((model / "config.json").read_text(encoding="utf-8"))
    reasons = {
        f"its architecture is {config.get('model_type')}": config.get("model_type") != "llama",
        "its attention has biases": config.get("attention_bias"),
        "its layers have biases": config.get("mlp_bias"),
        "its positions are scaled": config.get("rope_scaling"),
    }
    for reason, holds in reasons.items():
        if holds:
            raise UnsupportedError(f"{model} is not written as GGUF: {reason}", hint=_CONVERTER)
    return config


def _describe(writer: GGUFWriter, config: Mapping[str, Any], *, name: str, dtype: str) -> None:
    from gguf import LlamaFileType

    heads = config["num_attention_heads"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_type("model")
    writer.add_name(name)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    if size * heads != config["hidden_size"]:
        writer.add_key_length(size)
        writer.add_value_length(size)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config.get("rope_theta", 10_000.0))
    writer.add_rope_dimension_count(size)
    writer.add_vocab_size(config["vocab_size"])
    kinds = {
        "float32": LlamaFileType.ALL_F32,
        "float16": LlamaFileType.MOSTLY_F16,
        "bfloat16": LlamaFileType.MOSTLY_BF16,
    }
    writer.add_file_type(kinds[dtype])


def _tokenizer(writer: GGUFWriter, model: Path, config: Mapping[str, Any]) -> None:
    content = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    kind = content.get("model", {}).get("type")
    cut = content.get("pre_tokenizer") or {}
    steps = cut.get("pretokenizers", [cut])
    name = _CUTS.get(tuple(step.get("type") for step in steps))
    if kind != "BPE" or name is None or content.get("normalizer"):
        raise UnsupportedError(
            f"the tokenizer of {model} is not known to be cut alike by llama.cpp", hint=_CONVERTER
        )
    tokens, kinds = _vocabulary(content, config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    merges = content["model"]["merges"]
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in merges])
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    for key, add in (
        ("bos_token_id", writer.add_bos_token_id),
        ("eos_token_id", writer.add_eos_token_id),
        ("pad_token_id", writer.add_pad_token_id),
    ):
        value = config.get(key)
        value = value[0] if isinstance(value, list) else value
        if value is not None:
            add(value)
    templates = chat_template_sources(model)
    if templates:
        writer.add_chat_template(templates[-1][1])


def _vocabulary(content: Mapping[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Tokens by id and their kinds; ids without a token get a name that is never written."""
    by_id = {number: token for token, number in content["model"]["vocab"].items()}
    kinds = dict.fromkeys(by_id, _NORMAL)
    for added in content.get("added_tokens", ()):
        by_id[added["id"]] = added["content"]
        kinds[added["id"]] = _CONTROL if added.get("special") else _USER
    tokens = [by_id.get(number, f"[PAD{number}]") for number in range(size)]
    return tokens, [kinds.get(number, 5) for number in range(size)]


def _weights(model: Path, config: Mapping[str, Any]) -> Iterator[tuple[str, TensorFile, str, int]]:
    """GGUF's name, the file, transformers' name, and the heads whose rows change places."""
    names = {theirs: ours for ours, theirs in WHOLE.items()}
    parts = {theirs: ours for ours, theirs in PARTS.items()}
    heads = config["num_attention_heads"]
    turned = {"attn_q": heads, "attn_k": config.get("num_key_value_heads") or heads}
    for file in sorted(model.glob("*.safetensors")):
        head = read_head(file)
        for name in head.tensors:
            if name in names:
                yield names[name], head, name, 0
                continue
            layer, _, part = (
                name.removeprefix("model.layers.").removesuffix(".weight").partition(".")
            )
            if part not in parts:
                raise UnsupportedError(f"{file} holds {name}, which has no name in GGUF")
            yield f"blk.{layer}.{parts[part]}.weight", head, name, turned.get(parts[part], 0)


def _tensors(writer: GGUFWriter, model: Path, config: Mapping[str, Any], dtype: str) -> None:
    from gguf import GGMLQuantizationType as Kinds

    kinds = {"F32": Kinds.F32, "F16": Kinds.F16, "BF16": Kinds.BF16}
    for name, head, old, _ in _weights(model, config):
        kind = _kind(head, old, dtype)
        shape = head.tensors[old].shape
        size = int(np.prod(shape)) * (4 if kind == "F32" else 2)
        # the writer wants a numpy type, and the true one beside it
        writer.add_tensor_info(name, shape, np.dtype(np.float32), size, raw_dtype=kinds[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, head, old, heads in _weights(model, config):
        array = read_array(head.file, head.tensors[old])
        if heads:
            array = interleaved(array, heads=heads)
        writer.write_tensor_data(
            np.frombuffer(as_bytes(array, _kind(head, old, dtype)), dtype=np.uint8)
        )


def _kind(head: TensorFile, name: str, dtype: str) -> str:
    return "F32" if len(head.tensors[name].shape) == 1 else DTYPES[dtype]


def _compare(file: Path, model: Path, config: Mapping[str, Any]) -> None:
    """Read the file back and compare every tensor with what it was made of."""
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(file)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    for name, head, old, heads in _weights(model, config):
        expected = read_array(head.file, head.tensors[old])
        if heads:
            expected = interleaved(expected, heads=heads)
        found = dequantize(stored[name].data, stored[name].tensor_type).reshape(expected.shape)
        if not np.allclose(found, expected, rtol=2.0**-8, atol=1e-7):
            raise EsragError(
                f"{file} does not hold what was written into it ({name}); it was removed",
                hint="The disk may be failing; try another one.",
            )
