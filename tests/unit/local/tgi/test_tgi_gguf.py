"""Conversion of a GGUF file, on a tiny one made here."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from esrag.base_models import gguf
from esrag.errors import UnavailableError
from esrag.local.tgi.text import ChatTemplate, ChatTurn, TextTokens

HEADS, KEY_HEADS, WIDTH, INNER = 4, 2, 32, 48
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"


def interleaved(weight: Any, heads: int) -> Any:
    """What llama.cpp does to the rotary projections."""
    rows, columns = weight.shape
    return (
        weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
    )


@pytest.fixture
def weights() -> dict[str, Any]:
    """One layer by the names of transformers, in values that bf16 holds exactly."""
    chance = np.random.default_rng(0)

    def some(*shape: int) -> Any:
        return chance.integers(-8, 8, size=shape).astype(np.float32) / 8

    layer = "model.layers.0."
    return {
        "model.embed_tokens.weight": some(260, WIDTH),
        "model.norm.weight": some(WIDTH),
        f"{layer}input_layernorm.weight": some(WIDTH),
        f"{layer}post_attention_layernorm.weight": some(WIDTH),
        f"{layer}self_attn.q_proj.weight": some(WIDTH, WIDTH),
        f"{layer}self_attn.k_proj.weight": some(WIDTH // 2, WIDTH),
        f"{layer}self_attn.v_proj.weight": some(WIDTH // 2, WIDTH),
        f"{layer}self_attn.o_proj.weight": some(WIDTH, WIDTH),
        f"{layer}mlp.gate_proj.weight": some(INNER, WIDTH),
        f"{layer}mlp.up_proj.weight": some(INNER, WIDTH),
        f"{layer}mlp.down_proj.weight": some(WIDTH, INNER),
    }


@pytest.fixture
def gguf_file(tmp_path: Path, weights: dict[str, Any]) -> Path:
    """The same model as llama.cpp would write it."""
    from gguf import GGUFWriter
    from tokenizers import pre_tokenizers

    markers = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = [*markers, *sorted(pre_tokenizers.ByteLevel.alphabet()), "he"]
    file = tmp_path / "tiny.gguf"
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(vocabulary))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([3, 3, 3, *[1] * 257])
    writer.add_token_merges(["h e"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    names = {after: before for before, after in gguf.PARTS.items()}
    whole = {after: before for before, after in gguf.WHOLE.items()}
    for name, weight in weights.items():
        if name in whole:
            writer.add_tensor(whole[name], weight)
            continue
        part = names[name.removeprefix("model.layers.0.").removesuffix(".weight")]
        heads = {"attn_q": HEADS, "attn_k": KEY_HEADS}.get(part)
        writer.add_tensor(f"blk.0.{part}.weight", interleaved(weight, heads) if heads else weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def test_weights_come_out_as_they_went_in(
    gguf_file: Path, weights: dict[str, Any], tmp_path: Path
) -> None:
    """By the names of transformers, the rotary halves put back, in bf16."""
    from safetensors.torch import load_file

    folder = gguf.converted(gguf_file, cache=tmp_path / "models", name="tiny")
    stored = load_file(folder / "model.safetensors")
    assert stored.keys() == weights.keys()
    for name, weight in weights.items():
        assert str(stored[name].dtype) == "torch.bfloat16"
        assert np.array_equal(stored[name].float().numpy(), weight), name


def test_the_tokenizer_is_right_where_transformers_own_is_wrong(
    gguf_file: Path, tmp_path: Path
) -> None:
    """No marker in front, digits one by one, merges kept, the end token the file's own."""
    folder = gguf.converted(gguf_file, cache=tmp_path / "models", name="tiny")
    tokens = TextTokens.from_folder(folder)
    ids = tokens.encode("he 12<|im_end|>ü", add_special_tokens=True)
    assert [tokens.decode([number]) for number in ids[:5]] == ["he", " ", "1", "2", "<|im_end|>"]
    assert ids[4] == 2
    assert tokens.is_special(2)
    assert tokens.decode(ids) == "he 12<|im_end|>ü"
    config = json.loads((folder / "tokenizer_config.json").read_text())
    assert (config["eos_token"], config["bos_token"]) == ("<|im_end|>", None)
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == 2
    assert ChatTemplate.from_folder(folder).render([ChatTurn("user", "x")]) == (
        "<|im_start|>x<|im_end|>"
    )


def test_the_second_call_finds_what_the_first_made(
    gguf_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is converted twice; another converter version converts anew."""
    cache = tmp_path / "models"
    first = gguf.converted(gguf_file, cache=cache, name="tiny")
    stamp = (first / "model.safetensors").stat().st_mtime_ns
    assert gguf.converted(gguf_file, cache=cache, name="tiny") == first
    assert (first / "model.safetensors").stat().st_mtime_ns == stamp
    monkeypatch.setattr(gguf, "CONVERTER_VERSION", 99)
    assert gguf.converted(gguf_file, cache=cache, name="tiny") != first


def test_a_conversion_that_breaks_off_leaves_nothing_that_looks_finished(
    gguf_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call starts afresh and clears the remains away."""
    cache = tmp_path / "models"

    def broken(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(gguf, "_save_weights", broken)
        with pytest.raises(UnavailableError, match="no space"):
            gguf.converted(gguf_file, cache=cache, name="tiny")
    assert not list(cache.glob("tiny-*"))
    folder = gguf.converted(gguf_file, cache=cache, name="tiny")
    assert (folder / "model.safetensors").is_file()
    assert not list(cache.glob(".converting-*"))
