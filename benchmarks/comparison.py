"""The five systems on a folder in BEIR's layout: ``python -m benchmarks.comparison FOLDER``.

    corpus.jsonl ──► index ──► rows by rules ──► adapter ─┐
    queries.jsonl, qrels ──► questions ───────────────────┴─► esrag compare ──► record

Everything is done by esrag's own commands, in the data folder of the settings, with the running
local stack.  Half of the documents are kept apart.  Taught by heart are facts of the others which
some of the questions ask for, in the wordings that `esrag dataset build` makes by rules; asked are
these questions, as people wrote them, and questions about documents that were kept apart.  A
question belongs to a taught fact when a row is about its document and the row's answer holds the
reference answer; where that is too long to be compared, the document is enough.

The record has figures only, no text of the folder.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import click

from benchmarks.comparison_record import keep
from esrag.answer_measures import normalised
from esrag.cli import cli
from esrag.cli.connection import settings_from
from esrag.cli.demo_lessons import NOT_TAUGHT, TAUGHT, systems_toml
from esrag.cli.demo_training import run_name
from esrag.disk import replace_text
from esrag.evaluation.question_sets.folder import question_file
from esrag.evaluation.question_sets.records import SetQuestion, as_text, read_set
from esrag.evaluation.run_folder import RunFolder
from esrag.examples.rows import read_examples, write_examples
from esrag.questions import holds
from esrag.types import Example

SEED = 7
DATA = (
    "--maker template:table --maker template:field --maker template:statement"
    " --maker template:cloze --maker template:heading"
    " --maker raft:quote --maker raft:phrase --distractors 1 --unanswerable 0.15"
    " --wordings 8 --dev 0 --test 0.5 --seed 7"
)
RECIPE = (
    "--batch 16 --max-tokens 400 --pack-tokens 512 --last-layers 16"
    " --learning-rate 1e-3 --schedule linear --seed 7"
)
# rows of each sort beside the taught facts; none of not knowing, which would be the only rows in
# the form of a question where the facts are taught as sentences with a gap
OTHERS = {"grounded": 90, "unanswerable": 15}
MOST_ROWS = 12  # by heart for one question


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--limit", default=56, show_default=True, help="Questions that are asked.")
@click.option("--steps", default=60, show_default=True, help="Steps of training.")
@click.option("--passages", default=3, show_default=True)
@click.option("--tokens", default=64, show_default=True, help="Longest reply of all systems.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the figures as JSON.")
def main(
    folder: Path, *, limit: int, steps: int, passages: int, tokens: int, output: Path | None
) -> None:
    """Index FOLDER, teach, ask five systems, and write down the figures."""
    from esrag.cli.evaluate_ingest import index_corpus

    name = folder.resolve().name
    settings = settings_from(set_name=name)
    work = settings.data_dir / "datasets" / name
    index_corpus(name, folder / "corpus.jsonl", elasticsearch_url=None)
    _esrag(f"questions import {shlex.quote(str(folder))} --into {name} --replace")
    if not (work / "examples.jsonl").is_file():
        _esrag(f"dataset build {name} --set {name} {DATA}")
    rows = list(read_examples(work / "examples.jsonl"))
    questions = read_set(question_file(settings.data_dir, name))
    asked = chosen(questions, rows, limit=limit)
    replace_text(work / "questions.jsonl", as_text(asked))
    count = write_examples(work / "rows.jsonl", to_train(rows, asked))
    counts = {kind: sum(each.type == kind for each in asked) for kind in (TAUGHT, NOT_TAUGHT)}
    click.echo(f"{count} rows to train; asked: {counts}")
    recipe = f"--max-steps {steps} {RECIPE}"
    run = run_name(name, work / "rows.jsonl", recipe)
    _esrag(f"finetune {work / 'rows.jsonl'} --name {run} {recipe}")
    _esrag(f"adapter add {run} --name {name} --base packaged --replace")
    systems = systems_toml(adapter=name, run=run, passages=passages, tokens=tokens)
    replace_text(work / "systems.toml", systems)
    _esrag(
        f"compare --set {name} --questions {work / 'questions.jsonl'}"
        f" --systems {work / 'systems.toml'} --baseline base --name {name}"
    )
    found = RunFolder.named(name, data_dir=settings.data_dir)
    if output:
        keep(found, output, rows_trained=count, steps=steps)


def chosen(
    questions: Sequence[SetQuestion], rows: Sequence[Example], *, limit: int
) -> tuple[SetQuestion, ...]:
    """Up to half of ``limit`` questions about facts that can be taught, the others about documents
    that training does not see; one of a document as long as there are documents.
    """
    trained = {name for row in rows if row.split != "test" for name in row.source.documents}
    order = list(questions)
    Random(SEED).shuffle(order)
    taught = [each for each in order if any(teaches(row, each) for row in rows)]
    apart = [each for each in order if each.documents and not trained & {*each.documents}]
    first = _spread(taught)[: limit // 2]
    rest = _spread(apart)[: limit - len(first)]
    return (
        *(replace(each, type=TAUGHT) for each in first),
        *(replace(each, type=NOT_TAUGHT) for each in rest),
    )


def teaches(row: Example, question: SetQuestion) -> bool:
    """Whether a row tells by heart what the question asks for, in other words.

    Where the reference answer is too long to have forms, whatever is said of its documents counts.
    The wordings that a data set keeps back (``recall``) are trained as well.
    """
    return (
        row.kind == "knowledge"
        and row.split in ("train", "recall")
        and not {*row.source.documents}.isdisjoint(question.documents)
        and normalised(row.question) != normalised(question.question)
        and (not question.answer_groups or holds(row.answer, question.answer_groups))
    )


def to_train(rows: Sequence[Example], asked: Sequence[SetQuestion]) -> Iterator[Example]:
    """The rows of the taught facts, and a number of each other sort."""
    taught = [each for each in asked if each.type == TAUGHT]
    left = dict(OTHERS)
    wanted = {each.id: MOST_ROWS for each in taught}
    for row in rows:
        about = [each.id for each in taught if teaches(row, each)]
        if any(wanted[each] for each in about):
            wanted |= {each: max(0, wanted[each] - 1) for each in about}
            yield replace(row, split="train")
        elif row.split == "train" and left.get(row.kind, 0):
            left[row.kind] -= 1
            yield row


def _spread(questions: Sequence[SetQuestion]) -> list[SetQuestion]:
    """Questions about documents that no earlier one is about come first."""
    seen: set[str] = set()
    first: list[SetQuestion] = []
    later: list[SetQuestion] = []
    for each in questions:
        (later if seen & {*each.documents} else first).append(each)
        seen |= {*each.documents}
    return [*first, *later]


def _esrag(line: str) -> None:
    click.secho(f"$ esrag {line}", fg="cyan", err=True)
    cli.main(shlex.split(line), prog_name="esrag", standalone_mode=False)


if __name__ == "__main__":
    main()
