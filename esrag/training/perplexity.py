"""The loss of whole documents, one by one: what perplexities and their intervals are made from."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import torch

from esrag.training.attention import Rows
from esrag.training.loading import Trainee
from esrag.training.loop import autocast, in_passes
from esrag.training.losses import AnswerLoss, pack_of
from esrag.training.packing import Row

# rows that are held at a time, so that a corpus on disk stays there
_TOGETHER = 64

Losses = dict[str, tuple[float, int]]


def document_losses(trainee: Trainee, rows: Sequence[Row], *, capacity: int) -> Losses:
    """For each document (a row's key) the sum of -ln p over its tokens, and how many these are."""
    measure = AnswerLoss(trainee.model, virtual=trainee.virtual)
    sums: defaultdict[str, float] = defaultdict(float)
    counts: defaultdict[str, int] = defaultdict(int)
    trainee.model.eval()
    with torch.inference_mode():
        for start in range(0, len(rows), _TOGETHER):
            together = rows[start : start + _TOGETHER]
            for part in in_passes(together, trainee, capacity=capacity):
                pack = pack_of(part, trainee.device)
                with Rows.of(pack.lengths), autocast(trainee):
                    losses = torch.split(measure.each(pack), list(pack.answer_tokens))
                for key, each in zip(pack.keys, losses, strict=True):
                    sums[key] += float(each.double().sum())
                    counts[key] += len(each)
    trainee.model.train()
    return {key: (sums[key], counts[key]) for key in sums}


def perplexity_of(losses: Losses) -> float:
    """Of all documents together; infinite beyond what a number holds."""
    tokens = sum(count for _, count in losses.values())
    mean = sum(loss for loss, _ in losses.values()) / max(1, tokens)
    return math.exp(mean) if mean < 700 else math.inf
