"""Writes the TorchScript module of these tests: ``python tiny_module.py FILE``.

It takes BERT's four arguments and gives the mean of seeded word vectors of 8 numbers. Each word
"slow" of the vocabulary in ``ml_calls`` (id 15) costs it a good while.
"""

import sys

import torch
from torch import Tensor


class Mean(torch.nn.Module):
    """A mean over the words' vectors, where the mask says that there are words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(16, 8)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 8]."""
        values = torch.ones(400, 400)
        for _ in range(int((ids == 15).sum()) * 100):
            values = torch.mm(values, values) / 400.0
        words = self.words(ids + types) * (1.0 + 0.0 * positions)[None, :, None]
        pooled: Tensor = (words * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        return pooled * values[0, 0]


if __name__ == "__main__":
    torch.manual_seed(7)
    torch.jit.save(torch.jit.script(Mean()), sys.argv[1])  # type: ignore[no-untyped-call]
