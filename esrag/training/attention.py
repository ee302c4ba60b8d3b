"""Attention for rows that lie one after the other in one pass: each row sees itself alone.

A mask over the whole pack costs the square of its length; here every row is attended to by
itself, so that a pack costs what its rows cost.  transformers calls it by the name PACKED, as any
of its own attention functions.  Rows of a pack are told beforehand (``Rows.of``) instead of being
found in the position ids, because a model need not pass these on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

PACKED = "esrag_packed"


class Rows:
    """The lengths of the rows in the present pack; None between packs.

    Not a context variable: where gradient checkpointing computes a layer again, it does so in the
    thread of the backward pass.
    """

    lengths: tuple[int, ...] | None = None

    @classmethod
    @contextmanager
    def of(cls, lengths: Sequence[int]) -> Iterator[None]:
        """For forward and backward of one pack."""
        cls.lengths = tuple(lengths)
        try:
            yield
        finally:
            cls.lengths = None


def register() -> None:
    """Make transformers know the name PACKED."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(PACKED, packed_attention)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each row; tensors are (1, heads, positions, head size).

    Models with other rules (soft caps, sinks) are found out when packing is tried on them.
    """
    del module, attention_mask
    lengths = list(Rows.lengths or (query.shape[2],))
    if query.shape[0] != 1 or query.shape[2] != sum(lengths) or key.shape[2] != query.shape[2]:
        raise RuntimeError("rows of a pack do not fit its tensors")
    if any(others.get(name) is not None for name in ("softcap", "s_aux", "head_mask")):
        raise RuntimeError("attention with soft caps, sinks or head masks")
    alike = query.shape[1] == key.shape[1]
    outcomes = []
    for q, k, v in zip(
        torch.split(query, lengths, dim=2),
        torch.split(key, lengths, dim=2),
        torch.split(value, lengths, dim=2),
        strict=True,
    ):
        window = _window(q.shape[2], sliding_window, q.device)
        outcomes.append(
            scaled_dot_product_attention(
                q,
                k,
                v,
                attn_mask=window,
                is_causal=window is None,
                dropout_p=dropout,
                scale=scaling,
                enable_gqa=not alike,
            )
        )
    return torch.cat(outcomes, dim=2).transpose(1, 2).contiguous(), None


def _window(length: int, width: int | None, device: torch.device) -> torch.Tensor | None:
    """The mask of a row that is longer than the model's sliding window; None for all others."""
    if not width or length <= width:
        return None
    place = torch.arange(length, device=device)
    behind = place[:, None] - place[None, :]
    return (behind >= 0) & (behind < width)
