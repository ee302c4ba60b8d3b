"""Checkpoints: weights and optimizer as safetensors, the rest as JSON; nothing is unpickled.

    checkpoints/step-000040/{weights.safetensors, optimizer.safetensors, state.json}

One appears by a rename when it is whole, and state.json holds the sha256 of the others.  There is
no state of a random number generator in it: every step draws from a seed of its own.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from esrag.disk import settle
from esrag.errors import UnsupportedError
from esrag.model_files import file_sha256
from esrag.training.run_folder import as_json, writing

_NAME = re.compile(r"step-(\d{6,})")
_WEIGHTS, _OPTIMIZER, _STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint; ``facts`` is what the loop keeps besides tensors."""

    folder: Path
    step: int
    facts: Mapping[str, Any]


def save_checkpoint(
    place: Path,
    *,
    step: int,
    trained: Mapping[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    facts: Mapping[str, Any],
) -> Checkpoint:
    """Write the state after ``step`` steps; raises UnavailableError when the disk is full."""
    from safetensors.torch import save_file

    target = place / f"step-{step:06d}"
    working = place / f".{target.name}.new"
    moments = {
        f"{kind}/{name}": optimizer.state[parameter][kind].detach().cpu().contiguous()
        for name, parameter in trained.items()
        for kind in _MOMENTS
        if parameter in optimizer.state
    }
    with writing(f"the checkpoint of step {step}"):
        shutil.rmtree(working, ignore_errors=True)
        working.mkdir()
        try:
            save_file(weights_of(trained), str(working / _WEIGHTS), metadata={"format": "pt"})
            save_file(moments, str(working / _OPTIMIZER), metadata={"format": "pt"})
            sums = {name: file_sha256(working / name) for name in (_WEIGHTS, _OPTIMIZER)}
            state = {"step": step, "sha256": sums, **facts}
            (working / _STATE).write_text(as_json(state), encoding="utf-8")
            settle(working)
        except BaseException:
            shutil.rmtree(working, ignore_errors=True)
            raise
        shutil.rmtree(target, ignore_errors=True)
        working.rename(target)
    return Checkpoint(target, step, facts)


def weights_of(trained: Mapping[str, torch.nn.Parameter]) -> dict[str, torch.Tensor]:
    """Copies of the trained weights on the CPU, as they may be written."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in trained.items()}


def last_checkpoint(place: Path) -> Checkpoint | None:
    """The latest checkpoint that is whole; what a crash or a bad disk left is passed over."""
    return next(whole_checkpoints(place), None)


def whole_checkpoints(place: Path) -> Iterator[Checkpoint]:
    """All that are whole, the latest first."""
    for step in reversed(_steps(place)):
        checkpoint = checkpoint_of(place, step)
        if checkpoint is not None:
            yield checkpoint


def _steps(place: Path) -> list[int]:
    found = (_NAME.fullmatch(path.name) for path in place.glob("step-*"))
    return sorted(int(match[1]) for match in found if match)


def checkpoint_of(place: Path, step: int) -> Checkpoint | None:
    """The checkpoint of one step, if it is whole."""
    return _whole(place / f"step-{step:06d}")


def _whole(folder: Path) -> Checkpoint | None:
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        sums = state.pop("sha256")
        if any(file_sha256(folder / name) != sums[name] for name in (_WEIGHTS, _OPTIMIZER)):
            return None
        return Checkpoint(folder, state.pop("step"), state)
    except (OSError, ValueError, RecursionError, KeyError, AttributeError, TypeError):
        return None


def load_weights(checkpoint: Checkpoint, trained: Mapping[str, torch.nn.Parameter]) -> None:
    """Put the weights of a checkpoint into the model; raises UnsupportedError for other ones."""
    from safetensors.torch import load_file

    found = load_file(str(checkpoint.folder / _WEIGHTS))
    shapes = {name: tuple(value.shape) for name, value in found.items()}
    if shapes != {name: tuple(value.shape) for name, value in trained.items()}:
        raise UnsupportedError(
            f"{checkpoint.folder} holds the weights of another model or adapter",
            hint="Remove the run's folder and begin again.",
        )
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(found[name].to(parameter.device, parameter.dtype))


def load_optimizer(
    checkpoint: Checkpoint,
    trained: Mapping[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Put the optimizer's moments back, to the bit."""
    from safetensors.torch import load_file

    found = load_file(str(checkpoint.folder / _OPTIMIZER))
    for name, parameter in trained.items():
        if f"step/{name}" not in found:
            continue
        optimizer.state[parameter] = {
            kind: found[f"{kind}/{name}"].to(parameter.device) for kind in _MOMENTS
        }


def prune(place: Path, *, keep: set[int], newest: int) -> None:
    """Remove all checkpoints but the ``newest`` latest and those of the steps ``keep``."""
    steps = _steps(place)
    for step in steps[: max(0, len(steps) - newest)]:
        if step not in keep:
            shutil.rmtree(place / f"step-{step:06d}", ignore_errors=True)
    for leftover in place.glob(".step-*.new"):
        shutil.rmtree(leftover, ignore_errors=True)
