"""A folder with an adapter in peft's format: what has to be there, and what must not.

adapter_config.json         the method and its sizes; the base that it names is never followed
adapter_model.safetensors   two low matrices for each module it changes (LoRA, DoRA), or the
                            vectors of a prompt (prompt tuning)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esrag.model_files.adapter_config import LoraConfig, PromptConfig, read_adapter_config
from esrag.model_files.lora_tensors import LoraShape, base_shapes, lora_shapes
from esrag.model_files.reading import PICKLES, check_entries, refuse
from esrag.model_files.tensors import TensorFile, read_head

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
_PROMPT = "prompt_embeddings"
_SIZES = {"F32": 4, "F16": 2, "BF16": 2}


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What an adapter is.  ``modules`` has an entry for each module of the base it changes.

    ``rank`` is the largest LoRA rank, or the number of a prompt's vectors.  ``base`` is the name
    of the base as the adapter's maker wrote it: words, not a place.
    """

    kind: Literal["lora", "prompt"]
    rank: int
    alpha: float
    dora: bool
    target_modules: tuple[str, ...]
    modules: Mapping[str, LoraShape]
    parameters: int
    bytes: int
    base: str


def check_adapter_folder(folder: Path, base: Path | None = None) -> AdapterFacts:
    """Raise UnsupportedError for what must not or cannot be loaded onto the model in ``base``.

    Without ``base`` nothing is said about whether it fits.
    """
    check_entries(folder)
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickled:
        # other loaders take these where they find them
        refuse(
            f"{folder} holds pickled data ({', '.join(pickled)}), which can run code",
            f"Keep {CONFIG} and {WEIGHTS} only.",
        )
    config = read_adapter_config(folder / CONFIG)
    if not (folder / WEIGHTS).is_file():
        refuse(f"{folder} has no {WEIGHTS}", "Save the adapter with safe_serialization.")
    head = read_head(folder / WEIGHTS)
    if isinstance(config, PromptConfig):
        return _prompt_facts(config, head, base)
    return _lora_facts(config, head, base)


def _lora_facts(config: LoraConfig, head: TensorFile, base: Path | None) -> AdapterFacts:
    shapes = lora_shapes(head, config)
    if base is not None:
        _check_fits(head.file, shapes, base)
    return AdapterFacts(
        kind="lora",
        rank=max(shape.rank for shape in shapes.values()),
        alpha=config.alpha,
        dora=config.dora,
        target_modules=tuple(sorted({module.rpartition(".")[2] for module in shapes})),
        modules=shapes,
        parameters=_parameters(head),
        bytes=head.file.stat().st_size,
        base=config.base,
    )


def _check_fits(file: Path, shapes: Mapping[str, LoraShape], base: Path) -> None:
    there = base_shapes(base)
    for module, shape in shapes.items():
        found = there.get(f"{module}.weight")
        if found is None:
            refuse(f"{file} changes {module}, which the model in {base} does not have", _OTHER_BASE)
        if found != (shape.outputs, shape.inputs):
            refuse(
                f"{file} changes {module} as {shape.outputs} x {shape.inputs}; in the model in "
                f"{base} it is {' x '.join(map(str, found))}",
                _OTHER_BASE,
            )


def _prompt_facts(config: PromptConfig, head: TensorFile, base: Path | None) -> AdapterFacts:
    found = {name: place.shape for name, place in head.tensors.items()}
    if found != {_PROMPT: (config.vectors, config.width)}:
        refuse(f"{head.file} does not hold the {config.vectors} vectors of a prompt")
    if head.tensors[_PROMPT].dtype not in _SIZES:
        refuse(f"{head.file} holds {_PROMPT} as {head.tensors[_PROMPT].dtype}")
    if base is not None:
        width = base_shapes(base).get("model.embed_tokens.weight", (0, 0))[1]
        if width != config.width:
            refuse(
                f"{head.file} has vectors of {config.width} numbers; the model in {base} has "
                f"{width or 'none'}",
                _OTHER_BASE,
            )
    return AdapterFacts(
        kind="prompt",
        rank=config.vectors,
        alpha=0.0,
        dora=False,
        target_modules=(),
        modules={},
        parameters=_parameters(head),
        bytes=head.file.stat().st_size,
        base=config.base,
    )


def _parameters(head: TensorFile) -> int:
    return sum((one.stop - one.start) // _SIZES[one.dtype] for one in head.tensors.values())


_OTHER_BASE = "It was made for another base model; name that one with --base."
