"""The loss of a pack: cross-entropy at the positions of its answers, and nowhere else.

The head of a model is a large part of a small model's work (28 % of SmolLM2's parameters), so it
is asked for those positions alone (``logits_to_keep``).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from esrag.training.packing import Row


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows laid one after the other.

    ``ids`` and ``positions`` are (1, tokens), positions from 0 in each row; ``before`` are the
    places whose next token is an answer's, ``targets`` those tokens.
    """

    keys: tuple[str, ...]
    kinds: tuple[str, ...]
    lengths: tuple[int, ...]
    answer_tokens: tuple[int, ...]
    ids: torch.Tensor
    positions: torch.Tensor
    before: torch.Tensor
    targets: torch.Tensor


def pack_of(rows: Sequence[Row], device: torch.device) -> Pack:
    """Lay rows one after the other, on the device."""
    before: list[int] = []
    targets: list[int] = []
    start = 0
    for row in rows:
        before += range(start + row.answer_start - 1, start + len(row.tokens) - 1)
        targets += row.tokens[row.answer_start :]
        start += len(row.tokens)

    def tensor(values: list[int]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long).to(device, non_blocking=True)

    return Pack(
        keys=tuple(row.key for row in rows),
        kinds=tuple(row.kind for row in rows),
        lengths=tuple(len(row.tokens) for row in rows),
        answer_tokens=tuple(row.answer_tokens for row in rows),
        ids=tensor([token for row in rows for token in row.tokens])[None],
        positions=tensor([place for row in rows for place in range(len(row.tokens))])[None],
        before=tensor(before),
        targets=tensor(targets),
    )


class AnswerLoss:
    """Computes losses with one model; ``virtual`` are the positions that a learnt prompt adds.

    With a learnt prompt a pack must hold one row, because the prompt stands before the pack.
    """

    def __init__(self, model: Any, *, virtual: int = 0) -> None:
        self._model, self._virtual = model, virtual
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._keeps = "logits_to_keep" in inspect.signature(base.forward).parameters

    def __call__(self, pack: Pack, model: Any = None) -> torch.Tensor:
        """The sum over all answer tokens, in float32; ``model`` may be a wrapper of the same."""
        return self.each(pack, model).sum()

    def each(self, pack: Pack, model: Any = None) -> torch.Tensor:
        """The loss of each answer token, in the order of the pack."""
        places = pack.before + self._virtual
        given: dict[str, Any] = {"input_ids": pack.ids, "use_cache": False}
        if not self._virtual:
            given["position_ids"] = pack.positions
        if self._keeps:
            given["logits_to_keep"] = places
        logits = (model if model is not None else self._model)(**given).logits[0]
        if not self._keeps:
            logits = logits[places]
        return cross_entropy(logits.float(), pack.targets, reduction="none")
