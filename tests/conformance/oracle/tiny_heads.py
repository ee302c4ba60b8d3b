"""Writes tiny TorchScript modules, one for each shape of output: ``python tiny_heads.py FOLDER``.

They take BERT's four arguments and add up seeded word vectors; nothing is learnt.  What they say
means nothing, but it has the shape of what a real model of the task says.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

WORDS = 17
LABELS = 3


class Vector(torch.nn.Module):
    """One row of numbers for a text."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(WORDS, width)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, width]."""
        words = self.words(ids) * mask[:, :, None] * (1.0 + 0.1 * types)[:, :, None]
        return words.sum(1) + 0.0 * positions.sum()


class Rows(torch.nn.Module):
    """One row of numbers for each token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(WORDS, width)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, tokens, width]."""
        rows: Tensor = self.words(ids + 0 * types) * mask[:, :, None]
        return rows + 0.01 * positions[None, :, None]


class Spans(torch.nn.Module):
    """Where an answer may start and end."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(WORDS, 2)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[2, batch, tokens]."""
        rows: Tensor = self.words(ids + 0 * types) * mask[:, :, None]
        return (rows + 0.01 * positions[None, :, None]).permute(2, 0, 1)


HEADS = {
    "text_embedding": lambda: Vector(4),
    "text_similarity": lambda: Vector(1),
    "text_classification": lambda: Vector(LABELS),
    "zero_shot_classification": lambda: Vector(3),
    "text_expansion": lambda: Rows(WORDS),
    "fill_mask": lambda: Rows(WORDS),
    "ner": lambda: Rows(LABELS),
    "pass_through": lambda: Rows(2),
    "question_answering": Spans,
}

if __name__ == "__main__":
    for task, head in HEADS.items():
        torch.manual_seed(11)
        script = torch.jit.script(head())  # type: ignore[no-untyped-call]
        torch.jit.save(script, str(Path(sys.argv[1]) / f"{task}.pt"))
