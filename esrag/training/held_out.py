"""The loss on held-out examples, in all and for each kind of example."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from esrag.training.attention import Rows
from esrag.training.loading import Trainee
from esrag.training.loop import autocast, in_passes
from esrag.training.losses import AnswerLoss, pack_of
from esrag.training.packing import Row


def held_out_loss(trainee: Trainee, rows: Sequence[Row], *, capacity: int) -> dict[str, Any]:
    """Mean loss of an answer token: ``loss``, ``perplexity`` and ``by_kind``."""
    measure = AnswerLoss(trainee.model, virtual=trainee.virtual)
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    trainee.model.eval()
    with torch.inference_mode():
        for part in in_passes(rows, trainee, capacity=capacity):
            pack = pack_of(part, trainee.device)
            with Rows.of(pack.lengths), autocast(trainee):
                losses = torch.split(measure.each(pack), list(pack.answer_tokens))
            for kind, each in zip(pack.kinds, losses, strict=True):
                sums[kind] += float(each.double().sum())
                counts[kind] += len(each)
    trainee.model.train()
    mean = sum(sums.values()) / max(1, sum(counts.values()))
    by_kind: Mapping[str, float] = {kind: sums[kind] / counts[kind] for kind in sorted(sums)}
    return {
        "loss": mean,
        "perplexity": math.exp(min(mean, 700.0)),
        "answer_tokens": sum(counts.values()),
        "by_kind": by_kind,
    }
