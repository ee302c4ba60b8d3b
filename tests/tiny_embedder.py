"""Writes a small text embedder: ``python tiny_embedder.py FILE DIMS SEED WORDS``.

It takes BERT's four arguments and gives the mean of seeded word vectors, so that texts with words
in common are near each other, and another seed or length is another model.
"""

import sys

import torch
from torch import Tensor


class Mean(torch.nn.Module):
    """A mean over the words' vectors, where the mask says that there are words."""

    def __init__(self, words: int, dims: int) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(words, dims)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, dims]."""
        words = self.words(ids + types) * (1.0 + 0.0 * positions)[None, :, None]
        pooled: Tensor = (words * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        return pooled


if __name__ == "__main__":
    file, dims, seed, words = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(int(seed))
    torch.jit.save(torch.jit.script(Mean(int(words), int(dims))), file)  # type: ignore[no-untyped-call]
