"""What a run leaves: an adapter or a model, whole, checked and with a manifest.

The files hold no time and no order of a set, so that equal weights are equal files.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from esrag.model_files import (
    Manifest,
    check_adapter_folder,
    check_model_folder,
    copy_text_side,
    write_manifest,
)
from esrag.training.loading import Trainee
from esrag.training.run_folder import RunFolder, as_json

ADAPTER, MODEL = "adapter", "model"


def publish_adapter(
    folder: RunFolder,
    trainee: Trainee,
    *,
    base: Path,
    base_id: str,
    probe: Mapping[str, Any],
    card: str,
    facts: Mapping[str, Any],
) -> Manifest:
    """Write ``adapter/`` of the run; it is refused like a stranger's if it would not be taken."""
    import peft
    from safetensors.torch import save_file

    state = peft.get_peft_model_state_dict(trainee.model, save_embedding_layers=False)
    weights = {name: value.detach().float().cpu().contiguous() for name, value in state.items()}
    config = _plain(trainee.model.peft_config["default"].to_dict())
    # a name for people; whoever loads the adapter brings the base along
    config |= {"base_model_name_or_path": base_id, "inference_mode": True}
    with folder.publishing(ADAPTER) as working:
        save_file(weights, str(working / "adapter_model.safetensors"), metadata={"format": "pt"})
        (working / "adapter_config.json").write_text(_sorted(config), encoding="utf-8")
        (working / "probe.json").write_text(as_json(probe), encoding="utf-8")
        (working / "README.md").write_text(card, encoding="utf-8")
        check_adapter_folder(working, base)
        return write_manifest(working, facts={"kind": ADAPTER, **facts})


def publish_model(
    folder: RunFolder, trainee: Trainee, *, base: Path, card: str, facts: Mapping[str, Any]
) -> Manifest:
    """Write ``model/`` of the run: all weights, with the tokenizer of the base."""
    dtype = trainee.dtype
    state = {
        name: value.detach().to(dtype) if torch.is_floating_point(value) else value
        for name, value in trainee.model.state_dict().items()
    }
    with folder.publishing(MODEL) as working:
        trainee.model.config.use_cache = True
        trainee.model.config.dtype = dtype
        trainee.model.save_pretrained(working, state_dict=state, safe_serialization=True)
        copy_text_side(base, working)
        (working / "README.md").write_text(card, encoding="utf-8")
        check_model_folder(working)
        return write_manifest(working, facts={"kind": MODEL, **facts})


def _sorted(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _plain(value: Any) -> Any:
    """peft's settings as JSON: names of enumerations, sets in order."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(_plain(each) for each in value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
