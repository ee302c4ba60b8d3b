"""Merging: base plus scaled product, one tensor at a time, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from esrag.adapters.arrays import as_bytes, read_array
from esrag.adapters.low_rank import Changes
from esrag.adapters.merging import merge
from esrag.errors import ConflictError, UnavailableError, UnsupportedError
from esrag.model_files import check_manifest, check_model_folder
from esrag.model_files.tensors import TensorPlace, read_head
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_llama import write_tiny_llama

NAME = "model.layers.1.mlp.down_proj"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A tiny base model."""
    return write_tiny_llama(tmp_path / "base")


@pytest.mark.parametrize("dora", [False, True])
def test_the_merged_weights_are_base_plus_scaled_product(
    tmp_path: Path, base: Path, dora: bool
) -> None:
    """By the definition, computed here from the files; other weights stay to the bit."""
    adapter = write_tiny_adapter(
        tmp_path / "adapter", base, dora=dora, targets=("down_proj",), ranks={"1.mlp.down_proj": 8}
    )
    merged = merge(adapter, base, tmp_path / "merged", facts={"adapter": "a"})
    old = load_file(base / "model.safetensors")
    new = load_file(tmp_path / "merged" / "model.safetensors")
    low = load_file(adapter / "adapter_model.safetensors")
    at = f"base_model.model.{NAME}"
    down, up = low[f"{at}.lora_A.weight"], low[f"{at}.lora_B.weight"]
    expected = old[f"{NAME}.weight"].astype(np.float64) + (8 / 8) * up.astype(np.float64) @ down
    if dora:
        lengths = np.sqrt((expected**2).sum(axis=1))
        expected *= (low[f"{at}.lora_magnitude_vector"] / lengths)[:, None]
    assert np.abs(new[f"{NAME}.weight"] - expected).max() <= 1e-5
    assert np.abs(new[f"{NAME}.weight"] - old[f"{NAME}.weight"]).max() > 0.01
    assert merged.changed == 2
    assert merged.beyond_rounding <= 1e-5
    untouched = "model.layers.0.self_attn.q_proj.weight"
    assert (new[untouched] == old[untouched]).all()


def test_the_folder_is_a_model_like_the_base(tmp_path: Path, base: Path) -> None:
    """With tokenizer, a manifest that says where it came from, and nothing of the adapter."""
    adapter = write_tiny_adapter(tmp_path / "adapter", base)
    merge(adapter, base, tmp_path / "merged", facts={"adapter": "a"})
    check_model_folder(tmp_path / "merged")
    facts = check_manifest(tmp_path / "merged").facts
    assert facts == {"adapter": "a", "kind": "merged model"}
    same = {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}
    for name in same:
        assert (tmp_path / "merged" / name).read_bytes() == (base / name).read_bytes()


@pytest.mark.parametrize(("dtype", "kind"), [("bfloat16", "BF16"), ("float16", "F16")])
def test_other_types_deviate_by_their_rounding_alone(
    tmp_path: Path, base: Path, dtype: str, kind: str
) -> None:
    """And the configuration names the type."""
    adapter = write_tiny_adapter(tmp_path / "adapter", base)
    merged = merge(adapter, base, tmp_path / "merged", dtype=dtype)
    assert (merged.dtype, merged.beyond_rounding <= 1e-5) == (kind, True)
    assert 1e-5 < merged.deviation < 0.05
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["torch_dtype"] == dtype


def test_a_merged_model_in_the_bases_type_can_be_merged_again(tmp_path: Path, base: Path) -> None:
    """Twice the same adapter is twice the product: merging reads what merging wrote."""
    adapter = write_tiny_adapter(tmp_path / "adapter", base, targets=("down_proj",))
    merge(adapter, base, tmp_path / "once")
    merge(adapter, tmp_path / "once", tmp_path / "twice")
    weights = [
        load_file(tmp_path / where / "model.safetensors")[f"{NAME}.weight"]
        for where in ("base", "once", "twice")
    ]
    np.testing.assert_allclose(weights[2] - weights[1], weights[1] - weights[0], atol=1e-5)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, base: Path) -> None:
    """Whatever it holds."""
    adapter = write_tiny_adapter(tmp_path / "adapter", base)
    (tmp_path / "merged").mkdir()
    with pytest.raises(ConflictError, match="already"):
        merge(adapter, base, tmp_path / "merged")
    assert not any((tmp_path / "merged").iterdir())


def test_a_full_disk_leaves_nothing_half_made(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 4 and what to do; the folder does not appear."""
    adapter = write_tiny_adapter(tmp_path / "adapter", base)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("esrag.adapters.merging._copy_rest", full)
    with pytest.raises(UnavailableError, match="No space left"):
        merge(adapter, base, tmp_path / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "base"]


def test_weights_that_deviate_are_not_published(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the disk is compared, not what was meant to be there."""
    adapter = write_tiny_adapter(tmp_path / "adapter", base)

    def wrong(array: np.ndarray, dtype: str) -> bytes:
        return as_bytes(array * 1.001, dtype)

    monkeypatch.setattr("esrag.adapters.merging.as_bytes", wrong)
    with pytest.raises(Exception, match="deviate"):
        merge(adapter, base, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_quantised_weights_are_refused(tmp_path: Path, base: Path) -> None:
    """They have no sum with a product."""
    file = tmp_path / "weights"
    file.write_bytes(b"\0" * 4)
    with pytest.raises(UnsupportedError, match="I8"):
        read_array(file, TensorPlace("I8", (4,), 0, 4))


def test_bfloat16_is_rounded_to_the_nearest_even(tmp_path: Path) -> None:
    """As the hardware does, and read back as it was."""
    values = np.array([1.0, 1.00390625, 1.01171875, -2.5, 3.0e38, 0.0], np.float32)
    file = tmp_path / "weights"
    file.write_bytes(as_bytes(values, "BF16"))
    back = read_array(file, TensorPlace("BF16", (6,), 0, 12))
    assert back.tolist() == [1.0, 1.0, 1.015625, -2.5, back[4], 0.0]
    assert abs(back[4] / values[4] - 1) < 2**-8


def test_an_adapter_of_another_base_is_not_merged(tmp_path: Path, base: Path) -> None:
    """The error names the module."""
    adapter = write_tiny_adapter(tmp_path / "adapter", base)
    other = write_tiny_llama(tmp_path / "other", hidden=32)
    with pytest.raises(UnsupportedError, match="another base"):
        merge(adapter, other, tmp_path / "merged")
    assert len(Changes(adapter, base)) == 14


def test_rows_of_a_tensor_are_read_alone(base: Path) -> None:
    """A large matrix is compared a few rows at a time."""
    head = read_head(base / "model.safetensors")
    place = head.tensors[f"{NAME}.weight"]
    whole = read_array(head.file, place)
    assert (read_array(head.file, place, rows=slice(3, 9)) == whole[3:9]).all()
