"""A trace executed with packed weights, against the trace itself; in a process of its own."""

from __future__ import annotations

import subprocess
import sys

# Two linear layers on one input, an exact GELU, attention, a normalisation and a fallback.
CODE = """
import sys, torch
from torch.nn import functional
from esrag.embedding.packed import PackedModel
from esrag.errors import UnsupportedError
torch.manual_seed(1)
torch.set_num_threads(1)
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(50, 32)
        self.a, self.b, self.c = (torch.nn.Linear(32, 32) for _ in range(3))
        self.up, self.down = torch.nn.Linear(32, 64), torch.nn.Linear(64, 32, bias=False)
        self.norm = torch.nn.LayerNorm(32)
    def forward(self, ids, mask):
        x = self.words(ids)
        q, k, v = (f(x).view(x.size(0), -1, 2, 16).transpose(1, 2) for f in (self.a, self.b, self.c))
        bias = (1.0 - mask[:, None, None, :].to(torch.float)) * -1e4
        y = functional.scaled_dot_product_attention(q, k, v, bias)
        x = self.norm(x + y.transpose(1, 2).reshape(x.shape))
        x = self.norm(x + self.down(functional.gelu(self.up(x))))
        m = mask[:, :, None].to(torch.float)
        return functional.normalize((x * m).sum(1) / m.sum(1), dim=1)
ids = torch.randint(0, 50, (3, 9)); mask = torch.ones_like(ids); mask[1, 5:] = 0
with torch.inference_mode():
    block = Block().eval()
    traced = torch.jit.freeze(torch.jit.trace(block, (ids[:2, :4], mask[:2, :4])))
    packed = PackedModel(traced)
    cosines = (packed(ids, mask).float() * block(ids, mask)).sum(1)
    print(len([s for s in packed._steps if len(s[2]) == 3]), float(cosines.min()) > 0.999)
class Branches(torch.nn.Module):
    def forward(self, ids, mask):
        if int(ids.sum()) > 3:
            return mask
        return ids
try:
    PackedModel(torch.jit.freeze(torch.jit.script(Branches().eval())))
except UnsupportedError as error:
    print(error.message)
"""


def test_packed_weights_give_nearly_the_same_vectors() -> None:
    """Layers on one input become one; what has branches is refused by name."""
    command = [sys.executable, "-W", "ignore", "-c", CODE]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    assert first == "1 True"
    assert second == "the trace holds prim::If, which is no tensor's operator"
