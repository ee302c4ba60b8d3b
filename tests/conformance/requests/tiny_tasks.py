"""Writes a tiny TorchScript module for each task: ``python tiny_tasks.py FOLDER``.

They take BERT's four arguments over a vocabulary of 16 words.  Weights are small formulas, not
random, so that the vectors can name the results.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor


def table(rows: int, columns: int) -> Tensor:
    """Numbers between 0 and 1 that differ from row to row."""
    row = torch.arange(rows).unsqueeze(1)
    column = torch.arange(columns).unsqueeze(0)
    return ((row * 7 + column * 3 + row * column) % 11).float() / 10.0


def second_text(ids: Tensor) -> Tensor:
    """1 behind the first [SEP], else 0: the server gives all words the type 0."""
    ends = (ids == 3).long().cumsum(1)
    return ((ends > 0) & (ids != 3)).long()


class TextEmbedding(torch.nn.Module):
    """The mean of the words' vectors of 8 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("words", table(16, 8) + 0.1)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 8]."""
        words = self.words[ids] + 0.0 * types.unsqueeze(2) + 0.0 * positions[None, :, None]
        return (words * mask.unsqueeze(2)).sum(1) / mask.sum(1).unsqueeze(1)


class TextSimilarity(torch.nn.Module):
    """How many words stand in both texts, less one."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 1]."""
        later = second_text(ids)
        words = torch.nn.functional.one_hot(ids, 16) * mask.unsqueeze(2)
        first_has = (words * (1 - later).unsqueeze(2)).sum(1).clamp(max=1)
        second_has = (words * later.unsqueeze(2)).sum(1).clamp(max=1)
        both = (first_has * second_has)[:, 5:].sum(1, keepdim=True)
        return both.float() - 1.0 + 0.0 * types.sum() + 0.0 * positions.sum()


class TextExpansion(torch.nn.Module):
    """A weight for each word of the vocabulary: how often it stands in the text, halved."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 16]."""
        words = torch.nn.functional.one_hot(ids, 16) * mask.unsqueeze(2)
        counts = words.sum(1).float() / 2.0
        counts[:, :5] = 0.0
        return counts + 0.0 * types.sum() + 0.0 * positions.sum()


class Labels(torch.nn.Module):
    """The same logits for every text."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.register_buffer("logits", torch.tensor(logits))

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, labels]."""
        nothing = 0.0 * (ids + mask + types).sum(1, keepdim=True) + 0.0 * positions.sum()
        return self.logits.unsqueeze(0) + nothing


class FillMask(torch.nn.Module):
    """Wherever a word is asked for, the words from "a" on, with falling logits."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, sequence, 16]."""
        logits = torch.arange(16).float().flip(0)
        logits[:5] = -20.0
        nothing = 0.0 * (ids + mask + types).float().unsqueeze(2) + 0.0 * positions[None, :, None]
        return logits[None, None, :] + nothing


class Entities(torch.nn.Module):
    """The word "a" begins a person, "b" goes on with it, "c" begins a place."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, sequence, 5] for O, B_PER, I_PER, B_LOC, I_LOC."""
        label = (ids == 5) * 1 + (ids == 6) * 2 + (ids == 7) * 3
        logits = torch.nn.functional.one_hot(label, 5).float() * 6.0
        nothing = 0.0 * (mask + types).float().unsqueeze(2) + 0.0 * positions[None, :, None]
        return logits + nothing


class Answer(torch.nn.Module):
    """The answer begins at the word "c" and ends at the word "d"."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[2, batch, sequence]."""
        second = (second_text(ids) * mask + 0 * types).float()
        start = (ids == 7).float() * second * 8.0
        end = (ids == 8).float() * second * 8.0
        return torch.stack([start + 0.0 * positions[None, :], end])


MODULES: dict[str, torch.nn.Module] = {
    "text_embedding": TextEmbedding(),
    "text_similarity": TextSimilarity(),
    "text_expansion": TextExpansion(),
    "text_classification": Labels([1.0, 0.0]),
    "zero_shot_classification": Labels([0.0, 1.0, 2.0]),
    "fill_mask": FillMask(),
    "ner": Entities(),
    "question_answering": Answer(),
    "pass_through": Labels([0.5, -0.25]),
}

if __name__ == "__main__":
    for name, module in MODULES.items():
        torch.jit.save(torch.jit.script(module), str(Path(sys.argv[1]) / f"{name}.pt"))
