"""LoRA adapters with random weights for any model, to measure how serving them goes.

Speed does not depend on what an adapter has learnt.  ``strength`` is small, so that the texts
stay texts and no answer ends early for being nonsense.
"""

from __future__ import annotations

import json
from pathlib import Path

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def write_random_adapter(
    folder: Path, base: Path, *, rank: int, seed: int, strength: float = 0.002
) -> Path:
    """An adapter of all linear layers in peft's format; ``folder`` is returned."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    chance = torch.Generator().manual_seed(seed)
    tensors = {}
    for file in sorted(base.glob("*.safetensors")):
        with safe_open(file, "pt") as weights:
            for name in sorted(weights.keys()):
                module = name.removesuffix(".weight")
                if module.rpartition(".")[2] not in TARGETS:
                    continue
                outputs, inputs = weights.get_slice(name).get_shape()
                at = f"base_model.model.{module}"
                tensors[f"{at}.lora_A.weight"] = torch.randn(rank, inputs, generator=chance)
                tensors[f"{at}.lora_B.weight"] = strength * torch.randn(
                    outputs, rank, generator=chance
                )
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.name,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(TARGETS),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    return folder
