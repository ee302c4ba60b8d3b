"""pass_through: what the module gives, untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from esrag.local.mlnode.tasks.task import Output, Prepared, Row, prepare_single
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Texts to tensors; each text is executed alone, so that no padding shows."""

    name: ClassVar[str] = "pass_through"
    output: ClassVar[Output] = "whole"
    settings: TokenizationSettings

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """One sequence for each text."""
        return prepare_single(texts, tokenizer, self.settings)

    def finish(
        self, _text: str, prepared: Prepared, rows: Sequence[Row], _tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """The tensor, with two dimensions in every case."""
        row = rows[0]
        return {
            "type": "pass_through",
            "tensor": row if row.ndim == 2 else row[None],
            "is_truncated": prepared.is_truncated,
        }
