"""``esrag dataset``: training data from the index: build it, look at it, check it, hand it on."""

from __future__ import annotations

import json
from typing import get_args

import click

from esrag.cli.connection import connect_with, connection_flags
from esrag.cli.dataset_looking import check, export, list_datasets, show, show_counts
from esrag.cli.making import helpers_for, settings_for_making
from esrag.types import ExampleKind

_KINDS = click.Choice(get_args(ExampleKind))
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def dataset() -> None:
    """Training data from the index: questions and answers, each with the chunks it was made of.

    What is built lies in the data folder under datasets/NAME.
    """


@dataset.command(short_help="Build a data set from the index.")
@connection_flags
@click.argument("name", required=False)
@click.option("--kind", "kinds", type=_KINDS, multiple=True, help="Only examples of this kind.")
@click.option("--maker", "makers", metavar="NAME", multiple=True, help="Only this maker's.")
@click.option("--teacher", metavar="URL", help="Server whose model writes questions and answers.")
@click.option("--teacher-model", metavar="NAME", help="Model to ask for there.")
@click.option("--judge", metavar="URL", help="Server whose model checks what the teacher wrote.")
@click.option("--judge-model", metavar="NAME", help="Model to ask for there.")
@click.option("--acl", metavar="NAME", multiple=True, help="Use documents for this reader as well.")
@click.option("--seed", type=int, help="The same seed and index give the same file.")
@click.option(
    "--per-kind",
    type=click.IntRange(min=0),
    default=0,
    help="Most of a kind, refusals in proportion to answers; 0: all.",
)
@click.option(
    "--wordings",
    type=click.IntRange(1, 10),
    default=3,
    show_default=True,
    help="Questions for one fact that are trained.",
)
@click.option(
    "--distractors",
    type=click.IntRange(0, 20),
    default=4,
    show_default=True,
    help="Passages of a prompt beside the one that answers.",
)
@click.option(
    "--unanswerable",
    type=click.FloatRange(0, 1),
    default=0.25,
    show_default=True,
    help="Share of grounded questions whose passage is left out, so that the answer is a refusal.",
)
@click.option(
    "--dev",
    type=click.FloatRange(0, 0.5),
    default=0.1,
    show_default=True,
    help="Share of the documents to choose by.",
)
@click.option(
    "--test",
    type=click.FloatRange(0, 0.5),
    default=0.1,
    show_default=True,
    help="Share of the documents to judge by.",
)
@_json_flag
def build(
    name: str | None,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    kinds: tuple[str, ...],
    makers: tuple[str, ...],
    teacher: str | None,
    teacher_model: str | None,
    judge: str | None,
    judge_model: str | None,
    acl: tuple[str, ...],
    seed: int | None,
    per_kind: int,
    wordings: int,
    distractors: int,
    unanswerable: float,
    dev: float,
    test: float,
    as_json: bool,
) -> None:
    """Build the data set NAME (default: the document set's name) from the index.

    Without a teacher, questions come from tables, fields, sentences and headings. Documents that
    name their readers are left out unless --acl names one of them: a model tells everybody what it
    has learnt.
    """
    settings = settings_for_making(set_name, elasticsearch_url, teacher, teacher_model, acl, seed)
    from esrag.examples.building import Recipe
    from esrag.examples.building import build as build_in
    from esrag.examples.desk import Limits, SplitShares
    from esrag.examples.folder import TEACHER, dataset_folder
    from esrag.examples.makers import makers_for
    from esrag.examples.reading import read_passages, require_readable
    from esrag.names import Names

    folder = dataset_folder(settings.data_dir, name or settings.index.set)
    index = Names(settings.index.set).alias
    chosen = makers_for(
        makers, kinds=kinds, has_teacher=bool(settings.dataset.teacher_url), has_search=True
    )
    recipe = Recipe(
        index=index,
        set=settings.index.set,
        seed=settings.training.seed,
        acl=settings.dataset.acl,
        shares=SplitShares(dev=dev, test=test),
        limits=Limits(per_kind=per_kind, wordings=wordings, distractors=distractors),
        options={"unanswerable": unanswerable},
    )
    with (
        connect_with(settings) as client,
        helpers_for(
            settings,
            client,
            folder / TEACHER,
            judge=judge,
            judge_model=judge_model,
            search=any(maker.needs_search for maker in chosen),
        ) as helpers,
    ):
        require_readable(client, index)
        card = build_in(
            folder,
            recipe,
            chosen,
            read=lambda left_out: read_passages(client, index, acl=recipe.acl, left_out=left_out),
            helpers=helpers,
        )
    if as_json:
        click.echo(json.dumps({"folder": str(folder), **card}, indent=2, ensure_ascii=False))
        return
    show_counts(card)
    click.echo(f"Built in {folder}")
    click.echo(f"Next: esrag dataset show {folder.name}, then esrag finetune {folder.name}")


for command in (list_datasets, show, check, export):
    dataset.add_command(command)
