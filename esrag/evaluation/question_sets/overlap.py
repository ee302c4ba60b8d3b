"""What a set must not share with training data: documents, and questions that are nearly the same.

    rows of data sets, all but their test split ─► Trained ─► may a question be asked?

A model that was trained on a document has seen the answer, and one that was trained on a question
knows what to say; the difference between the two would be taken for knowledge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from esrag.evaluation.question_sets.records import SetQuestion
from esrag.examples import duplicates
from esrag.examples.rows import read_examples

SAME_DOCUMENT = "its document is in the training data"
SAME_QUESTION = "a question of the training data is nearly the same"


class AlikeQuestions:
    """Questions that have been seen; finds one that is nearly the same as another.

    Nearly the same: the same words in whatever order, or the same figures and a Jaccard
    similarity of word triples of at least ``duplicates.LIKE``.
    """

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._bands: dict[int, list[tuple[str, frozenset[int]]]] = defaultdict(list)

    def add(self, identity: str, question: str) -> None:
        """Remember a question."""
        self._keys.setdefault(duplicates.question_key(question), identity)
        found = duplicates.shingles(question)
        for band in duplicates.bands(found, apart=duplicates.figures(question)):
            self._bands[band].append((identity, found))

    def like(self, question: str) -> str:
        """The identity of a question that is nearly the same, "" for none."""
        key = duplicates.question_key(question)
        if key in self._keys:
            return self._keys[key]
        found = duplicates.shingles(question)
        for band in duplicates.bands(found, apart=duplicates.figures(question)):
            for identity, other in self._bands.get(band, ()):
                if duplicates.similarity(found, other) >= duplicates.LIKE:
                    return identity
        return ""


class Trained:
    """Documents and questions of training data; empty when there is none."""

    def __init__(self, files: Iterable[Path] = ()) -> None:
        self._documents: set[str] = set()
        self._questions = AlikeQuestions()
        for file in files:
            for row in read_examples(file):
                if row.split != "test":
                    self._documents.update(row.source.documents)
                    self._questions.add(row.id, row.question)

    def why_not(self, question: SetQuestion) -> str:
        """Why a question must not be asked, "" when it may."""
        if self._documents & set(question.documents):
            return SAME_DOCUMENT
        return SAME_QUESTION if self._questions.like(question.question) else ""
