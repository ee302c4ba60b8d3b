"""The key-value memory of a running batch: one row per request, each at its own length.

    row 0  [prompt and answer so far ........]
    row 1  [prompt so far ...]                   rows never shift; a request that leaves is
    row 2  [prompt and answer .....]             replaced by the last row

transformers' own caches keep one length for the whole batch, so joining means padding and
copying all of it.  Here a newcomer is written into the next row and the others are not touched.
It is handed to a transformers model as ``past_key_values``; the model calls ``update``.
"""

from __future__ import annotations

from typing import Any

import torch

_GRANULARITY = 256


class SlotMemory:
    """Keys and values of all layers; ``select`` says what the next forward pass may see."""

    def __init__(
        self,
        *,
        layers: int,
        heads: int,
        head_size: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._layers = layers
        self._shape = (heads, head_size)
        self._dtype = dtype
        self._device = device
        self._memory: torch.Tensor | None = None
        self._first = 0
        self._count = 0
        self._length = 0
        self._positions = torch.empty(0, dtype=torch.long)
        self._rows = torch.empty(0, dtype=torch.long)

    @property
    def bytes_per_token(self) -> int:
        """What one token of one row occupies."""
        heads, size = self._shape
        return 2 * self._layers * heads * size * self._dtype.itemsize

    def select(self, *, first: int, positions: torch.Tensor, length: int) -> None:
        """The next pass writes ``positions`` ([rows, tokens]) of the rows from ``first`` on.

        It reads the first ``length`` tokens of these rows; the attention mask hides what a
        shorter row has not written yet.
        """
        self._reserve(rows=first + positions.shape[0], length=length)
        self._first, self._count, self._length = first, positions.shape[0], length
        self._positions = positions
        self._rows = torch.arange(first, first + self._count, device=self._device)[:, None]

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Called by every attention layer: store the new keys and values, return all so far."""
        memory = self._memory
        if memory is None:
            raise RuntimeError("select() must come before the forward pass")
        rows = slice(self._first, self._first + self._count)
        results = []
        for kind, new in ((0, keys), (1, values)):
            stored = memory[layer, kind]
            stored[self._rows, :, self._positions] = new.transpose(1, 2)
            results.append(stored[rows, :, : self._length])
        return results[0], results[1]

    def get_seq_length(self, layer: int = 0) -> int:
        """Part of transformers' protocol; the positions we pass make it irrelevant."""
        del layer
        return 0

    def move(self, *, source: int, target: int, length: int) -> None:
        """Copy the first ``length`` tokens of one row over another."""
        if self._memory is not None and source != target:
            rows = self._memory
            rows[:, :, target, :, :length] = rows[:, :, source, :, :length]

    def release(self) -> None:
        """Give the memory back; nothing is running."""
        self._memory = None

    def _reserve(self, *, rows: int, length: int) -> None:
        old = self._memory
        have_rows, have_length = (0, 0) if old is None else (old.shape[2], old.shape[4])
        if rows <= have_rows and length <= have_length:
            return
        # doubling keeps the copies rare; a finished batch gives everything back
        rows = max(rows, 2 * have_rows) if rows > have_rows else have_rows
        if length > have_length:
            length = -(-max(length, 2 * have_length) // _GRANULARITY) * _GRANULARITY
        else:
            length = have_length
        heads, size = self._shape
        new = torch.zeros(
            (self._layers, 2, rows, heads, length, size), dtype=self._dtype, device=self._device
        )
        if old is not None:
            new[:, :, :have_rows, :, :have_length] = old
        self._memory = new
