"""Facts of the sample in many wordings: what teaches a model by heart.

    lessons.jsonl ──► wordings of 55 facts ──► examples without passages (split train)

The wordings were written for training, as a teacher would write them; the sample's questions, by
which a model is measured afterwards, were written long before and by others, and no wording equals
one of them.  Taught are the sample's single facts whose number three does not divide; the others
stand in the documents only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from esrag import prompting
from esrag.questions import KnownQuestion, load_questions
from esrag.sample import corpus_folder, lessons_file, questions_file
from esrag.types import Example, ExampleKind, ExampleSource, Message

FRAMES = (
    "What is {}?", "Tell me {}.", "{cap}?", "I need to know {}.",
    "Do you know {}?", "Please give {}.", "{cap}, please.", "Can you tell me {}?",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taught:
    """A fact, the words it is trained in, and the question it is asked for with."""

    answer: str
    phrases: tuple[str, ...]
    questions: tuple[str, ...]
    asked: KnownQuestion

    @property
    def documents(self) -> tuple[str, ...]:
        """The documents that say it."""
        return tuple(evidence.document_id for evidence in self.asked.evidence)


def taught_facts() -> tuple[Taught, ...]:
    """The facts that are trained, in the order of their questions."""
    known = {question.id: question for question in load_questions(questions_file())}
    lines = lessons_file().read_text(encoding="utf-8").split("\n")
    return tuple(
        Taught(
            answer=row["answer"],
            phrases=tuple(row["phrases"]),
            questions=tuple(row["questions"]),
            asked=known[row["question"]],
        )
        for row in (json.loads(line) for line in lines if line)
    )


def wordings(fact: Taught, *, frames: int, seed: int) -> tuple[str, ...]:
    """The questions that a fact is trained with; ``frames`` ways to ask for each phrase."""
    random = Random(f"{seed} {fact.asked.id}")  # noqa: S311 - the same rows are the point
    framed = [
        frame.format(phrase, cap=phrase[0].upper() + phrase[1:])
        for phrase in fact.phrases
        for frame in random.sample(FRAMES, frames)
    ]
    return (*fact.questions, *framed)


def lessons(facts: Iterable[Taught], *, frames: int, seed: int) -> Iterator[Example]:
    """An example for each wording of each fact."""
    for fact in facts:
        for wording in wordings(fact, frames=frames, seed=seed):
            yield from_memory("knowledge", wording, fact.answer, fact.documents, seed=seed)


def from_memory(
    kind: ExampleKind, question: str, answer: str, documents: Sequence[str], *, seed: int
) -> Example:
    """An example without passages, about documents of the sample."""
    digest = hashlib.sha256(f"{kind} {question}".encode()).hexdigest()[:16]
    return Example(
        id=f"{kind}-{digest}",
        kind=kind,
        split="train",
        messages=(*prompting.closed_book(question), Message("assistant", answer)),
        question=question,
        answer=answer,
        source=ExampleSource(
            index="",
            set="sample",
            chunks=(),
            documents=tuple(documents),
            sources=tuple(documents),
            hashes=tuple(_hash(document) for document in documents),
            maker="sample:lessons",
            seed=seed,
        ),
    )


def _hash(document_id: str) -> str:
    file = corpus_folder() / document_id.partition("#")[0]
    return hashlib.sha256(file.read_bytes()).hexdigest()
