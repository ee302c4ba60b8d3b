"""``esrag questions``: sets of questions with known answers: build, check, review, hand on."""

from __future__ import annotations

import json

import click

from esrag.cli.connection import connect_with, connection_flags
from esrag.cli.ingest_report import one_line
from esrag.cli.making import helpers_for, settings_for_making
from esrag.cli.questions_handing import export, import_questions, review
from esrag.cli.questions_looking import check, list_sets, show, show_counts

_TYPES = click.Choice(("statement", "table", "field", "heading", "sentence", "teacher"))


@click.group()
def questions() -> None:
    """Sets of questions with known answers, to compare systems by.

    A set lies in the data folder under questions/NAME; wherever a command takes a set it takes its
    name, its folder or a file.
    """


@questions.command(short_help="Build a question set from the index.")
@connection_flags
@click.argument("name", required=False)
@click.option(
    "--count",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Questions in all; 0: as many as there are.",
)
@click.option(
    "--per-document",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Most of one document; 0: any number.",
)
@click.option("--type", "types", type=_TYPES, multiple=True, help="Only questions of this type.")
@click.option(
    "--unanswerable",
    type=click.FloatRange(0, 0.9),
    default=0.2,
    show_default=True,
    help="Share of questions that no document answers.",
)
@click.option(
    "--calibration",
    type=click.FloatRange(0, 0.9),
    default=0.3,
    show_default=True,
    help="Share kept for fitting thresholds, on documents of its own; the rest is for testing.",
)
@click.option(
    "--not-in",
    metavar="DATASET",
    multiple=True,
    help="Share no document and no question with this training data.",
)
@click.option("--teacher", metavar="URL", help="Server whose model writes questions.")
@click.option("--teacher-model", metavar="NAME", help="Model to ask for there.")
@click.option("--judge", metavar="URL", help="Server whose model checks what the teacher wrote.")
@click.option("--judge-model", metavar="NAME", help="Model to ask for there.")
@click.option(
    "--round-trip/--no-round-trip",
    default=True,
    show_default=True,
    help="Keep a teacher's question only if a search for it finds its passage.",
)
@click.option("--acl", metavar="NAME", multiple=True, help="Use documents for this reader as well.")
@click.option("--seed", type=int, help="The same seed and index give the same file.")
@click.option("--replace", is_flag=True, help="Throw away a reviewed set of that name.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
def build(
    name: str | None,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    count: int,
    per_document: int,
    types: tuple[str, ...],
    unanswerable: float,
    calibration: float,
    not_in: tuple[str, ...],
    teacher: str | None,
    teacher_model: str | None,
    judge: str | None,
    judge_model: str | None,
    round_trip: bool,
    acl: tuple[str, ...],
    seed: int | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Build the question set NAME (default: the document set's name) from the index.

    Without a teacher, questions come from tables, fields, sentences and headings that ask. Each
    has its answer's forms and the words of a document that say it; review them before you trust
    what they measure. Documents that name their readers are left out unless --acl names one.
    """
    settings = settings_for_making(set_name, elasticsearch_url, teacher, teacher_model, acl, seed)
    from esrag.evaluation.question_sets.building import SetRecipe
    from esrag.evaluation.question_sets.building import build as build_in
    from esrag.evaluation.question_sets.folder import TEACHER, set_folder
    from esrag.examples.folder import examples_file
    from esrag.examples.reading import read_passages, require_readable
    from esrag.names import Names

    folder = set_folder(settings.data_dir, name or settings.index.set)
    index = Names(settings.index.set).alias
    recipe = SetRecipe(
        index=index,
        set=settings.index.set,
        seed=settings.training.seed,
        count=count,
        per_document=per_document,
        types=types,
        unanswerable=unanswerable,
        calibration=calibration,
        acl=settings.dataset.acl,
        not_in=not_in,
        trained=tuple(examples_file(settings.data_dir, each) for each in not_in),
    )
    with (
        connect_with(settings) as client,
        helpers_for(
            settings,
            client,
            folder / TEACHER,
            judge=judge,
            judge_model=judge_model,
            search=bool(settings.dataset.teacher_url) and round_trip,
        ) as helpers,
    ):
        require_readable(client, index)
        card = build_in(
            folder,
            recipe,
            read=lambda left_out: read_passages(client, index, acl=recipe.acl, left_out=left_out),
            helpers=helpers,
            replacing=replace,
        )
    if as_json:
        click.echo(json.dumps({"folder": str(folder), **card}, indent=2, ensure_ascii=False))
        return
    show_counts(card)
    shown = one_line(folder.name)
    click.echo(f"Built in {folder}")
    click.echo(f"Next: esrag questions review {shown}, then esrag compare --questions {shown}")


for command in (list_sets, show, check, review, export, import_questions):
    questions.add_command(command)
