"""Questions of other files of esrag as questions for tuning: known questions, and data sets.

A question file says by its evidence which documents answer; a data set's examples say by their
provenance which chunks they were made of.  Only examples that ask for something that the corpus
holds, without passages, are questions that a person might put to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from esrag.questions import KnownQuestion
from esrag.retriever_tuning.material import Question
from esrag.types import Example

_ANSWERED = ("knowledge", "grounded")


def from_known(known: Iterable[KnownQuestion]) -> Iterator[Question]:
    """The questions that have evidence, with the documents that hold it."""
    for question in known:
        places = [place for each in question.evidence for place in (each, *each.also)]
        if places:
            yield Question(
                question.id,
                question.text,
                {place.document_id: 1 for place in places},
                forms=question.answer_groups,
            )


def from_examples(examples: Iterable[Example]) -> Iterator[Question]:
    """The questions of a data set, each wording once for the chunks that answer it."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for example in examples:
        chunks = _answering(example)
        key = (" ".join(example.question.casefold().split()), chunks)
        if example.kind not in _ANSWERED or not chunks or key in seen:
            continue
        seen.add(key)
        yield Question(
            example.id,
            example.question,
            # of a grounded example the documents do not run parallel to the chunks: it is taken
            # only when all that it shows is of one document, or answers
            dict.fromkeys(example.source.documents, 1),
            chunks=chunks,
            forms=example.accepted,
            maker=example.source.maker,
        )


def _answering(example: Example) -> tuple[str, ...]:
    """The chunks that answer; none where documents cannot be told for them."""
    chunks = example.source.chunks
    if example.kind == "grounded" and (
        len(example.source.documents) > 1 or len(example.relevant) < len(chunks)
    ):
        return ()
    return chunks
