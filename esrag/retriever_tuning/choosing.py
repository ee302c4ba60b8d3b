"""Chooses on dev: the epoch, and how much of what was learnt is mixed into the base's weights.

A mixture of the weights before and after often finds more than either, and forgets less of what
lies outside the training data (WiSE-FT, https://arxiv.org/abs/2109.01903); a share of 1 is the
tuned model itself.  Dev questions are ranked among the chunks that the base model ranks high for
any of them, not among all: that suffices to choose and says nothing of the gain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from esrag.retriever_tuning.encoder import Encoder
from esrag.retriever_tuning.material import Question, Text
from esrag.retriever_tuning.ranking import best_rows, values_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARES = (1.0, 0.75, 0.5, 0.25)
DEPTH = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """The epoch, from 1, the share of its weights, and the measure on dev of each share."""

    epoch: int
    share: float
    dev: float
    dev_base: float
    shares: Mapping[float, float]


class DevMeasure:
    """Mean nDCG@10 of dev questions among the chunks that compete for them."""

    def __init__(
        self,
        encoder: Encoder,
        asked: Sequence[Question],
        texts: Sequence[Text],
        passages: NDArray[np.float32],
    ) -> None:
        self._encoder, self._asked = encoder, asked
        near = best_rows(encoder.questions([each.text for each in asked]), passages, DEPTH)
        answering = {name for question in asked for name in question.grades}
        rows = {int(row) for row in near.ravel()}
        rows.update(row for row, text in enumerate(texts) if text.document in answering)
        self._texts = [texts[row] for row in sorted(rows)]

    def __len__(self) -> int:
        return len(self._texts)

    def __call__(self) -> float:
        """Measure the encoder as it is now."""
        values = values_of(
            self._asked,
            self._encoder.questions([each.text for each in self._asked]),
            self._encoder.passages([text.text for text in self._texts]),
            [text.document for text in self._texts],
        )
        return sum(values) / len(values)


def choose(
    encoder: Encoder,
    before: Mapping[str, torch.Tensor],
    *,
    epochs: Sequence[float],
    load: Callable[[int], None],
    measure: Callable[[], float],
    dev_base: float,
) -> Choice:
    """Leave the best mixture in ``encoder`` and say what it is.

    ``before`` are the base's weights, ``epochs`` the measure after each epoch, ``load`` puts the
    weights of an epoch (from 0) into the encoder.  Of equals the one nearer to the base is taken.
    """
    best = max(range(len(epochs)), key=lambda number: (epochs[number], -number))
    load(best)
    after = {name: value.detach().clone() for name, value in encoder.trained().items()}
    found: dict[float, float] = {1.0: epochs[best]}
    for share in SHARES[1:]:
        mix(encoder, before, after, share)
        found[share] = measure()
    share = max(found, key=lambda each: (found[each], -each))
    mix(encoder, before, after, share)
    return Choice(best + 1, share, found[share], dev_base, found)


def mix(
    encoder: Encoder,
    before: Mapping[str, torch.Tensor],
    after: Mapping[str, torch.Tensor],
    share: float,
) -> None:
    """Give the encoder the weights ``before`` and ``share`` of the way to ``after``."""
    with torch.no_grad():
        for name, parameter in encoder.trained().items():
            parameter.copy_(torch.lerp(before[name], after[name], share))
