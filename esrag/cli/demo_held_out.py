"""What the demo of fine-tuning asks both models, and how the texts are judged.

The rows are those of the data set's test split: their documents were not trained.  The questions
are the sample's, in the words of people, about documents of that split.  Judged is by the words
and citations that each accepts, as in training's score of grounded answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from esrag import prompting
from esrag.answer_measures import read_answer
from esrag.errors import UsageError
from esrag.questions import holds
from esrag.settings import Settings
from esrag.statistics import proportion
from esrag.types import Asked, Example, Message

if TYPE_CHECKING:
    from esrag.generation.generator import Generator
    from esrag.questions import KnownQuestion

ANSWERABLE = 12
UNANSWERABLE = 12
ASKED = 8  # through all of ask
_MAX_TOKENS = 48
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Examples that were not trained, with an answer in their passages and without."""

    answerable: tuple[Example, ...]
    unanswerable: tuple[Example, ...]
    questions: tuple[KnownQuestion, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one model said to the held-out rows; outcomes in the order of the rows."""

    right_and_cited: tuple[bool, ...]
    refused: tuple[bool, ...]
    refused_wrongly: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """How many answers without passages were right, declined and invented; one that was."""

    right: int
    declined: int
    invented: int
    example: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Through:
    """How ``esrag ask`` ended with so many questions.

    ``wrote_right`` counts what the generator wrote, shown or not, that is right, and ``cited`` what
    of it names a passage that was given.
    """

    all: int
    wrote_right: int
    cited: int
    generated: int
    quoted: int
    refused: int
    right: int


def held_out(file: Path) -> HeldOut:
    """The first rows of the test split that can be answered and that cannot, and questions.

    Only rows whose answer words decide.  Raises UsageError when there are none.
    """
    from esrag.examples.rows import read_examples

    rows = list(read_examples(file))
    test = [row for row in rows if row.split == "test"]
    answerable = [row for row in test if row.kind == "grounded" and row.accepted]
    if not answerable:
        raise UsageError(f"{file} holds no test rows", hint="Build it again: esrag dataset build")
    taught = {source for row in rows if row.split == "train" for source in row.source.sources}
    return HeldOut(
        _first(answerable, ANSWERABLE),
        _first([row for row in test if row.kind == "unanswerable"], UNANSWERABLE),
        _questions(taught),
    )


def _questions(taught: set[str]) -> tuple[KnownQuestion, ...]:
    """The sample's first questions about single facts of documents that were not taught."""
    from esrag.questions import load_questions
    from esrag.sample import questions_file

    return tuple(
        question
        for question in load_questions(questions_file(), split="test")
        if question.kind == "single_fact"
        and not any(evidence.document_id in taught for evidence in question.evidence)
    )[:ASKED]


def figures(rows: Sequence[Example], texts: Sequence[str]) -> Figures:
    """Judge one text for each row."""
    readings = [
        (
            row.kind == "grounded",
            read_answer(
                text, accepted=row.accepted, relevant=row.relevant, given=len(row.source.chunks)
            ),
        )
        for row, text in zip(rows, texts, strict=True)
    ]
    return Figures(
        right_and_cited=tuple(reading.right_and_cited for yes, reading in readings if yes),
        refused=tuple(reading.refused for yes, reading in readings if not yes),
        refused_wrongly=tuple(reading.refused for yes, reading in readings if yes),
    )


def comparison(
    rows: Sequence[Example], before: Sequence[str], after: Sequence[str]
) -> tuple[str, ...]:
    """The lines that are shown: each measure of the base model and of the adapter."""
    base, tuned = figures(rows, before), figures(rows, after)
    pairs = (
        ("right, with the right citation", base.right_and_cited, tuned.right_and_cited),
        ("refuses what the passages do not hold", base.refused, tuned.refused),
        ("refuses what they hold (less is better)", base.refused_wrongly, tuned.refused_wrongly),
    )
    return tuple(
        f"{name:<40} base {proportion(old)}   adapter {proportion(new)}" for name, old, new in pairs
    )


def said(settings: Settings, model: str, rows: Sequence[Example]) -> list[str]:
    """The texts of ``model`` for the prompts of ``rows``, in their order."""
    with _generator(settings, model) as generator:
        return _texts(generator, [row.messages[:-1] for row in rows])


def from_memory(settings: Settings, model: str, rows: Sequence[Example]) -> Memory:
    """What ``model`` says to the questions of ``rows`` when it is shown no passage."""
    with _generator(settings, model) as generator:
        texts = _texts(generator, [prompting.closed_book(row.question) for row in rows])
    return remembered(rows, texts)


def remembered(rows: Sequence[Example], texts: Sequence[str]) -> Memory:
    """Judge answers that were given without passages: neither right nor declined is invented."""
    readings = [
        read_answer(text, accepted=row.accepted, relevant=(), given=0)
        for row, text in zip(rows, texts, strict=True)
    ]
    invented = [
        (row.question, " ".join(text.split()))
        for row, text, reading in zip(rows, texts, readings, strict=True)
        if not reading.right and not reading.refused
    ]
    return Memory(
        right=sum(reading.right for reading in readings),
        declined=sum(reading.refused for reading in readings),
        invented=len(invented),
        example=invented[0] if invented else None,
    )


def asked(settings: Settings, model: str, questions: Sequence[KnownQuestion]) -> Through:
    """``questions`` as ``esrag ask`` answers them with ``model``."""
    from esrag.cli.assembly import answerer_from
    from esrag.cli.connection import connect_with

    changed = asking_settings(settings, model)
    with connect_with(changed) as client, answerer_from(changed, client) as answerer:
        answers = [answerer.answer(Asked(question.text)) for question in questions]
    kinds = [answer.kind for answer in answers]
    wrote = [
        read_answer(
            answer.generated_text,
            accepted=question.answer_groups,
            relevant=(),
            given=changed.generator.passages,
        )
        for question, answer in zip(questions, answers, strict=True)
    ]
    return Through(
        all=len(questions),
        wrote_right=sum(reading.right for reading in wrote),
        cited=sum(reading.right and bool(reading.cited) for reading in wrote),
        generated=kinds.count("generated"),
        quoted=kinds.count("quoted"),
        refused=kinds.count("refused"),
        right=sum(
            holds(answer.text, question.answer_groups)
            for question, answer in zip(questions, answers, strict=True)
        ),
    )


def asking_settings(settings: Settings, model: str) -> Settings:
    """The same settings with another model."""
    generator = settings.generator.model_copy(update={"model": model})
    return settings.model_copy(update={"generator": generator})


@contextmanager
def _generator(settings: Settings, model: str) -> Iterator[Generator]:
    from esrag.generation.generator import Generator
    from esrag.generator_place import place_from

    place = replace(place_from(settings), model=model, first_token_timeout=300.0)
    generator = Generator(place)
    try:
        yield generator
    finally:
        generator.close()


def _texts(generator: Generator, prompts: Sequence[Sequence[Message]]) -> list[str]:
    def answer(messages: Sequence[Message]) -> str:
        pieces = generator.stream(tuple(messages), max_tokens=_MAX_TOKENS)
        return "".join(piece.text for piece in pieces)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(answer, prompts))


def _first(rows: Sequence[Example], count: int) -> tuple[Example, ...]:
    """The first rows, no two about the same passages."""
    kept: dict[tuple[str, ...], Example] = {}
    for row in rows:
        kept.setdefault(tuple(sorted(row.source.documents)), row)
    found = list(kept.values())
    # documents are few: what is missing comes from documents that were used already
    found += [row for row in rows if row not in found]
    return tuple(found[:count])
