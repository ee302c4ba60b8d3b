"""``esrag demo --finetune``: the sample's documents teach SmolLM2 to answer from passages.

    index ──► data set ──► adapter ──► served beside its base ──► before and after, esrag ask

Each step is the real command, as in the plain demo.  What is measured in between is measured, on
rows of documents that were held out: a small model on few examples, so the figures are small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import click

from esrag.answer_measures import proportion, read_answer
from esrag.errors import UsageError
from esrag.settings import Settings, load_settings
from esrag.types import Example, Message

NAME = "demo"
QUESTION = "How large is the image of Pellwarden firmware 2.9.0?"
# what fits into ten minutes on two cores, see docs/teaching.md
RECIPE = "--max-steps 30 --batch 6 --learning-rate 1e-3 --last-layers 12 --seed 7"
HELD_OUT = 12  # rows with an answer, and as many without
_MAX_TOKENS = 64
_AT_ONCE = 4

# shows a command's line, runs it and says how long it took
Step = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one model said to the held-out rows; outcomes in the order of the rows."""

    right_and_cited: tuple[bool, ...]
    refused: tuple[bool, ...]
    refused_wrongly: tuple[bool, ...]


def demo_finetune(step: Step) -> None:
    """Data set, training, serving, before and after; the stack is up and the set ingested."""
    settings = load_settings()
    step(
        "Make examples from the index: passages, the sentence that answers, its number; or refusal",
        f"dataset build {NAME} --set {NAME} --kind grounded --kind unanswerable --distractors 2"
        " --dev 0 --test 0.3 --seed 7",
    )
    data_set = settings.data_dir / "datasets" / NAME
    step(
        "Train a LoRA adapter of SmolLM2 on them, on this machine's processor",
        f"finetune {data_set} --name {NAME} {RECIPE}",
    )
    step(
        "Register it, and have the running server load it",
        f"adapter add {NAME} --name {NAME} --base packaged --replace",
    )
    step("Prove that it is applied", f"adapter verify {NAME}")
    rows = held_out(data_set / "examples.jsonl")
    click.secho(f"\n▶ {len(rows)} held-out examples, the models' bare text", bold=True)
    for line in comparison(rows, _said(settings, "tgi", rows), _said(settings, NAME, rows)):
        click.echo(f"  {line}")
    step("Ask the base model", f'ask --set {NAME} "{QUESTION}"')
    step("Ask the adapter", f'ask --set {NAME} --adapter {NAME} "{QUESTION}"')


def held_out(file: Path) -> list[Example]:
    """Rows of the test split, the same number that can be answered and that cannot."""
    from esrag.examples.rows import read_examples

    rows = [row for row in read_examples(file) if row.split == "test"]
    found = [row for row in rows if row.kind == "grounded"][:HELD_OUT]
    found += [row for row in rows if row.kind == "unanswerable"][:HELD_OUT]
    if not found:
        raise UsageError(f"{file} holds no test rows", hint="Build it again: esrag dataset build")
    return found


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
        ("refuses what they hold", base.refused_wrongly, tuned.refused_wrongly),
    )
    return tuple(
        f"{name:<38} base {proportion(old)}   adapter {proportion(new)}" for name, old, new in pairs
    )


def _said(settings: Settings, model: str, rows: Sequence[Example]) -> list[str]:
    """The texts of ``model`` at the settings' generator, in the order of ``rows``."""
    from esrag.generation.generator import Generator
    from esrag.generator_place import place_from

    generator = Generator(replace(place_from(settings), model=model, first_token_timeout=300.0))

    def answer(messages: tuple[Message, ...]) -> str:
        return "".join(
            piece.text for piece in generator.stream(messages[:-1], max_tokens=_MAX_TOKENS)
        )

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(answer, (row.messages for row in rows)))
    finally:
        generator.close()
