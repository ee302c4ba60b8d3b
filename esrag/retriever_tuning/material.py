"""What a retriever is tuned with: texts as they are embedded, and questions with their documents.

Relevance is of documents, as in judged data sets: a document stands in a ranking where its best
chunk stands.  ``chunks`` say more where whoever made the question knows which chunk answers it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JUDGED = "judged"  # the maker of questions that people judged


@dataclass(frozen=True, slots=True)
class Text:
    """A chunk: its id, its document, and the very text that is embedded of it."""

    id: str
    document: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the grades of the documents that answer it, which are above 0.

    ``forms`` are the forms of the answer, one group each, where they are known: a chunk that holds
    them is no negative.  ``maker`` says who wrote the question.
    """

    id: str
    text: str
    grades: Mapping[str, int]
    chunks: tuple[str, ...] = ()
    forms: tuple[tuple[str, ...], ...] = ()
    maker: str = JUDGED


@dataclass(frozen=True, slots=True)
class Material:
    """Texts and questions of one tuning; ``origin`` says in words and figures where from.

    ``pool`` are questions to be divided, ``held_out`` those that somebody set apart for judging;
    empty when nobody did.
    """

    texts: tuple[Text, ...]
    pool: tuple[Question, ...]
    held_out: tuple[Question, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """sha256 over texts and questions: equal for equal content in equal order."""
        digest = hashlib.sha256()
        for text in self.texts:
            _add(digest, text.id, text.document, text.text)
        for question in (*self.pool, *self.held_out):
            grades = (f"{name}={grade}" for name, grade in question.grades.items())
            _add(digest, question.id, question.text, *grades, *question.chunks)
        return digest.hexdigest()


def _add(digest: Any, *parts: str) -> None:
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    digest.update(b"\n")
