"""``esrag forget``: remove documents from the index, by where they came from or when."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.asking import ask_or_refuse
from esrag.cli.connection import connection_flags, settings_from
from esrag.cli.ingest_report import one_line

if TYPE_CHECKING:
    from esrag.adapters.taught import Taught
    from esrag.cli.ingest_target import Target
    from esrag.cluster.stored_documents import Selection
    from esrag.indexing.forgetting import Selected
    from esrag.settings import Settings

_SHOWN = 5


@click.command()
@connection_flags
@click.option(
    "--source", metavar="PATTERN", help="Id, source or URL of the documents; * and ? stand in."
)
@click.option("--run", "run_id", metavar="ID", help="What this run of ingest wrote.")
@click.option("--origin", metavar="NAME", help="All of this origin: a folder's URI, or its name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print what went as JSON.")
def forget(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    source: str | None,
    run_id: str | None,
    origin: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove documents from the index; what is said must all fit. Shows them, then asks.

    Their files are left alone: what is still there comes back with the next ingest. Data sets, runs
    and adapters that were taught them are named, and left alone as well.
    """
    if not (source or run_id or origin):
        raise click.UsageError("Say which documents: --source, --run or --origin.")
    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    from esrag.cli.ingest_target import target_from
    from esrag.cluster.stored_documents import Selection
    from esrag.indexing import find
    from esrag.indexing import forget as remove

    selection = Selection(origin=origin or "", source=source or "", run=run_id or "")
    target = target_from(settings)
    ids: set[str] = set()
    with target.ledger() as ledger:
        found = find(target.index, selection, hear=ids.add)
        holding = _holding(settings, ids)
        if found.documents and not as_json:
            _show(found)
            _show_taught(holding)
        if found.documents and not yes:
            ask_or_refuse(f"Remove {_documents(found.documents)}?", command="forget")
        removed = remove(target.index, ledger, selection)
    letters = _forget_letters(target, selection)
    if as_json:
        told = {"letters_removed": letters, "still_taught": [asdict(each) for each in holding]}
        click.echo(json.dumps({**_facts(removed), **told}, indent=2))
        return
    click.echo(f"{_documents(removed.documents)}, {removed.chunks:,} chunks removed.")
    if letters:
        click.echo(f"{letters:,} dead letters of them as well.")


def _holding(settings: Settings, ids: set[str]) -> list[Taught]:
    """What was taught these documents: it says them still when the index does not."""
    from esrag.adapters.taught import taught

    if not ids:
        return []
    return taught(settings.data_dir, ids.__contains__, set_name=settings.index.set)


def _show_taught(holding: list[Taught]) -> None:
    if not holding:
        return
    click.echo("They were taught, and are not forgotten there:", err=True)
    for each in holding:
        what = (
            f"cannot be looked through: {one_line(each.unreadable)}"
            if each.unreadable
            else _documents(each.documents)
        )
        click.echo(f"  {each.kind:8}  {one_line(each.name)}  {what}", err=True)
    click.echo(
        "Build these data sets again, train again, and remove these adapters: esrag adapter remove "
        "NAME. Models that were merged from them are not listed.",
        err=True,
    )


def _forget_letters(target: Target, selection: Selection) -> int:
    """Dead letters may hold the text of what is to be forgotten: they go, here and in the index."""
    from esrag.cluster.dead_letters import LetterIndex
    from esrag.dead_letters.copies import Copies
    from esrag.dead_letters.selecting import fits

    gone = target.folder.remove(lambda filed: fits(filed.letter, selection))
    index = LetterIndex(target.client, target.alias)
    Copies(index, target.folder, target.alias).forget(gone)
    return len(gone)


def _show(found: Selected) -> None:
    click.echo(f"{_documents(found.documents)}, {found.chunks:,} chunks:", err=True)
    for origin, count in sorted(found.by_origin.items()):
        click.echo(f"  {count:>7,}  {one_line(origin) or '(no origin)'}", err=True)
    for document_id in found.first[:_SHOWN]:
        click.echo(f"           {one_line(document_id)}", err=True)
    if found.documents > _SHOWN:
        click.echo("           …", err=True)


def _facts(removed: Selected) -> dict[str, Any]:
    facts = asdict(removed)
    del facts["first"]
    return facts


def _documents(number: int) -> str:
    return f"{number:,} document" if number == 1 else f"{number:,} documents"
