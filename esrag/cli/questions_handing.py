"""``esrag questions review``, ``export`` and ``import``: sets go to people and come back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.ingest_report import one_line
from esrag.cli.questions_looking import choosing_flags, chosen
from esrag.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.evaluation.question_sets.merging import Merged
    from esrag.evaluation.question_sets.records import SetQuestion
    from esrag.examples.passages import Passage

_FILE = click.Path(path_type=Path)
_FORMATS = click.Choice(("jsonl", "table", "list", "beir"))
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(short_help="Write a page on which a person reviews a question set.")
@connection_flags
@click.argument("name")
@choosing_flags
@click.option(
    "--page",
    type=_FILE,
    metavar="FILE",
    help="Where; default: beside the set, of a file in this folder.",
)
@click.option("--acl", metavar="NAME", multiple=True, help="A reader it may be for; else as built.")
@click.option("--offline", is_flag=True, help="Show quotes alone; ask no cluster.")
def review(
    name: str,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    types: tuple[str, ...],
    split: str | None,
    status: str | None,
    page: Path | None,
    acl: tuple[str, ...],
    offline: bool,
) -> None:
    """Write one HTML page with the questions of NAME, each with its evidence in its chunk.

    The page opens in a browser without a server or a network. Accept, reject, edit and comment
    there, save what it offers for download, and give that file to esrag questions import.
    """
    from esrag.disk import replace_text
    from esrag.evaluation.question_sets.folder import question_file, read_card
    from esrag.evaluation.question_sets.records import read_set
    from esrag.evaluation.question_sets.review_page import render_review

    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    file = question_file(settings.data_dir, name)
    questions = chosen(read_set(file), types=types, split=split, status=status)
    if not questions:
        raise UsageError(f"{file} holds no such questions")
    passages: Sequence[Passage] = ()
    if not offline:
        made_of = read_card(file.parent).get("made_of", {})
        readers = acl or settings.dataset.acl or tuple(made_of.get("acl", ()))
        with connect_with(settings) as client:
            passages = _passages_of(client, settings.index.set, questions, readers)
    called, beside = _named(file, settings.data_dir)
    written = page or (file.with_name("review.html") if beside else Path(f"{called}.review.html"))
    replace_text(written, render_review(called, questions, passages, looked=not offline))
    click.echo(f"{len(questions):,} questions in {written}")
    click.echo("Open it in a browser; what it saves goes back with:")
    click.echo(f"  esrag questions import FILE --into {one_line(called)}")


@click.command(short_help="Write a question set for a spreadsheet, or as JSONL.")
@click.argument("name")
@click.option("--tsv", type=_FILE, metavar="FILE", help="A table for a spreadsheet; - prints it.")
@click.option("--jsonl", type=_FILE, metavar="FILE", help="The questions as JSONL; - prints them.")
@click.option("--replace", is_flag=True, help="Overwrite FILE.")
def export(name: str, *, tsv: Path | None, jsonl: Path | None, replace: bool) -> None:
    """Write the question set NAME as a table or as JSONL.

    In the table a cell that a spreadsheet would take for a formula begins with an apostrophe,
    which import takes off again.
    """
    from esrag.disk import replace_text
    from esrag.evaluation.question_sets.folder import question_file
    from esrag.evaluation.question_sets.records import as_text, read_set
    from esrag.evaluation.question_sets.sheets import as_tsv

    if (tsv is None) == (jsonl is None):
        raise UsageError("say what to write: --tsv FILE or --jsonl FILE")
    questions = read_set(question_file(settings_from().data_dir, name))
    text = as_tsv(questions) if tsv is not None else as_text(questions)
    target = tsv or jsonl
    if target is None or str(target) == "-":
        click.echo(text, nl=False)
        return
    if target.exists() and not replace:
        raise ConflictError(
            f"{target} is there already", hint="It may hold a review: --replace overwrites it."
        )
    replace_text(target, text)
    click.echo(f"{len(questions):,} questions in {target}")


@click.command("import", short_help="Take in a review, or questions from elsewhere.")
@click.argument("path", type=_FILE)
@click.option("--into", metavar="NAME", help="The set; default: the name of the file or folder.")
@click.option("--format", "form", type=_FORMATS, help="What it is; default: by its name.")
@click.option("--split", default="", help="The split of its questions; of BEIR: which to take.")
@click.option(
    "--documents-as",
    default="corpus.jsonl#{id}",
    show_default=True,
    metavar="PATTERN",
    help="BEIR: what ingest calls a document of the corpus.",
)
@click.option("--replace", is_flag=True, help="Throw away a set of that name.")
@_json_flag
def import_questions(
    path: Path,
    *,
    into: str | None,
    form: Any,
    split: str,
    documents_as: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Take questions from PATH: a review of a set, a table, JSONL, a list, or a BEIR folder.

    When the set is there already, PATH is a review of it: its questions are known by their ids,
    what it does not name stays, and a row without an id is added. Otherwise a new set is made.
    """
    from esrag.evaluation.question_sets.folder import QUESTIONS, locked, set_folder

    if not path.exists():
        raise UsageError(f"{path} does not exist")
    folder = set_folder(settings_from().data_dir, into or _name_of(path))
    fresh = replace or not (folder / QUESTIONS).is_file()
    brought = None if not fresh else _brought(path, form, split, documents_as)
    with locked(folder):
        told = _write_new(folder, path, *brought) if brought else _merge(folder, path, form)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "counts": told}, indent=2))
        return
    for what, count in told.items():
        click.echo(f"{count:>7,}  {one_line(what)}")
    click.echo(f"In {folder}")
    click.echo(f"Next: esrag questions check {one_line(folder.name)}")


