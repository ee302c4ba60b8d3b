"""``esrag demo --finetune``: the sample's documents teach SmolLM2 to answer from passages.

    index ──► data set ──► adapter ──► served beside its base ──► before and after, esrag ask

Each step is the real command, as in the plain demo.  What is measured in between is measured, on
rows of documents that were held out: a small model on few examples, so the figures are small.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from esrag.cli.connection import settings_from
from esrag.cli.demo_held_out import (
    HeldOut,
    asked,
    comparison,
    from_memory,
    held_out,
    said,
)
from esrag.cli.demo_training import run_name, show_costs
from esrag.cli.printable import printable
from esrag.settings import Settings
from esrag.types import Example

NAME = "demo"
BASE = "tgi"
# what fits into ten minutes on two cores, see docs/teaching.md
DATA = "--maker raft:quote --distractors 1 --unanswerable 0.15 --dev 0 --test 0.3 --seed 7"
RECIPE = (
    "--max-steps 24 --batch 10 --max-tokens 448 --pack-tokens 512 --last-layers 12"
    " --learning-rate 1e-3 --seed 7"
)
_SHOWN = 2  # held-out examples of each sort, and as many of those that are taught

# shows a command's line, runs it and says how long it took
Step = Callable[[str, str], None]


def demo_finetune(step: Step) -> None:
    """Data set, training, serving, before and after; the stack is up and the set ingested."""
    settings = settings_from(set_name=NAME)
    step(
        "Make examples from the index: a question, the passage that answers it and one that does"
        " not, the sentence and its number; where the passage is left out, the refusal",
        f"dataset build {NAME} --set {NAME} {DATA}",
    )
    data_set = settings.data_dir / "datasets" / NAME
    rows = held_out(data_set / "examples.jsonl")
    _show_taught(data_set / "examples.jsonl")
    run = run_name(NAME, data_set / "examples.jsonl", RECIPE)
    step(
        "Train a LoRA adapter of SmolLM2 on the short ones, on this machine's processor",
        f"finetune {NAME} --name {run} {RECIPE}",
    )
    show_costs(settings.data_dir / "runs" / run)
    step(
        "Register it, and have the running server load it",
        f"adapter add {run} --name {NAME} --base packaged --replace",
    )
    step("Prove that it is applied", f"adapter verify {NAME}")
    _before_and_after(settings, rows)
    _by_heart(settings, rows)
    _through_ask(settings, rows)
    question = shlex.quote(rows.questions[0].text)
    step("The first of them, with the base model", f"ask --set {NAME} {question}")
    step("The same, with the adapter", f"ask --set {NAME} --adapter {NAME} {question}")


def next_steps() -> tuple[str, ...]:
    """What to do with it, a line each."""
    return (
        f'esrag ask --set demo --adapter {NAME} "…"   your own question, answered with the adapter',
        f"esrag dataset show {NAME}                  what it was taught, and from which passages",
        "esrag adapter list                       what the server has; esrag adapter remove NAME",
        "esrag dataset build && esrag finetune    the same for your own set; docs/teaching.md tells"
        " what to expect",
    )


def _show_taught(file: Path) -> None:
    """Some of what is taught, question and answer, and where from."""
    from esrag.examples.rows import read_examples

    rows = [row for row in read_examples(file) if row.split == "train"]
    for kind in ("grounded", "unanswerable"):
        for row in [row for row in rows if row.kind == kind][:_SHOWN]:
            click.echo(f"  taught   {printable(row.question)}")
            click.echo(f"           {printable(row.answer)}  ({', '.join(row.source.sources)})")


def _before_and_after(settings: Settings, rows: HeldOut) -> None:
    """The bare text of both models for prompts like those that were trained."""
    _headline(
        f"Before and after: {len(rows.answerable)} questions with the passage that answers them and"
        f" {len(rows.unanswerable)} without, from documents that were not trained"
    )
    every = (*rows.answerable, *rows.unanswerable)
    before, after = said(settings, BASE, every), said(settings, NAME, every)
    for line in comparison(every, before, after):
        click.echo(f"  {line}")
    texts = dict(zip((row.id for row in every), zip(before, after, strict=True), strict=True))
    click.echo(f"  All of them: {_kept(settings, every, before, after)}")
    click.echo("  The first of each, not chosen:")
    for row in (*rows.answerable[:_SHOWN], *rows.unanswerable[:_SHOWN]):
        _show_pair(row, *texts[row.id])


def _kept(
    settings: Settings, rows: Sequence[Example], before: Sequence[str], after: Sequence[str]
) -> Path:
    """Write down every question with what both models said; the file."""
    file = settings.data_dir / "datasets" / NAME / "before-and-after.json"
    told = [
        {
            "question": row.question,
            "answerable": row.kind == "grounded",
            "wanted": row.answer,
            "base": base,
            "adapter": tuned,
        }
        for row, base, tuned in zip(rows, before, after, strict=True)
    ]
    file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def _by_heart(settings: Settings, rows: HeldOut) -> None:
    """The same questions without passages: the warning that goes with every fine-tuning."""
    count = len(rows.answerable)
    _headline(f"The same {count} questions without passages, which nobody taught it")
    found = [(model, from_memory(settings, model, rows.answerable)) for model in (BASE, NAME)]
    for model, outcomes in found:
        click.echo(
            f"  {_called(model):<9}right {outcomes.right}/{count}, says that it does not know"
            f" {outcomes.declined}/{count}, invents {outcomes.invented}/{count}"
        )
    invented = found[-1][1]
    if invented.example:
        question, text = invented.example
        click.secho(
            f'  Warning: asked "{printable(question)}" the adapter says, without a document:'
            f' "{printable(text)}"',
            fg="yellow",
        )
    click.echo("  So let it answer from passages: esrag ask shows no sentence that none carries.")


def _through_ask(settings: Settings, rows: HeldOut) -> None:
    """Both models behind ``esrag ask``: retrieval, prompt, verification."""
    questions = rows.questions
    _headline(
        f"{len(questions)} questions in the words of people about documents that were not trained,"
        " through esrag ask: found, answered, verified"
    )
    for model in (BASE, NAME):
        found = asked(settings, model, questions)
        click.echo(
            f"  {_called(model):<9}wrote the right answer {found.wrote_right}/{found.all}, with the"
            f" number of a passage {found.cited}/{found.all}; shown: own words that a passage"
            f" carries {found.generated}, quotes instead {found.quoted}, refusals {found.refused};"
            f" right {found.right}/{found.all}"
        )


def _called(model: str) -> str:
    return "base" if model == BASE else "adapter"


def _show_pair(row: Example, before: str, after: str) -> None:
    click.echo(f"  Q        {printable(row.question)}")
    for name, text in (("wanted", row.answer), ("base", before), ("adapter", after)):
        click.secho(f"  {name:<9}{_line(text)}", dim=name != "adapter")


def _line(text: str) -> str:
    words = " ".join(printable(text).split())
    return words if len(words) <= 150 else f"{words[:149]}…"


def _headline(text: str) -> None:
    click.secho(f"\n▶ {text}", bold=True)
