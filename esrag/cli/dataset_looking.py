"""``esrag dataset list``, ``show``, ``check`` and ``export``: what has been built."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.ingest_report import one_line
from esrag.cli.printable import printable
from esrag.errors import RejectedError, UsageError
from esrag.types import ExampleKind, Split

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.examples.checking import Finding
    from esrag.types import Example

_KINDS = click.Choice(get_args(ExampleKind))
_SPLITS = click.Choice(get_args(Split))
_FORMS = click.Choice(("messages", "trl", "llama-factory", "axolotl"))
_SHOWN = 20
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_kind_flag = click.option("--kind", type=_KINDS, multiple=True, help="Only examples of this kind.")


@click.command("list")
@_json_flag
def list_datasets(*, as_json: bool) -> None:
    """List the data sets of this data folder."""
    from esrag.examples.card import read_card
    from esrag.examples.folder import CARD

    folder = settings_from().data_dir / "datasets"
    found: list[dict[str, Any]] = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (place / CARD).is_file():
            named = {"name": place.name, "folder": str(place)}
            try:
                found.append(named | _headline(read_card(place)))
            except UsageError as error:
                found.append(named | {"error": error.message})
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("There are none. Make one: esrag dataset build", err=True)
    for each in found:
        name = one_line(each["name"])
        if "error" in each:
            click.echo(f"{'damaged':>9}  {name}  {one_line(each['error'])}")
            continue
        made = one_line(f"set {each['set']}, seed {each['seed']}")
        click.echo(f"{each['rows']:>9,}  {name}  ({made})")


@click.command(short_help="Show the card of a data set, and rows of it.")
@click.argument("name")
@_kind_flag
@click.option("--split", type=_SPLITS, multiple=True, help="Only examples of this split.")
@click.option("--maker", metavar="NAME", multiple=True, help="Only this maker's.")
@click.option("--id", "wanted", metavar="ID", help="The row whose id begins so, whole.")
@click.option(
    "-n", "count", type=click.IntRange(0), default=5, show_default=True, help="How many rows."
)
@_json_flag
def show(
    name: str,
    *,
    kind: tuple[str, ...],
    split: tuple[str, ...],
    maker: tuple[str, ...],
    wanted: str | None,
    count: int,
    as_json: bool,
) -> None:
    """Show the card of the data set NAME and some of its rows; NAME may be a file or folder."""
    from esrag.examples.card import read_card
    from esrag.examples.folder import CARD, examples_file
    from esrag.examples.rows import as_line, read_examples

    file = examples_file(settings_from().data_dir, name)
    rows = (
        row
        for row in read_examples(file)
        if (not kind or row.kind in kind)
        and (not split or row.split in split)
        and (not maker or row.source.maker in maker)
        and (wanted is None or row.id.startswith(wanted))
    )
    chosen = list(islice(rows, 1 if wanted else count))
    if wanted and not chosen:
        raise UsageError(f"{file} has no row whose id begins with {wanted}")
    card = read_card(file.parent) if (file.parent / CARD).is_file() else None
    if as_json:
        lines = [json.loads(as_line(row)) for row in chosen]
        click.echo(json.dumps({"card": card, "examples": lines}, indent=2, ensure_ascii=False))
        return
    if card and not wanted:
        show_counts(card)
    for row in chosen:
        _show_row(row, whole=bool(wanted))


@click.command(short_help="Check that a data set still holds, beside the index.")
@connection_flags
@click.argument("name")
@click.option("--acl", metavar="NAME", multiple=True, help="A reader it may be for; else as built.")
@click.option("--offline", is_flag=True, help="Look at the file alone; ask no cluster.")
@_json_flag
def check(
    name: str,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    acl: tuple[str, ...],
    offline: bool,
    as_json: bool,
) -> None:
    """Check the data set NAME: its rows, its splits, and whether its documents still stand.

    Ends with exit code 3 when a row's document is gone, changed, or may not be used any more:
    build the data set again then, and train again what was trained on it.
    """
    from esrag.examples.checking import findings_in_file
    from esrag.examples.folder import examples_file
    from esrag.examples.rows import read_examples

    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    file = examples_file(settings.data_dir, name)
    findings = list(findings_in_file(file))
    first = next(read_examples(file), None)
    if first is None:
        raise UsageError(f"{file} holds no rows", hint="Build it again: esrag dataset build")
    if not offline:
        with connect_with(settings) as client:
            readers = acl or settings.dataset.acl or _readers(file)
            findings += _beside(client, file, first.source.index, readers)
    _report(file, findings, as_json=as_json)


@click.command(short_help="Write a data set for another trainer.")
@click.argument("name")
@click.option("--format", "form", type=_FORMS, required=True, help="What reads it.")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER",
    help="New folder.",
)
@_kind_flag
@_json_flag
def export(name: str, *, form: Any, folder: Path, kind: tuple[str, ...], as_json: bool) -> None:
    """Write the data set NAME for another trainer: one file a split, in FOLDER."""
    from esrag.examples.exporting import export as write
    from esrag.examples.folder import examples_file

    file = examples_file(settings_from().data_dir, name)
    counts = write(file, folder, form, kinds=kind, name=file.parent.name)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "rows": counts}, indent=2))
        return
    for written, rows in counts.items():
        click.echo(f"{rows:>9,}  {folder / written}")


def show_counts(card: Mapping[str, Any]) -> None:
    """Rows by kind and split, and what was left out."""
    held = {split for counts in card["by_kind"].values() for split in counts}
    splits = [split for split in get_args(Split) if split in held]
    click.echo(f"{'':14}" + "".join(f"{one_line(split):>9}" for split in splits))
    for kind, counts in card["by_kind"].items():
        numbers = "".join(f"{counts.get(split, 0):>9,}" for split in splits)
        click.echo(f"{one_line(kind):14}" + numbers)
    for what, counts in (
        ("Chunks not used", card["chunks_left_out"]),
        ("Rows left out", card["rows_dropped"]),
    ):
        if counts:
            click.echo(f"{what}:")
        for name, number in counts.items():
            click.echo(f"{number:>9,}  {one_line(name)}")


def _headline(card: Mapping[str, Any]) -> dict[str, Any]:
    made_of = card["made_of"]
    return {
        "rows": card["rows"],
        "set": made_of["set"],
        "seed": made_of["seed"],
        "sha256": card["sha256"],
    }


def _show_row(row: Example, *, whole: bool) -> None:
    click.echo()
    maker = one_line(row.source.maker)
    click.secho(f"{one_line(row.id)}  {row.kind}, {row.split}, {maker}", bold=True)
    if whole:
        for message in row.messages:
            click.secho(f"{message.role}:", dim=True)
            click.echo(printable(message.content))
    else:
        click.echo(f"  Q  {one_line(row.question)}")
        click.echo(f"  A  {one_line(row.answer)}")
    click.secho(f"  from {one_line(', '.join(row.source.documents))}", dim=True)


def _readers(file: Path) -> tuple[str, ...]:
    """The readers that the data set was built for, as its card says."""
    from esrag.examples.card import read_card
    from esrag.examples.folder import CARD

    if not (file.parent / CARD).is_file():
        return ()
    return tuple(read_card(file.parent)["made_of"].get("acl", ()))


def _beside(
    client: Elasticsearch, file: Path, index: str, acl: tuple[str, ...]
) -> Iterator[Finding]:
    """What the index says of the rows, read with the caller's rights."""
    from esrag.examples.checking import findings_beside
    from esrag.examples.reading import passages_beside

    refused: set[str] = set()
    passages = passages_beside(
        client, index, acl=acl, forbidden=lambda chunk: refused.add(chunk.id)
    )
    return findings_beside(file, passages, refused.__contains__)


def _report(file: Path, findings: list[Finding], *, as_json: bool) -> None:
    rows = len({finding.row for finding in findings})
    if as_json:
        listed = [
            {"row": each.row, "what": each.what, "document": each.document} for each in findings
        ]
        click.echo(json.dumps({"file": str(file), "findings": listed}, indent=2))
    else:
        for what, count in sorted(Counter(each.what for each in findings).items()):
            click.echo(f"{count:>7,}  {what}")
        for each in findings[:_SHOWN]:
            row = one_line(each.row) or "file"
            click.echo(f"         {row}  {each.what}  {one_line(each.document)}")
        if len(findings) > _SHOWN:
            click.echo("         …  --json lists all")
    if findings:
        raise RejectedError(
            f"{rows:,} of the rows of {file} do not hold any more",
            hint="Build the data set again, and train again what was trained on it.",
        )
    if not as_json:
        click.echo("Every row holds.")
