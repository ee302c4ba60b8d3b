"""fill_mask: which tokens fit where a text has its one mask token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from esrag.local.mlnode.tasks.task import Output, Prepared, Row, softmax
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer


@dataclass(frozen=True, slots=True)
class FillMask:
    """Texts with a mask to tokens with probabilities; a negative number wants all tokens."""

    name: ClassVar[str] = "fill_mask"
    output: ClassVar[Output] = "position"
    settings: TokenizationSettings
    num_top_classes: int = 5

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """One sequence for each text, with the place of its mask."""
        prepared: list[Prepared | Refused] = []
        pieces = tokenizer.cut(texts, self.settings)
        for text, cut in zip(texts, pieces, strict=True):
            try:
                _require_one_mask(text, tokenizer.mask_token)
                [sequence] = tokenizer.one_text(cut, self.settings)
                prepared.append(Prepared((sequence,), (_place(sequence.ids, tokenizer),)))
            except Refused as refused:
                prepared.append(refused)
        return prepared

    def finish(
        self, text: str, prepared: Prepared, rows: Sequence[Row], tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """The best tokens, and the text with the best of them in its place."""
        probabilities = softmax(rows[0])
        wanted = len(probabilities) if self.num_top_classes < 0 else max(self.num_top_classes, 1)
        best = np.argsort(-probabilities, kind="stable")[:wanted]
        classes = [(tokenizer.decode(int(number)), float(probabilities[number])) for number in best]
        return {
            "type": "fill_mask",
            "classes": classes,
            "sequence": text.replace(tokenizer.mask_token, classes[0][0]),
            "is_truncated": prepared.is_truncated,
        }


def _require_one_mask(text: str, mask: str) -> None:
    if mask not in text:
        raise Refused(f"no {mask} token could be found")
    if text.count(mask) > 1:
        raise Refused(f"only one {mask} token should exist in the input")


def _place(ids: Any, tokenizer: VocabularyTokenizer) -> int:
    if tokenizer.mask_id is None:
        raise Refused(
            f"The token id for the mask token {tokenizer.mask_token} is not known in the "
            "tokenizer. Check the vocabulary contains the mask token"
        )
    places = np.flatnonzero(ids == tokenizer.mask_id)
    if len(places) == 0:
        raise Refused(
            f"mask token id [{tokenizer.mask_id}] not found in the tokenization {ids.tolist()}"
        )
    return int(places[0])
