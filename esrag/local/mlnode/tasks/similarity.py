"""text_similarity: how well each text goes with the text of the call, as a raw score.

The call's text is the first of the pair.  A text in several windows has several scores, of
which the largest or the mean counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from esrag.local.mlnode.tasks.task import Output, Prepared, Row, prepare_each
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer


@dataclass(frozen=True, slots=True)
class TextSimilarity:
    """Texts to scores."""

    name: ClassVar[str] = "text_similarity"
    output: ClassVar[Output] = "vector"
    settings: TokenizationSettings
    text: str
    combination: Literal["max", "mean"] = "max"

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """The call's text with each of the others."""
        [first] = tokenizer.cut([self.text], self.settings)
        return prepare_each(
            tokenizer.cut(texts, self.settings),
            lambda second: Prepared(tokenizer.two_texts(first, second, self.settings)),
        )

    def finish(
        self, _text: str, prepared: Prepared, rows: Sequence[Row], _tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """The combined score."""
        for row in rows:
            if len(row) != 1:
                raise Refused(
                    f"Expected exactly [1] value in text_similarity result; got [{len(row)}]"
                )
        scores = [float(row[0]) for row in rows]
        value = max(scores) if self.combination == "max" else sum(scores) / len(scores)
        return {
            "type": "text_similarity",
            "value": value,
            "is_truncated": prepared.is_truncated,
        }
