"""What an adapter does to one matrix.

LoRA (Hu et al. 2021, arXiv 2106.09685):   W' = W + scale * B A
DoRA (Liu et al. 2024, arXiv 2402.09353):  W' = m * V / |V| by rows,  with V = W + scale * B A
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from esrag.adapters.arrays import read_array
from esrag.errors import UnsupportedError
from esrag.model_files.adapter_folders import WEIGHTS, check_adapter_folder
from esrag.model_files.tensors import TensorFile, TensorPlace, read_head

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one module: ``down`` is A, rank x inputs; ``up`` is B, outputs x rank."""

    down: Array
    up: Array
    scale: float
    magnitude: Array | None = None

    def applied(self, weight: Array, *, first: int = 0) -> Array:
        """The merged rows for the rows of W that begin with row ``first``, in W's precision."""
        kind = weight.dtype
        up = self.up[first : first + len(weight)].astype(kind)
        changed: Array = weight + kind.type(self.scale) * (up @ self.down.astype(kind))
        if self.magnitude is None:
            return changed
        wanted = self.magnitude[first : first + len(weight)].astype(kind)
        lengths = np.linalg.norm(changed, axis=1)
        if not lengths.all():
            raise UnsupportedError(
                "a DoRA adapter meets a row of zeros, which has no direction",
                hint="Is it the base that the adapter was trained on?",
            )
        result: Array = changed * (wanted / lengths)[:, None]
        return result


class Changes:
    """All changes of an adapter by the name of the weight that they change."""

    def __init__(self, folder: Path, base: Path) -> None:
        """Raises UnsupportedError for an adapter that is hostile, unfitting or no LoRA."""
        facts = check_adapter_folder(folder, base)
        if facts.kind != "lora":
            raise UnsupportedError(
                f"{folder} holds a tuned prompt, which changes no weights",
                hint="Only LoRA and DoRA adapters can be merged.",
            )
        self._shapes = facts.modules
        self._head = read_head(folder / WEIGHTS)
        self._names = _tensor_names(self._head)

    def __len__(self) -> int:
        return len(self._shapes)

    def of(self, weight: str) -> Change | None:
        """The change of this weight; None when it stays."""
        module = weight.removesuffix(".weight")
        shape = self._shapes.get(module) if module != weight else None
        if shape is None:
            return None
        parts = {
            part: read_array(self._head.file, self._head.tensors[name])
            for part, name in self._names[module].items()
        }
        return Change(
            down=parts["lora_A"],
            up=parts["lora_B"],
            scale=shape.scale,
            magnitude=parts.get("lora_magnitude_vector"),
        )


def _tensor_names(head: TensorFile) -> dict[str, dict[str, str]]:
    """The tensors' names by module and part; the form of the names was checked."""
    found: dict[str, dict[str, str]] = {}
    for name in head.tensors:
        bare = name.removeprefix("base_model.model.").removesuffix(".weight")
        module, _, part = bare.rpartition(".")
        found.setdefault(module, {})[part] = name
    return found


def check_finite(folder: Path) -> None:
    """Raise UnsupportedError when a value of the adapter is infinite or no number."""
    head = read_head(folder / WEIGHTS)
    wrong = [name for name, place in head.tensors.items() if not _is_finite(head.file, place)]
    if wrong:
        raise UnsupportedError(
            f"{head.file} holds values that are no numbers, first in {wrong[0]}",
            hint="The training went wrong there; take an earlier checkpoint.",
        )


def is_without_effect(folder: Path) -> bool:
    """Whether every product B A is zero: the adapter was saved before its first step."""
    head = read_head(folder / WEIGHTS)
    ups: Mapping[str, TensorPlace] = {
        name: place for name, place in head.tensors.items() if "lora_B" in name
    }
    return bool(ups) and not any(read_array(head.file, place).any() for place in ups.values())


def _is_finite(file: Path, place: TensorPlace) -> bool:
    return bool(np.isfinite(read_array(file, place)).all())
