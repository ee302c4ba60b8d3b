"""How a retriever is tuned: one frozen record, of which a fingerprint names the run.  No torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from esrag.errors import UsageError

Loss = Literal["ranking", "margin"]
Dtype = Literal["auto", "bfloat16", "float32"]


@dataclass(frozen=True, slots=True)
class TuningRecipe:
    """All that decides the weights and the verdict, besides data, base model and machine.

    ``loss`` ranking is MultipleNegativesRankingLoss: the right passage among all of the batch and
    ``negatives`` hard ones for each question, cosines times ``scale``.  margin is MarginMSELoss
    (GPL, https://arxiv.org/abs/2112.07577): differences of scores that a cross-encoder gave.
    ``batch`` counts questions of one step, ``at_once`` texts in one pass through the model.
    ``most_alike`` is the share of the positive's score up to which a chunk may be a negative.
    ``dev`` and ``test`` are shares of the questions; ``fewest`` is the least size of a split.
    """

    loss: Loss = "ranking"
    epochs: int = 4
    batch: int = 32
    at_once: int = 16
    negatives: int = 1
    learning_rate: float = 5e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    scale: float = 20.0
    most_alike: float = 0.95
    dtype: Dtype = "auto"
    dev: float = 0.2
    test: float = 0.3
    fewest: int = 20
    seed: int = 7

    def __post_init__(self) -> None:
        """Raise UsageError for what cannot be trained with."""
        for wrong, what in (
            (self.epochs < 1, "at least one epoch is trained"),
            (self.batch < 2, "a batch has at least two questions"),
            (self.at_once < 1, "at least one text passes through the model at once"),
            (self.negatives < 1, "each question needs at least one negative"),
            (not 0 < self.learning_rate < math.inf, "the learning rate must be a positive number"),
            (not 0 <= self.warmup <= 1, "the warm-up is a share of the steps, from 0 to 1"),
            (not 0 < self.scale < math.inf, "the scale must be a positive number"),
            (not 0 < self.most_alike <= 1, "most_alike must be above 0 and at most 1"),
            (
                not (self.dev > 0 and self.test > 0 and self.dev + self.test < 1),
                "dev and test are shares, above 0 and together below 1",
            ),
            (self.fewest < 2, "a split needs at least two questions"),
            (self.seed < 0, "the seed cannot be negative"),
        ):
            if wrong:
                raise UsageError(what, hint="See: esrag retriever tune --help")

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        return asdict(self)

    def rate_at(self, step: int, *, total: int) -> float:
        """The learning rate of ``step``, from 0, of ``total``: up in a line, and down in one."""
        warmup = max(1, round(self.warmup * total))
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        return self.learning_rate * max(0.0, (total - step) / max(1, total - warmup))
