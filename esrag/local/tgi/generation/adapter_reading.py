"""An adapter's folder to weights that can be applied to the model that is loaded.

``model_files`` checks the folder: safetensors only, known settings, shapes that fit the base.  Here
it is held against the model as it runs: every layer that the adapter changes must be one whose
rows can be told apart, and its values must be finite in the type in which it is served.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

import torch

from esrag.errors import UnsupportedError
from esrag.local.tgi.generation.adapters import LoraAdapter, LoraLayer
from esrag.model_files import (
    MANIFEST,
    AdapterFacts,
    LoraShape,
    check_adapter_folder,
    check_manifest,
    weights_fingerprint,
)

WEIGHTS = "adapter_model.safetensors"
_MERGE = "Merge it into the base model (esrag adapter merge) and serve the merged model."
_PREFIX = "base_model.model."


class AdapterReader:
    """Reads adapters for one model; may be called from any thread."""

    def __init__(
        self,
        linear: Mapping[str, torch.nn.Linear],
        *,
        rowwise: Collection[str],
        base: Path,
        dtype: torch.dtype,
        device: torch.device,
        most_rank: int,
    ) -> None:
        self._linear = linear
        self._rowwise = frozenset(rowwise)
        self._base = base
        self._dtype = dtype
        self._device = device
        self._most_rank = most_rank
        self._fingerprint = ""
        self._once = threading.Lock()

    def prepare(self) -> None:
        """Find out now which base weights these are, so that the first adapter need not wait."""
        with self._once:
            self._fingerprint = self._fingerprint or weights_fingerprint(self._base)

    def read(self, folder: Path, *, most_bytes: int) -> tuple[LoraAdapter, str]:
        """The weights and the sha256 of their file; raises UnsupportedError with the reason."""
        facts = check_adapter_folder(folder, self._base)
        self._check_servable(folder, facts, most_bytes)
        for name in facts.modules:
            self._check_module(folder, name)
        self._check_origin(folder)
        # read whole, not mapped: a mapped file that is cut short takes the process with it
        content = (folder / WEIGHTS).read_bytes()
        tensors = _tensors(folder, content)
        try:
            layers = {
                name: self._layer(name, tensors, shape) for name, shape in facts.modules.items()
            }
        except KeyError as error:
            raise UnsupportedError(f"{folder} changed while it was read") from error
        except _NotFinite as error:
            raise UnsupportedError(
                f"{folder}: {error} holds values that are not finite",
                hint="The training went wrong; its metrics tell where.",
            ) from error
        return LoraAdapter(layers), hashlib.sha256(content).hexdigest()

    def _check_servable(self, folder: Path, facts: AdapterFacts, most_bytes: int) -> None:
        if facts.kind != "lora":
            raise UnsupportedError(
                f"{folder} is an adapter of kind {facts.kind}; this server applies LoRA and DoRA",
                hint="Train with --method lora or dora to have it served here.",
            )
        if facts.rank > self._most_rank:
            raise UnsupportedError(
                f"{folder} has the LoRA rank {facts.rank}; at most {self._most_rank} is allowed "
                "here",
                hint="Start the server with a higher --max-adapter-rank, or merge the adapter.",
            )
        needed = facts.parameters * self._dtype.itemsize
        if needed > most_bytes:
            raise UnsupportedError(
                f"{folder} takes {needed / 2**20:.1f} MiB of memory, and "
                f"{most_bytes / 2**20:.1f} MiB are left for adapters",
                hint="Unload one that is not needed, or merge the adapter.",
            )

    def _check_origin(self, folder: Path) -> None:
        """What a manifest says: the files are as they were made, and for these very weights."""
        if not (folder / MANIFEST).is_file():
            return
        base = check_manifest(folder).facts.get("base")
        fingerprint = base.get("fingerprint") if isinstance(base, dict) else None
        if not fingerprint:
            return
        self.prepare()
        if fingerprint != self._fingerprint:
            raise UnsupportedError(
                f"{folder} was trained on other weights ({str(fingerprint)[:12]}) than those "
                f"served here ({self._fingerprint[:12]})",
                hint="Serve the model that it was trained on, or train it on the one served.",
            )

    def _check_module(self, folder: Path, name: str) -> None:
        if name not in self._linear:
            raise UnsupportedError(
                f"{folder} changes {name}, and the base model has no such linear layer",
                hint="The adapter was made for another base model.",
            )
        if name not in self._rowwise:
            raise UnsupportedError(
                f"{folder} changes {name}, which does not see whole requests (an expert, maybe)",
                hint=_MERGE,
            )

    def _layer(self, name: str, tensors: Mapping[str, torch.Tensor], shape: LoraShape) -> LoraLayer:
        def part(kind: str) -> torch.Tensor:
            found = tensors.get(f"{_PREFIX}{name}.{kind}.weight")
            return (tensors[f"{_PREFIX}{name}.{kind}"] if found is None else found).float()

        down, up = part("lora_A"), part("lora_B") * shape.scale
        gain = shift = None
        if shape.magnitude:
            module = self._linear[name]
            changed = module.weight.float() + (up @ down).to(self._device)
            gain = part("lora_magnitude_vector").to(self._device) / torch.linalg.norm(
                changed, dim=1
            )
            up = gain[:, None].to(up.device) * up
            if module.bias is not None:
                shift = (1 - gain) * module.bias.float()
        layer = LoraLayer(self._placed(down), self._placed(up), gain, shift)
        for tensor in (layer.down, layer.up, layer.gain):
            if tensor is not None and not torch.isfinite(tensor).all():
                raise _NotFinite(name)
        return layer

    def _placed(self, matrix: torch.Tensor) -> torch.Tensor:
        return matrix.to(self._dtype).T.contiguous().to(self._device)


class _NotFinite(Exception):
    """A layer with NaN or infinity, after rounding to the type it is served in."""


def _tensors(folder: Path, content: bytes) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except SafetensorError as error:
        raise UnsupportedError(f"{folder / WEIGHTS} cannot be read: {error}") from error
