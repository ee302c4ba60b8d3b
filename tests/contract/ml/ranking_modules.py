"""Writes the TorchScript modules of the ranking tests: ``python ranking_modules.py FOLDER``.

They take BERT's four arguments. Words of the vocabulary in ``ml_calls`` begin at id 5.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor


class Shared(torch.nn.Module):
    """Scores a pair by how many words of the passage stand in the question, less one and a half."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 1], negative when nothing or one word is shared."""
        words = (ids >= 5) & (mask == 1)
        # The server sends no token types, so the separator (id 3) divides the two texts.
        ended = (ids == 3).long().cumsum(1)
        question = words & (ended == 0)
        passage = words & (ended == 1)
        same = (ids[:, :, None] == ids[:, None, :]) & question[:, None, :]
        shared = same.any(2) & passage
        return shared.sum(1, keepdim=True).float() - 1.5


class Counts(torch.nn.Module):
    """Weighs each word of the vocabulary by how often it stands in the text."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 16]."""
        words = ((ids >= 5) & (mask == 1)).float()
        weights = torch.zeros(ids.size(0), 16)
        return weights.scatter_add(1, ids, words * 0.5)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, module in {"similarity": Shared(), "expansion": Counts()}.items():
        torch.jit.save(torch.jit.script(module), folder / f"{name}.pt")  # type: ignore[no-untyped-call]
