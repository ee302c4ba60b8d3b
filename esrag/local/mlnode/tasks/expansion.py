"""text_expansion: a weight for each token of the vocabulary that the module finds fitting.

The module's graph pools, as ELSER's does; of a module that gives logits for each position the
first position is read, because the server reads no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from esrag.local.mlnode.tasks.task import Output, Prepared, Row, prepare_single
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer


@dataclass(frozen=True, slots=True)
class TextExpansion:
    """Texts to weighted tokens."""

    name: ClassVar[str] = "text_expansion"
    output: ClassVar[Output] = "first"
    settings: TokenizationSettings

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """One sequence for each text."""
        return prepare_single(texts, tokenizer, self.settings)

    def finish(
        self, _text: str, prepared: Prepared, rows: Sequence[Row], tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """Tokens with a weight above zero; a dot in a token would be a path in a document."""
        weights = rows[0].astype(np.float32)
        numbers = np.flatnonzero(weights > 0)
        numbers = numbers[np.argsort(-weights[numbers], kind="stable")]
        tokens = [
            (tokenizer.token(int(number)).replace(".", "__"), float(weights[number]))
            for number in numbers
        ]
        return {
            "type": "text_expansion",
            "tokens": tokens,
            "is_truncated": prepared.is_truncated,
        }
