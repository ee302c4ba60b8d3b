"""zero_shot_classification: which of the call's labels a text has, by a model of entailment.

Each label becomes a hypothesis, the second of a pair with the text.  With one label of several,
the hypotheses compete; with several at once, each stands against its own contradiction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from esrag.local.mlnode.tasks.task import (
    Output,
    Prepared,
    Row,
    descending,
    prepare_each,
    softmax,
)
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer

OUTCOMES = 3  # entailment, neutral, contradiction
TEMPLATE = "This example is {}."


@dataclass(frozen=True, slots=True)
class ZeroShotClassification:
    """Texts to probabilities of labels that come with the call."""

    name: ClassVar[str] = "zero_shot_classification"
    output: ClassVar[Output] = "first"
    settings: TokenizationSettings
    labels: tuple[str, ...]
    entailment: int
    contradiction: int
    hypothesis_template: str = TEMPLATE
    multi_label: bool = False

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """Each text with the hypothesis of each label."""
        hypotheses = tokenizer.cut(
            [self.hypothesis_template.replace("{}", label, 1) for label in self.labels],
            self.settings,
        )
        return prepare_each(
            tokenizer.cut(texts, self.settings),
            lambda first: Prepared(
                tuple(
                    tokenizer.two_texts(first, hypothesis, self.settings)[0]
                    for hypothesis in hypotheses
                )
            ),
        )

    def finish(
        self, _text: str, prepared: Prepared, rows: Sequence[Row], _tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """All labels, the likeliest first."""
        for row in rows:
            if len(row) != OUTCOMES:
                raise Refused(
                    f"Expected exactly [{OUTCOMES}] values in inner zero shot classification "
                    f"result; got [{len(row)}]"
                )
        outcomes = np.stack(rows)
        if self.multi_label:
            probabilities = softmax(outcomes[:, [self.entailment, self.contradiction]])[:, 0]
        else:
            probabilities = softmax(outcomes[:, self.entailment])
        return {
            "type": "zero_shot_classification",
            "classes": descending(self.labels, probabilities),
            "is_truncated": prepared.is_truncated,
        }
