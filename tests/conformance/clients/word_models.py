"""Writes two models without learned weights: ``python word_models.py FOLDER``.

No learned sparse encoder and no learned reranker can be had here, so these judge by words.  They
say the same for the same text on every server, and what they say has a meaning that a test can
check: ``expansion.pt`` weighs each word of a text, rare ones more; ``similarity.pt`` counts the
words that a question and a passage share.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

VOCABULARY = 30_522  # of bert-base-uncased
FIRST_WORD = 1_996  # "the"; below it are marks, letters and unused entries


class Expansion(torch.nn.Module):
    """The words of a text, each with a weight; the vocabulary is ordered by frequency."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, vocabulary]."""
        weights = torch.log(ids.to(torch.float) / 1_900.0 + 1.0) * mask
        weights = weights * (ids >= 1_996) + 0.0 * (types + positions)
        empty = torch.zeros(ids.size(0), 30_522)
        return empty.scatter_reduce(1, ids, weights, "amax")


class Similarity(torch.nn.Module):
    """How many words of the first text stand in the second, less one."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 1]."""
        words = (ids >= 1_996) & (mask > 0) & (types == 0) & (positions >= 0)
        ended = torch.cumsum((ids == 102).to(torch.int), 1)  # the server marks no second text
        first = words & (ended == 0)
        second = words & (ended > 0)
        same = ids[:, :, None] == ids[:, None, :]
        shared = (same & first[:, :, None] & second[:, None, :]).any(2)
        return shared.sum(1, keepdim=True).to(torch.float) - 1.0


def main(folder: Path) -> None:
    """Write both."""
    torch.jit.save(torch.jit.script(Expansion()), str(folder / "expansion.pt"))
    torch.jit.save(torch.jit.script(Similarity()), str(folder / "similarity.pt"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
