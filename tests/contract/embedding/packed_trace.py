"""Executes a traced model with packed weights and tells what came of it.

One line: how many layers became one of three, and whether the vectors agree.  Another: why a model
with branches is not executed so.
"""

import torch
from torch import Tensor
from torch.nn import functional

from esrag.embedding.packed import PackedModel
from esrag.errors import UnsupportedError


class Block(torch.nn.Module):
    """Three linear layers on one input, attention, an exact GELU, a layer without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(50, 32)
        self.a, self.b, self.c = (torch.nn.Linear(32, 32) for _ in range(3))
        self.up, self.down = torch.nn.Linear(32, 64), torch.nn.Linear(64, 32, bias=False)
        self.norm = torch.nn.LayerNorm(32)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[batch, 32]."""
        x = self.words(ids)
        parts = (layer(x) for layer in (self.a, self.b, self.c))
        q, k, v = (one.view(x.size(0), -1, 2, 16).transpose(1, 2) for one in parts)
        bias = (1.0 - mask[:, None, None, :].to(torch.float)) * -1e4
        y = functional.scaled_dot_product_attention(q, k, v, bias)
        x = self.norm(x + y.transpose(1, 2).reshape(x.shape))
        x = self.norm(x + self.down(functional.gelu(self.up(x))))
        weights = mask[:, :, None].to(torch.float)
        return functional.normalize((x * weights).sum(1) / weights.sum(1), dim=1)


class Branches(torch.nn.Module):
    """What it does depends on what it is given."""

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """One or the other."""
        if int(ids.sum()) > 3:
            return mask
        return ids


if __name__ == "__main__":
    torch.manual_seed(1)
    torch.set_num_threads(1)
    ids = torch.randint(0, 50, (3, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with torch.inference_mode():
        block = Block().eval()
        traced = torch.jit.freeze(torch.jit.trace(block, (ids[:2, :4], mask[:2, :4])))  # type: ignore[no-untyped-call]
        packed = PackedModel(traced)
        cosines = (packed(ids, mask).float() * block(ids, mask)).sum(1)
    print(len([step for step in packed._steps if len(step[2]) == 3]), bool(cosines.min() > 0.999))
    try:
        PackedModel(torch.jit.freeze(torch.jit.script(Branches().eval())))  # type: ignore[no-untyped-call]
    except UnsupportedError as error:
        print(error.message)
