"""text_embedding: one vector for each text, exactly as the module's graph gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from esrag.local.mlnode.tasks.task import Output, Prepared, Row, prepare_single
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer


@dataclass(frozen=True, slots=True)
class TextEmbedding:
    """Texts to vectors."""

    name: ClassVar[str] = "text_embedding"
    output: ClassVar[Output] = "vector"
    settings: TokenizationSettings

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """One sequence for each text."""
        return prepare_single(texts, tokenizer, self.settings)

    def finish(
        self, _text: str, prepared: Prepared, rows: Sequence[Row], _tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """The vector."""
        return {
            "type": "text_embedding",
            "values": rows[0],
            "is_truncated": prepared.is_truncated,
        }
