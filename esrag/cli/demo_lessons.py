"""What the demo of comparing teaches, what it asks, and which systems it asks.

    the sample's lessons ────► closed-book rows of the taught facts ─┐
    a data set of the index ─► rows with passages ───────────────────┴─► one file to train on
    the sample's questions ──► taught, not taught, unanswerable: the test split, in people's words

No question is trained as it is asked, and no row is about a document that holds an answer of the
facts that are not taught.  Nothing here asks a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from esrag.disk import replace_text
from esrag.examples.rows import read_examples, write_examples
from esrag.sample import questions_file
from esrag.sample.lessons import Taught, lessons, taught_facts
from esrag.types import Example

TAUGHT, NOT_TAUGHT, UNANSWERABLE = "taught", "not_taught", "unanswerable"
_SPLIT = "test"  # the threshold of refusing was fitted to the other half


def facts() -> tuple[Taught, ...]:
    """The facts that are taught: those that the test split asks for."""
    return tuple(fact for fact in taught_facts() if fact.asked.split == _SPLIT)


def write_rows(
    file: Path, data_set: Path, *, frames: int, seed: int, most: Mapping[str, int]
) -> dict[str, int]:
    """Write all rows to train on, and return how many there are of each kind.

    Of the data set's rows the first ``most`` of each kind are taken, in its order, which is one by
    chance; a row that shows or asks about a document which holds the answer of a fact that is not
    taught is left out.
    """
    apart = {
        evidence["document"]
        for question in asked()
        if question["type"] == NOT_TAUGHT
        for evidence in question["evidence"]
    }
    counts: dict[str, int] = {}

    def rows() -> Iterator[Example]:
        for row in lessons(facts(), frames=frames, seed=seed):
            counts[row.kind] = counts.get(row.kind, 0) + 1
            yield row
        left = dict(most)
        for row in read_examples(data_set):
            if row.split != "train" or apart & {*row.source.sources, *row.source.documents}:
                continue
            if left.get(row.kind, 0):
                left[row.kind] -= 1
                counts[row.kind] = counts.get(row.kind, 0) + 1
                yield row

    write_examples(file, rows())
    return counts


def asked() -> tuple[Mapping[str, Any], ...]:
    """The questions, as in the sample's file; their type says whether they were taught."""
    taught = {fact.asked.id for fact in facts()}
    found = []
    for line in questions_file().read_text(encoding="utf-8").split("\n"):
        question = json.loads(line) if line.strip() else {}
        if question.get("split") != _SPLIT:
            continue
        if question["type"] == "single_fact":
            found.append({**question, "type": TAUGHT if question["id"] in taught else NOT_TAUGHT})
        elif question["type"] == UNANSWERABLE:
            found.append(question)
    return tuple(found)


def write_questions(file: Path) -> int:
    """Write the questions for ``esrag compare``; returns how many there are."""
    questions = asked()
    lines = [json.dumps(question, ensure_ascii=False) for question in questions]
    replace_text(file, "\n".join(lines) + "\n")
    return len(questions)


def systems_toml(*, adapter: str, run: str, passages: int, tokens: int) -> str:
    """The five systems as a file for ``esrag compare --systems``.

    All of them write at most ``tokens`` tokens and read the same ``passages``; what a model writes
    is neither verified nor replaced.
    """
    length = f'"generator.max_new_tokens" = {tokens}'
    limits = f'{length}, "generator.passages" = {passages}'
    written = '"answer.verify" = "off", "answer.refuse" = false, "answer.quote" = false'
    tuned = f'adapter = "{adapter}"\nruns = ["{run}"]\n'
    return f"""\
# base, fine-tuned, passages, both, and no model at all; esrag compare --systems FILE
[systems.base]
kind = "closed_book"
note = "The base model from memory, no passages."
settings = {{ {length} }}

[systems.tuned]
kind = "closed_book"
{tuned}note = "The fine-tuned model from memory, no passages."
settings = {{ {length} }}

[systems.rag]
kind = "rag"
note = "The base model with passages, as written."
settings = {{ {limits}, {written} }}

[systems.rag-tuned]
kind = "rag"
{tuned}note = "The fine-tuned model with passages, as written."
settings = {{ {limits}, {written} }}

[systems.extractive]
kind = "extractive"
note = "The documents' own sentences; no model writes."
settings = {{ "generator.passages" = {passages} }}
"""
