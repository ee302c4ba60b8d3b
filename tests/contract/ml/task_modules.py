"""Writes a TorchScript module for each task: ``python task_modules.py FOLDER``.

They take BERT's four arguments and know the vocabulary of ``ml_calls``, where ``a`` has id 5.
What they give follows from the ids by plain rules, so that a test can tell the result by hand.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

WORDS = 16
A, B, C, D = 5, 6, 7, 8


class EachWord(torch.nn.Module):
    """A row of a table for every word: [batch, words, columns]."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.words = torch.nn.Embedding.from_pretrained(table)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """The rows."""
        return self.words(ids)  # type: ignore[no-any-return]


class WholeText(torch.nn.Module):
    """The sum of the rows of all words: [batch, columns]."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.words = torch.nn.Embedding.from_pretrained(table)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """The sums; padding counts for nothing."""
        rows: Tensor = self.words(ids) * mask[:, :, None]
        return rows.sum(1)


class Span(torch.nn.Module):
    """How well a span starts and ends at each word: [2, batch, words]."""

    def __init__(self) -> None:
        super().__init__()
        table = torch.zeros(WORDS, 2)
        table[C, 0], table[D, 1] = 9.0, 9.0
        self.words = torch.nn.Embedding.from_pretrained(table)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """Starts at ``c`` and ends at ``d``."""
        rows: Tensor = self.words(ids)
        return rows.permute(2, 0, 1)


def _table(columns: int, **cells: float) -> Tensor:
    """Zeros but for the cells named like ``a1``: the row of the word ``a``, column 1."""
    table = torch.zeros(WORDS, columns)
    for name, value in cells.items():
        table["abcdefghij".index(name[0]) + A, int(name[1:])] = value
    return table


def modules() -> dict[str, torch.nn.Module]:
    """By task."""
    rising = torch.zeros(WORDS, 3)
    rising[:, 2] = torch.arange(WORDS) / 4.0
    mask = torch.zeros(WORDS, WORDS)
    mask[4] = torch.arange(WORDS) / 4.0
    return {
        "fill_mask": EachWord(mask),
        "ner": EachWord(_table(3, a1=9.0, b2=9.0, c0=9.0, d0=9.0)),
        "text_expansion": WholeText(torch.eye(WORDS) * 2.0),
        "text_classification": WholeText(_table(2, a0=1.0, b1=1.0)),
        "zero_shot_classification": WholeText(rising),
        "text_similarity": WholeText(_table(1, a0=-1.5, b0=2.0)),
        "pass_through": WholeText(_table(2, a0=1.0, b1=2.0)),
        "question_answering": Span(),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for task, module in modules().items():
        torch.jit.save(torch.jit.script(module), str(folder / f"{task}.pt"))  # type: ignore[no-untyped-call]
