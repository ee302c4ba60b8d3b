"""question_answering: the part of a text that answers the call's question.

The question is the first of the pair; a long text has windows.  A pair of places is scored by
the product of the probabilities that the answer starts at one and ends at the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from esrag.local.mlnode.sequences import Encoded
from esrag.local.mlnode.tasks.task import Output, Prepared, Row, Scores, prepare_each
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer

_OUTSIDE = -10_000.0  # the score of a place where no answer can be


@dataclass(frozen=True, slots=True)
class _Candidate:
    """From which to which piece of the text, and how likely."""

    first: int
    last: int
    score: float


@dataclass(frozen=True, slots=True)
class QuestionAnswering:
    """Texts to the answers in them."""

    name: ClassVar[str] = "question_answering"
    output: ClassVar[Output] = "spans"
    settings: TokenizationSettings
    question: str
    max_answer_length: int = 15
    num_top_classes: int = 0

    def prepare(
        self, texts: Sequence[str], tokenizer: VocabularyTokenizer
    ) -> list[Prepared | Refused]:
        """The question with each text, in as many windows as it takes."""
        [question] = tokenizer.cut([self.question], self.settings)
        return prepare_each(
            tokenizer.cut(texts, self.settings, places=True),
            lambda second: Prepared(
                tokenizer.two_texts(question, second, self.settings), pieces=second
            ),
        )

    def finish(
        self, text: str, prepared: Prepared, rows: Sequence[Row], _tokenizer: VocabularyTokenizer
    ) -> dict[str, Any]:
        """The best answer, and the best few of them."""
        pieces = prepared.pieces
        if pieces is None or not any(sequence.count for sequence in prepared.sequences):
            raise Refused("The input holds no tokens that could answer the question")
        wanted = max(self.num_top_classes, 1)
        candidates: list[_Candidate] = []
        for sequence, row in zip(prepared.sequences, rows, strict=True):
            if sequence.count > 0:
                candidates += _best(row, sequence, self.max_answer_length, wanted)
        candidates.sort(key=lambda candidate: -candidate.score)
        units = text.encode("utf-16-le", "surrogatepass")
        top = []
        for candidate in candidates[:wanted]:
            start, end = pieces.starts[candidate.first], pieces.ends[candidate.last]
            top.append(
                {
                    "answer": units[2 * start : 2 * end].decode("utf-16-le", "replace"),
                    "start_offset": start,
                    "end_offset": end,
                    "score": candidate.score,
                }
            )
        return {
            "type": "question_answering",
            "answer": top[0]["answer"],
            "start_offset": top[0]["start_offset"],
            "end_offset": top[0]["end_offset"],
            "prediction_probability": top[0]["score"],
            "top": top if self.num_top_classes > 0 else [],
            "is_truncated": prepared.is_truncated,
        }


def _best(row: Row, sequence: Encoded, longest: int, wanted: int) -> list[_Candidate]:
    """The best places of one window, best first."""
    starts, ends = _probabilities(row[0], sequence), _probabilities(row[1], sequence)
    scores = np.triu(np.outer(starts, ends))
    scores -= np.triu(scores, k=max(longest, 1))
    flat = scores.ravel()
    allowed = min(wanted, sequence.count * min(max(longest, 1), sequence.count))
    if wanted == 1:
        order = [int(flat.argmax())]
    else:
        order = [int(place) for place in np.argsort(-flat, kind="stable")[:allowed]]
    return [
        _Candidate(
            sequence.first + place // sequence.count,
            sequence.first + place % sequence.count,
            float(flat[place]),
        )
        for place in order
        if place // sequence.count <= place % sequence.count
    ]


def _probabilities(logits: Row, sequence: Encoded) -> Scores:
    """Of the text's places; the first token of all takes the share of having no answer."""
    masked = np.full(len(logits), _OUTSIDE)
    masked[0] = logits[0]
    inside = slice(sequence.offset, sequence.offset + sequence.count)
    masked[inside] = logits[inside]
    peak = masked.max()
    logarithm = peak + np.log(np.exp(masked - peak).sum())
    probabilities: Scores = np.exp(masked[inside] - logarithm)
    return probabilities