def _named(file: Path, data_dir: Path) -> tuple[str, bool]:
    """What the set of a file is called, and whether it is one of the data folder."""
    from esrag.evaluation.question_sets.folder import FOLDER, QUESTIONS

    if file.name == QUESTIONS and file.parent.parent == data_dir / FOLDER:
        return file.parent.name, True
    return file.stem, False


def _name_of(path: Path) -> str:
    """A name for the set of a file: its own without endings, as far as a name may be so."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().name).strip("-._")
    name = plain if path.is_dir() else plain.partition(".")[0]
    if not name:
        raise UsageError(f"{path} gives no name for a question set", hint="Name one: --into NAME")
    return name[:80]


def _brought(
    path: Path, form: Any, split: str, documents_as: str
) -> tuple[Sequence[SetQuestion], Mapping[str, int]]:
    from esrag.evaluation.question_sets.beir import read_beir
    from esrag.evaluation.question_sets.importing import kind_of, read_brought

    kind = form or kind_of(path)
    if kind == "beir":
        found = read_beir(path, split=split, documents_as=documents_as)
    else:
        found = read_brought(path, kind, split=split)
    return found.questions, found.told


def _write_new(
    folder: Path, path: Path, questions: Sequence[SetQuestion], told: Mapping[str, int]
) -> dict[str, int]:
    from esrag.evaluation.question_sets.building import counts_of
    from esrag.evaluation.question_sets.folder import write_set

    card = {
        "questions": len(questions),
        "by_type": counts_of(questions),
        "imported": path.resolve().name,
        "told": dict(told),
    }
    write_set(folder, questions, card)
    return {"questions": len(questions), **told}


def _merge(folder: Path, path: Path, form: Any) -> dict[str, int]:
    from esrag.evaluation.question_sets.building import counts_of
    from esrag.evaluation.question_sets.folder import QUESTIONS, read_card, write_set
    from esrag.evaluation.question_sets.records import read_set

    merged = _merged(path, form, read_set(folder / QUESTIONS), folder.name)
    card = read_card(folder) | {
        "questions": len(merged.questions),
        "by_type": counts_of(merged.questions),
    }
    write_set(folder, merged.questions, card)
    return {what: count for what, count in merged.changes.items() if count}


def _merged(path: Path, form: Any, before: Sequence[SetQuestion], name: str) -> Merged:
    from esrag.evaluation.question_sets.importing import kind_of
    from esrag.evaluation.question_sets.merging import merge_questions, merge_sheet
    from esrag.evaluation.question_sets.records import read_set
    from esrag.evaluation.question_sets.sheets import read_sheet

    kind = form or kind_of(path)
    if kind == "table":
        return merge_sheet(path, before, read_sheet(path))
    if kind == "jsonl":
        return merge_questions(path, before, read_set(path))
    raise ConflictError(
        f"the question set {name} is there already, and {path} is no review of it",
        hint="Use another name: --into NAME; or throw the set away: --replace",
    )


def _passages_of(
    client: Elasticsearch, set_name: str, questions: Sequence[SetQuestion], acl: Sequence[str]
) -> list[Passage]:
    """The passages of all documents that are named as evidence, with the caller's rights."""
    from esrag.examples.reading import read_documents, require_readable
    from esrag.names import Names

    index = Names(set_name).alias
    require_readable(client, index)
    named = dict.fromkeys(name for each in questions for name in each.documents)
    return list(read_documents(client, index, tuple(named), acl=acl))
