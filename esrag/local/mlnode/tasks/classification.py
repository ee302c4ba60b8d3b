"""text_classification: which of the model's labels a text has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from esrag.local.mlnode.tasks.task import (
    Output,
    Prepared,
    Row,
    descending,
    prepare_single,
    softmax,
)
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer


@dataclass(frozen=True, slots=True)
class TextClassification:
    """Texts to probabilities of labels; without labels their numbers are their names."""

    name: ClassVar[str] = "text_classification"
    output: ClassVar[Output] = "first"
    settings: TokenizationSettings
    labels: tuple[str, ...] = ()

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """One sequence for each text; of several windows the first counts."""
        return prepare_single(texts, tokenizer, self.settings)

    def finish(
        self, _text: str, prepared: Prepared, rows: Sequence[Row], _tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """All labels, the likeliest first."""
        scores = rows[0]
        labels = self.labels or tuple(str(number) for number in range(len(scores)))
        if len(scores) != len(labels):
            raise Refused(
                f"Expected exactly [{len(labels)}] values in text classification result; got "
                f"[{len(scores)}]"
            )
        return {
            "type": "text_classification",
            "classes": descending(labels, softmax(scores)),
            "is_truncated": prepared.is_truncated,
        }
