"""The tensors of a LoRA adapter by the module that they change, and those of its base."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from esrag.model_files.adapter_config import MOST_RANK, LoraConfig
from esrag.model_files.reading import refuse
from esrag.model_files.tensors import TensorFile, TensorPlace, read_head

_NAME = re.compile(
    r"base_model\.model\.(?P<module>\w[\w.]*)\.(?P<part>lora_A|lora_B|lora_magnitude_vector)"
    r"(\.weight)?"
)
_TYPES = {"F32", "F16", "BF16"}


@dataclass(frozen=True, slots=True)
class LoraShape:
    """The change of one linear module: W + scale * B A, with A rank x inputs, B outputs x rank.

    With ``magnitude`` (DoRA) each row of the sum is brought to a length that is stored.
    """

    rank: int
    inputs: int
    outputs: int
    scale: float
    magnitude: bool = False


def lora_shapes(head: TensorFile, config: LoraConfig) -> dict[str, LoraShape]:
    """The shapes by module, in the order of names; raises UnsupportedError for what is wrong."""
    parts: dict[str, dict[str, TensorPlace]] = defaultdict(dict)
    for name, place in head.tensors.items():
        found = _NAME.fullmatch(name)
        if found is None:
            refuse(
                f"{head.file} holds {name}, which is no part of a LoRA adapter",
                "Only pairs of LoRA matrices are taken, no biases, embeddings or saved modules.",
            )
        if place.dtype not in _TYPES:
            refuse(f"{head.file} holds {name} as {place.dtype}")
        parts[found["module"]][found["part"]] = place
    if not parts:
        refuse(f"{head.file} holds no LoRA matrices")
    return {module: _shape(head.file, module, parts[module], config) for module in sorted(parts)}


def _shape(
    file: Path, module: str, parts: Mapping[str, TensorPlace], config: LoraConfig
) -> LoraShape:
    wanted = {"lora_A", "lora_B"} | ({"lora_magnitude_vector"} if config.dora else set())
    if parts.keys() != wanted:
        refuse(f"{file} holds for {module} {', '.join(sorted(parts))}, not {', '.join(wanted)}")
    down, up = parts["lora_A"].shape, parts["lora_B"].shape
    rank = config.rank_of(module)
    if len(down) != 2 or len(up) != 2 or down[0] != up[1] or down[0] != rank:
        refuse(f"{file} has matrices for {module} of {down} and {up}; the LoRA rank is {rank}")
    if config.dora and parts["lora_magnitude_vector"].shape != (up[0],):
        refuse(f"{file} has magnitudes for {module} that do not fit its matrices")
    if not 0 < rank <= MOST_RANK:
        refuse(f"{file} has a LoRA rank of {rank} for {module}")
    return LoraShape(rank, down[1], up[0], config.scale_of(module), magnitude=config.dora)


def base_shapes(base: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of the model in ``base``, by name."""
    return {
        name: place.shape
        for file in sorted(base.glob("*.safetensors"))
        for name, place in read_head(file).tensors.items()
    }
