"""One forward pass for one prompt or for a whole batch, over a transformers model.

``prefill`` reads a stretch of one request's prompt; ``decode`` adds one token to every running
request, each through its own LoRA adapter or none.  Both return float32 logits as numpy arrays,
so that sampling needs no torch.
What to run, and when, is the scheduler's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from esrag.local.tgi.generation.adapters import AdaptedLayers, LoraAdapter
from esrag.local.tgi.generation.slots import SlotMemory

ATTENTION = "esrag_slots"


def slot_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    *,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Grouped-query attention that never copies the keys and values for each query head.

    The query heads that share a key head are treated as further query positions, which the
    ordinary kernel takes; transformers repeats the whole memory instead.
    """
    del module
    batch, heads, tokens, size = query.shape
    groups = heads // key.shape[1]
    if groups > 1:
        query = query.reshape(batch, key.shape[1], groups * tokens, size)
        if tokens > 1:
            attention_mask = attention_mask.repeat(1, 1, groups, 1)
    mixed = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, scale=scaling
    )
    return mixed.reshape(batch, heads, tokens, size).transpose(1, 2).contiguous(), None


class TorchRunner:
    """Runs a model whose attention implementation is ``slot_attention``."""

    def __init__(self, model: Any, memory: SlotMemory, layers: AdaptedLayers) -> None:
        self._model = model
        self._memory = memory
        self._layers = layers
        self._device: torch.device = model.device

    def prefill(
        self,
        row: int,
        *,
        ids: Sequence[int],
        start: int,
        all_logits: bool = False,
        adapter: LoraAdapter | None = None,
    ) -> NDArray[np.float32]:
        """Read ``ids`` at positions ``start``… of ``row``; logits of the last or of all."""
        tokens = torch.tensor([ids], device=self._device)
        positions = torch.arange(start, start + len(ids), device=self._device)[None]
        with self._layers.applied([adapter]):
            logits = self._forward(tokens, positions, first=row, keep=0 if all_logits else 1)
        read: NDArray[np.float32] = logits[0]
        return read

    def decode(
        self,
        ids: Sequence[int],
        *,
        positions: Sequence[int],
        adapters: Sequence[LoraAdapter | None] = (),
    ) -> NDArray[np.float32]:
        """Add ``ids[row]`` at ``positions[row]`` to the rows 0…; logits, one line per row.

        ``adapters`` has one for each row, or is empty where no row has one.
        """
        tokens = torch.tensor(ids, device=self._device)[:, None]
        places = torch.tensor(positions, device=self._device)[:, None]
        with self._layers.applied(adapters):
            logits = self._forward(tokens, places, first=0, keep=1)
        last: NDArray[np.float32] = logits[:, 0]
        return last

    def move(self, *, source: int, target: int, length: int) -> None:
        """Copy a row's memory over another row's."""
        with torch.inference_mode():
            self._memory.move(source=source, target=target, length=length)

    def release(self) -> None:
        """Nothing is running: give the memory back."""
        self._memory.release()
        self._layers.release()

    def _forward(
        self, tokens: torch.Tensor, positions: torch.Tensor, *, first: int, keep: int
    ) -> NDArray[np.float32]:
        with torch.inference_mode():
            length = int(positions.max()) + 1
            self._memory.select(first=first, positions=positions, length=length)
            reach = torch.arange(length, device=self._device)
            mask = reach[None, None, None, :] <= positions[:, None, :, None]
            logits = self._model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=self._memory,
                cache_position=positions[0],
                use_cache=True,
                logits_to_keep=keep,
            ).logits
            result: NDArray[np.float32] = logits.float().cpu().numpy()
            return result
