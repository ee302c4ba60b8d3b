"""LoRA adapters beside a model: each row of a batch gets its own, or none.

    x ──► linear layer (frozen) ─────────────────────────────► + ──► out
    └──► down of every adapter in the batch ─► h ─► mask ─► up ─┘
         [in, Σ ranks]                [rows, tokens, Σ ranks]

LoRA adds ``scale · B A x`` to what a linear layer says (Hu et al. 2021, arXiv:2106.09685); DoRA
brings each row of the sum of weights to a length of its own as well, which here is a factor for
each output (Liu et al. 2024, arXiv:2402.09353).  Where
the rows of a pass want different adapters, their ``A`` and ``B`` are laid side by side, the part
of ``h`` that belongs to another row's adapter is put to zero, and two products serve the whole
batch, as in S-LoRA and Punica (which have kernels of their own for it).  Gathering a copy of the
weights for each row would move more bytes than the model itself has; a product for each adapter
would be slower from the second on, since on a CPU such small products cost mostly their call.

The side-by-side weights are kept from pass to pass and made anew when a request with another
adapter joins.  Knows nothing of files, names or requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class LoraLayer:
    """What an adapter adds to one linear layer.

    ``down`` is A transposed, [in, rank]; ``up`` is B transposed and scaled, [rank, out].  Both lie
    in memory as they are multiplied.  With ``gain`` and ``shift``, [out] each, the layer's own
    output is multiplied and added to first (DoRA; ``up`` holds the gain already).
    """

    down: torch.Tensor
    up: torch.Tensor
    gain: torch.Tensor | None = None
    shift: torch.Tensor | None = None

    @property
    def bytes(self) -> int:
        """What it occupies."""
        parts = (self.down, self.up, self.gain, self.shift)
        return sum(part.nbytes for part in parts if part is not None)


@dataclass(frozen=True, slots=True, eq=False)
class LoraAdapter:
    """The layers of one adapter, by the path of the module that they belong to."""

    layers: Mapping[str, LoraLayer]

    @property
    def bytes(self) -> int:
        """What it occupies; side by side with others it occupies as much again."""
        return sum(layer.bytes for layer in self.layers.values())


@dataclass(frozen=True, slots=True)
class _Joined:
    """One module under several adapters.

    ``owners`` says to which of them each column of ``h`` belongs.  ``gains`` and ``shifts`` have a
    row for each adapter and a last one, 1 and 0, for the rows without.
    """

    down: torch.Tensor
    up: torch.Tensor
    owners: torch.Tensor
    gains: torch.Tensor | None
    shifts: torch.Tensor | None


@dataclass(slots=True)
class _SideBySide:
    """Several adapters as one; modules are joined when a pass first comes to them."""

    adapters: tuple[LoraAdapter, ...]
    layers: dict[str, _Joined | None] = field(default_factory=dict)

    def layer(self, name: str) -> _Joined | None:
        """The joined weights of one module; None: none of the adapters changes it."""
        if name not in self.layers:
            self.layers[name] = self._join(name)
        return self.layers[name]

    def _join(self, name: str) -> _Joined | None:
        every = [adapter.layers.get(name) for adapter in self.adapters]
        found = [layer for layer in every if layer is not None]
        if not found:
            return None
        owners = [
            place
            for place, layer in enumerate(every)
            if layer is not None
            for _ in range(layer.up.shape[0])
        ]
        return _Joined(
            down=torch.cat([layer.down for layer in found], dim=1),
            up=torch.cat([layer.up for layer in found], dim=0),
            owners=torch.tensor(owners, device=found[0].down.device),
            gains=_stacked([None if layer is None else layer.gain for layer in every], empty=1.0),
            shifts=_stacked([None if layer is None else layer.shift for layer in every], empty=0.0),
        )


def _stacked(rows: Sequence[torch.Tensor | None], *, empty: float) -> torch.Tensor | None:
    """The rows and one more; what is missing is ``empty``.  None where all are missing."""
    like = next((row for row in rows if row is not None), None)
    if like is None:
        return None
    blank = torch.full_like(like, empty)
    return torch.stack([*(blank if row is None else row for row in rows), blank])


@dataclass(slots=True)
class _Pass:
    """One forward pass: one adapter for all rows, or several side by side."""

    uniform: LoraAdapter | None = None
    mixed: _SideBySide | None = None
    row_owners: torch.Tensor | None = None
    # the projections of an attention layer share their input; it is cast once
    last_input: torch.Tensor | None = None
    last_cast: torch.Tensor | None = None

    def cast(self, value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """The input in the type of the adapter."""
        if value is not self.last_input or self.last_cast is None:
            self.last_input, self.last_cast = value, value.to(dtype)
        return self.last_cast


class AdaptedLayers:
    """Stands behind every linear layer of a model and adds what the rows of the pass ask for.

    The hooks are set once; loading or dropping an adapter does not touch the model, so it may
    happen while a pass runs.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._pass: _Pass | None = None
        self._kept: _SideBySide | None = None
        self._seen: dict[str, bool] | None = None
        self._linear = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear)
        }
        for name, module in self._linear.items():
            module.register_forward_hook(partial(self._after, name))

    @property
    def linear(self) -> Mapping[str, torch.nn.Linear]:
        """The layers that adapters may change, by the path of the module."""
        return self._linear

    @contextmanager
    def watched(self) -> Iterator[set[str]]:
        """For the passes inside: collects which layers see their input as [rows, tokens, in].

        Experts of a mixture see single tokens, which cannot be told apart by rows.
        """
        rowwise: set[str] = set()
        self._seen = {}
        try:
            yield rowwise
        finally:
            rowwise.update(name for name, whole in self._seen.items() if whole)
            self._seen = None

    @contextmanager
    def applied(self, adapters: Sequence[LoraAdapter | None]) -> Iterator[None]:
        """For the pass inside: row n goes through ``adapters[n]``."""
        wanted = list(dict.fromkeys(one for one in adapters if one is not None))
        if not wanted:
            yield
            return
        if len(wanted) == 1 and None not in adapters:
            self._pass = _Pass(uniform=wanted[0])
        else:
            mixed = self._side_by_side(wanted)
            places = {id(one): place for place, one in enumerate(mixed.adapters)}
            owners = [-1 if one is None else places[id(one)] for one in adapters]
            device = next(iter(wanted[0].layers.values())).down.device
            self._pass = _Pass(
                mixed=mixed, row_owners=torch.tensor(owners, device=device)[:, None, None]
            )
        try:
            yield
        finally:
            self._pass = None

    def release(self) -> None:
        """Nothing is running: give the side-by-side weights back."""
        self._kept = None

    def _side_by_side(self, wanted: list[LoraAdapter]) -> _SideBySide:
        """The kept one where it holds all that is wanted and not much more, else a new one."""
        kept = self._kept
        if (
            kept is None
            or not set(wanted) <= set(kept.adapters)
            or len(kept.adapters) > 2 * len(wanted)
        ):
            self._kept = kept = None  # the old one goes before the new one is made
            kept = self._kept = _SideBySide(tuple(wanted))
        return kept

    def _after(
        self, name: str, module: torch.nn.Module, inputs: tuple[Any, ...], out: torch.Tensor
    ) -> torch.Tensor | None:
        """Called by torch after each linear layer; None leaves its output as it is."""
        del module
        now = self._pass
        value = inputs[0]
        if self._seen is not None:
            self._seen[name] = self._seen.get(name, True) and value.dim() == 3
        if now is None:
            return None
        if now.uniform is not None:
            layer = now.uniform.layers.get(name)
            if layer is None:
                return None
            added = now.cast(value, layer.down.dtype) @ layer.down @ layer.up
            return _added(out, added, layer.gain, layer.shift)
        return _add_mixed(now, name, value, out)


def _add_mixed(now: _Pass, name: str, value: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    joined = None if now.mixed is None else now.mixed.layer(name)
    if joined is None or now.row_owners is None:
        return out
    inner = now.cast(value, joined.down.dtype) @ joined.down
    # not a product with zeros: what is infinite in one row's adapter must not reach another row
    added = inner.masked_fill_(now.row_owners != joined.owners, 0) @ joined.up
    gains = None if joined.gains is None else joined.gains[now.row_owners[:, 0]]
    shifts = None if joined.shifts is None else joined.shifts[now.row_owners[:, 0]]
    return _added(out, added, gains, shifts)


def _added(
    out: torch.Tensor,
    added: torch.Tensor,
    gain: torch.Tensor | None,
    shift: torch.Tensor | None,
) -> torch.Tensor:
    """The sum in the adapter's type, rounded once to the model's; ``out`` is ours to overwrite."""
    if gain is None:
        return out.add_(added)
    added = added.add_(out * gain)
    return out.copy_(added if shift is None else added.add_(shift))
