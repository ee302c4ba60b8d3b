"""Adapter folders: honest ones are described, hostile and unfitting ones refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from esrag.errors import UnsupportedError
from esrag.model_files import check_adapter_folder
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_llama import write_tiny_llama


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The model that the adapters are made for."""
    return write_tiny_llama(tmp_path / "base")


@pytest.fixture
def adapter(tmp_path: Path, base: Path) -> Path:
    """An adapter that may be loaded."""
    return write_tiny_adapter(tmp_path / "adapter", base)


def configured(adapter: Path, **values: Any) -> None:
    """Change its configuration."""
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def reweighted(adapter: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change its tensors."""
    file = adapter / "adapter_model.safetensors"
    tensors = dict(load_file(file))
    change(tensors)
    save_file(tensors, file)


def test_an_honest_adapter_is_described(adapter: Path, base: Path) -> None:
    """Rank, scale and the modules it changes, without loading it."""
    facts = check_adapter_folder(adapter, base)
    assert (facts.kind, facts.rank, facts.alpha, facts.dora) == ("lora", 4, 8.0, False)
    shape = facts.modules["model.layers.0.mlp.down_proj"]
    assert (shape.inputs, shape.outputs, shape.scale) == (128, 64, 2.0)
    assert "q_proj" in facts.target_modules


def test_patterns_and_rslora_change_the_scale(tmp_path: Path, base: Path) -> None:
    """alpha over the root of the rank, each by the module's own."""
    folder = write_tiny_adapter(
        tmp_path / "other",
        base,
        ranks={"mlp.down_proj": 16},
        use_rslora=True,
        alpha_pattern={"down_proj": 4},
    )
    modules = check_adapter_folder(folder, base).modules
    assert modules["model.layers.1.mlp.down_proj"].scale == 1.0
    assert modules["model.layers.1.mlp.up_proj"].scale == 4.0


@pytest.mark.parametrize(
    "values",
    [
        {"auto_mapping": {"base_model_class": "system", "parent_library": "os"}},
        {"megatron_core": "os", "megatron_config": {"a": 1}},
        {"corda_config": {"cache_file": "cache.pt"}},
        {"lora_ga_config": {"cache_file": "cache.pt"}},
        {"arrow_config": {"task_adapter_names": ["org/adapter"]}},
        {"target_modules": "(a+)+$"},
        {"target_modules": ["(a+)+$"]},
        {"rank_pattern": {"(a+)+$": 4}},
        {"init_lora_weights": "pissa"},
        {"layer_replication": [[0, 4]]},
        {"trainable_token_indices": [1, 2]},
        {"modules_to_save": ["lm_head"]},
        {"lora_bias": True},
        {"bias": "all"},
        {"tomorrows_method": {"a": 1}},
        {"peft_type": "LOKR"},
        {"task_type": "SEQ_CLS"},
        {"r": 100_000},
        {"r": "4"},
        {"lora_alpha": 1e300},
        {"fan_in_fan_out": True},
        {"layers_to_transform": 1.5},
        {"layers_to_transform": {"a": 1}},
    ],
)
def test_a_configuration_that_would_do_more_is_refused(
    adapter: Path, values: dict[str, Any]
) -> None:
    """Imports, pickles, fetching, patterns, and methods that these matrices alone do not give."""
    configured(adapter, **values)
    with pytest.raises(UnsupportedError, match=r"adapter_config\.json"):
        check_adapter_folder(adapter)


def test_the_base_that_an_adapter_names_is_never_followed(adapter: Path, base: Path) -> None:
    """It is kept as words."""
    configured(adapter, base_model_name_or_path="https://host.invalid/model", revision="x")
    assert check_adapter_folder(adapter, base).base == "https://host.invalid/model"


def test_keys_of_later_versions_that_say_nothing_are_taken(adapter: Path) -> None:
    """peft writes every key that it knows."""
    configured(adapter, tomorrows_method=None, another=False, third={})
    assert check_adapter_folder(adapter).rank == 4


@pytest.mark.parametrize("name", ["adapter_model.bin", "training_args.bin", "optimizer.pt"])
def test_pickles_beside_the_weights_are_refused(adapter: Path, name: str) -> None:
    """Other loaders would take them."""
    (adapter / name).write_bytes(pickle.dumps({}))
    with pytest.raises(UnsupportedError, match="pickled"):
        check_adapter_folder(adapter)


def test_a_link_out_of_the_folder_is_refused(adapter: Path, tmp_path: Path) -> None:
    """Weights lie in the folder itself."""
    (adapter / "adapter_model.safetensors").rename(tmp_path / "elsewhere")
    (adapter / "adapter_model.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsupportedError, match="leads out"):
        check_adapter_folder(adapter)


_A = "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight"
_B = "base_model.model.model.layers.0.mlp.up_proj.lora_B.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop(_A), "lora_B"),
        (lambda tensors: tensors.update({_A: np.zeros((8, 64), np.float32)}), "LoRA rank"),
        (lambda tensors: tensors.update({"other.weight": np.zeros(1)}), "no part of"),
        (lambda tensors: tensors.update({_A: np.zeros((4, 64), np.int32)}), "as I32"),
        (lambda tensors: tensors.clear(), "no LoRA"),
    ],
)
def test_tensors_that_are_no_pair_are_refused(
    adapter: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    """Every module has its two matrices, of the rank that the configuration names."""
    reweighted(adapter, change)
    with pytest.raises(UnsupportedError, match=words):
        check_adapter_folder(adapter)


@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_a_prompt_of_another_type_is_refused(adapter: Path, dtype: type[np.generic]) -> None:
    """Its vectors are floating point numbers of 32 bits or fewer."""
    prompt = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3, "token_dim": 64}
    (adapter / "adapter_config.json").write_text(json.dumps(prompt))
    vectors = np.zeros((3, 64), dtype)
    save_file({"prompt_embeddings": vectors}, adapter / "adapter_model.safetensors")
    with pytest.raises(UnsupportedError, match="prompt_embeddings as"):
        check_adapter_folder(adapter)


@pytest.mark.parametrize(("sizes", "words"), [({"hidden": 32}, "x"), ({"layers": 1}, "have")])
def test_an_adapter_of_another_base_is_refused(
    adapter: Path, tmp_path: Path, sizes: dict[str, int], words: str
) -> None:
    """The error names the module that does not fit."""
    other = write_tiny_llama(tmp_path / "other", **sizes)
    with pytest.raises(UnsupportedError, match=rf"model\.layers\..*{words}"):
        check_adapter_folder(adapter, other)
