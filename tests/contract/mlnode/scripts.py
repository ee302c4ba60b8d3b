"""Writes the TorchScript modules of these tests: ``python scripts.py FOLDER``.

They take BERT's four arguments and are as small as their one peculiarity allows.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

# In the vocabulary of these tests 15 is the word "slow" and 16 the word "bad"; TorchScript does
# not see module constants.


class Mean(torch.nn.Module):
    """A mean over the words' vectors, where the mask says that there are words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(17, 8)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 8]."""
        words = self.words(ids + types) * (1.0 + positions)[None, :, None]
        pooled: Tensor = (words * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        return pooled


class Tuple64(torch.nn.Module):
    """The same in double precision, as the first of a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(17, 8)

    def forward(
        self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[batch, 8] and something else."""
        words = self.words(ids + types) * (1.0 + positions)[None, :, None]
        pooled = (words * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        return pooled.double(), mask


class OneRow(torch.nn.Module):
    """Knows no batches: always one row, which depends on all ids and on padding."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[1, 2]."""
        return torch.stack([ids.sum(), torch.tensor(ids.size(1))])[None].float()


class Slow(torch.nn.Module):
    """Takes long when the word "slow" is among the ids."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 1]."""
        values = torch.ones(400, 400)
        for _ in range(int((ids == 15).sum()) * 100):
            values = torch.mm(values, values) / 400.0
        return ids.sum(1, keepdim=True).float() * values[0, 0]


class Fails(torch.nn.Module):
    """Looks up what is not there when the word "bad" is among the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(16, 4)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """[batch, 4]."""
        summed: Tensor = self.words(ids).sum(1)
        return summed


class ReadsFiles(torch.nn.Module):
    """Maps a file of the system."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        """The first bytes of /etc/passwd."""
        return torch.from_file("/etc/passwd", False, 8, dtype=torch.uint8)[None].float()


class NotATensor(torch.nn.Module):
    """Returns a number."""

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> float:
        """No tensor."""
        return 1.0


def main(folder: Path) -> None:
    """Script every module into the folder."""
    torch.manual_seed(5)
    made = {
        "mean": Mean(),
        "tuple64": Tuple64(),
        "one_row": OneRow(),
        "slow": Slow(),
        "fails": Fails(),
        "reads_files": ReadsFiles(),
        "not_a_tensor": NotATensor(),
    }
    for name, module in made.items():
        scripted: Any = torch.jit.script(module.eval())
        scripted.save(str(folder / f"{name}.pt"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
