"""A LoRA adapter with random matrices for a model in a folder, in peft's format, without peft."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def write_tiny_adapter(
    folder: Path,
    base: Path,
    *,
    rank: int = 4,
    alpha: float = 8,
    seed: int = 1,
    strength: float = 1.0,
    dora: bool = False,
    ranks: Mapping[str, int] | None = None,
    targets: tuple[str, ...] = LINEAR,
    **config: Any,
) -> Path:
    """Write it into ``folder`` and return that; the same arguments give the same bytes.

    ``strength`` is the size of the change against the weights; ``ranks`` gives other ranks to
    modules by the end of their name.
    """
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    tensors: dict[str, Any] = {}
    with safe_open(base / "model.safetensors", "numpy") as weights:
        for name in sorted(weights.keys()):
            module = name.removesuffix(".weight")
            if module.rpartition(".")[2] not in targets:
                continue
            weight = weights.get_tensor(name)
            outputs, inputs = weight.shape
            own = next((r for end, r in (ranks or {}).items() if module.endswith(end)), rank)
            at = f"base_model.model.{module}"
            down = random.standard_normal((own, inputs)) / inputs**0.5
            up = random.standard_normal((outputs, own)) * strength / (own**0.5 * alpha / own)
            tensors[f"{at}.lora_A.weight"] = down.astype(np.float32)
            tensors[f"{at}.lora_B.weight"] = up.astype(np.float32)
            if dora:
                lengths = np.linalg.norm(weight, axis=1) * random.uniform(0.8, 1.2, outputs)
                tensors[f"{at}.lora_magnitude_vector"] = lengths.astype(np.float32)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    content = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "tiny",
        "inference_mode": True,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted(targets),
        "use_dora": dora,
        "use_rslora": False,
        "rank_pattern": dict(ranks or {}),
        "megatron_core": "megatron.core",
        **config,
    }
    (folder / "adapter_config.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return folder
