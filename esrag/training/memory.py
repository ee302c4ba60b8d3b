"""What a run will need of memory, beside what there is: said before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from esrag.costs.memory import Memory, estimate_memory
from esrag.costs.shapes import ModelShape, shape_of
from esrag.costs.work import TrainingWork
from esrag.errors import EsragError, UnsupportedError
from esrag.training.loading import Trainee, dtype_of
from esrag.training.loop import Progress
from esrag.training.packing import Row
from esrag.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes: the estimate in its parts, and what is free."""

    parts: Memory
    free: int

    @property
    def total(self) -> int:
        """All parts together."""
        return int(self.parts.total)

    @property
    def fits(self) -> bool:
        """Whether it should go."""
        return self.total <= self.free

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        names = (
            "weights",
            "gradients",
            "optimizer",
            "activations",
            "logits",
            "runtime",
            "fragments",
        )
        parts = {name: int(getattr(self.parts, name)) for name in names}
        return {"total": self.total, "free": self.free, "parts": parts}


def need_of(
    base: Path, recipe: Recipe, rows: Sequence[Row], *, device: torch.device
) -> Need | None:
    """The estimate for the largest pass of these rows; None for a shape that is not known."""
    shape = known_shape(base)
    if shape is None:
        return None
    longest = max(rows, key=lambda row: len(row.tokens))
    step = sum(sorted((len(row.tokens) for row in rows), reverse=True)[: recipe.batch])
    packs = recipe.packing and recipe.method != "prompt"
    tokens = max(len(longest.tokens), min(recipe.pack_tokens, step) if packs else 0)
    share = sum(row.answer_tokens for row in rows) / sum(len(row.tokens) for row in rows)
    element = 2 if dtype_of(recipe.dtype, device) is torch.bfloat16 else 4
    targets = recipe.target_modules or tuple(shape.linear_layers())
    layers = recipe.last_layers or shape.layers
    trainable = shape.lora_parameters(recipe.lora_rank, targets) * layers // shape.layers
    if recipe.method == "prompt":
        trainable = recipe.virtual_tokens * shape.hidden
    parts = estimate_memory(
        shape,
        recipe.method,
        trainable=trainable,
        tokens=tokens,
        loss_tokens=max(longest.answer_tokens, round(share * tokens)),
        weight_bytes=element,
        square=0 if device.type == "cuda" else len(longest.tokens),
        checkpointing=recipe.gradient_checkpointing,
        gpu=device.type == "cuda",
    )
    return Need(parts, free_memory(device))


def require_room(need: Need) -> None:
    """Raise UnsupportedError when a run needs more than there is."""
    if not need.fits:
        raise UnsupportedError(
            f"this run needs some {need.total / 2**30:.1f} GiB of memory, and "
            f"{need.free / 2**30:.1f} GiB are free",
            hint="Make passes smaller (--pack-tokens, --max-tokens), use --gradient-checkpointing, "
            "a smaller base model or --method qlora; --anyway tries it all the same.",
        )


def free_memory(device: torch.device) -> int:
    """Bytes that a run may still take, on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def known_shape(base: Path) -> ModelShape | None:
    """The sizes of the base model, where its architecture is one whose costs are known."""
    try:
        return shape_of(str(base))
    except EsragError:
        return None


def work_done(
    base: Path, recipe: Recipe, trainee: Trainee, progress: Progress
) -> dict[str, Any] | None:
    """What the run has done, as ``esrag cost`` reads it."""
    shape = known_shape(base)
    if shape is None or not progress.tokens:
        return None
    return TrainingWork(
        shape,
        recipe.method,
        progress.tokens,
        length=progress.tokens / progress.rows,
        loss_share=progress.answer_tokens / progress.tokens,
        trainable=sum(each.numel() for each in trainee.trained().values()),
        trained_layers=recipe.last_layers if recipe.method != "full" else 0,
        checkpointing=recipe.gradient_checkpointing,
    ).to_json()
