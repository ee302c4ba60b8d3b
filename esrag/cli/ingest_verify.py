"""``esrag ingest verify``: proves the books against the index."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import connection_flags, settings_from
from esrag.cli.ingest_report import one_line
from esrag.errors import ConflictError, RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from esrag.auditing import Audit, Books, Finding, Tally
    from esrag.cli.ingest_target import Target
    from esrag.ledger import Ledger

_SHOWN = 100


@click.command()
@connection_flags
@click.option("--origin", metavar="NAME", help="Only what comes from there.")
@click.option("--json", "as_json", is_flag=True, help="Print all findings as JSON.")
def verify(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    origin: str | None,
    as_json: bool,
) -> None:
    """Check that the index holds what the books say, whole, and nothing that they do not know.

    Reads every chunk's facts once and changes nothing. Without books in this data folder the
    index is checked against itself.
    """
    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    from esrag.auditing import Audit, holdings
    from esrag.cli.ingest_target import target_from
    from esrag.cluster.chunk_facts import read_facts

    target = target_from(settings, "verify")
    target.index.refresh()
    with _books(target, origin or "") as books:
        held = holdings(read_facts(target.client, target.alias, origin=origin or ""))
        audit = Audit(held, books)
        if as_json:
            _as_json(audit, with_books=books is not None)
        else:
            _for_people(audit, with_books=books is not None)
    tally = audit.tally
    if tally.found:
        raise RejectedError(
            f"{tally.found:,} findings in {tally.documents:,} documents of {target.alias}"
        )


@contextmanager
def _books(target: Target, origin: str) -> Iterator[Books | None]:
    from esrag.auditing import Books
    from esrag.ledger import Ledger

    if not target.ledger_file.exists():
        words = f"There are no books of {target.alias} in this data folder"
        click.echo(f"{words}: the index is checked against itself.", err=True)
        yield None
        return
    try:
        Ledger(target.ledger_file).close()  # brings an older one up to date
    except ConflictError:
        words = "An ingest is running: what it is writing just now may be listed."
        click.echo(words, err=True)
    with Ledger.reading(target.ledger_file) as ledger:
        yield Books(ledger.documents(origin=origin or None), _origins(ledger))


def _origins(ledger: Ledger) -> frozenset[str]:
    return frozenset(ledger.origins())


def _for_people(audit: Audit, *, with_books: bool) -> None:
    from esrag.auditing import ADVICE
    from esrag.auditing.audit import by_kind

    with _counting(lambda: audit.tally):
        for number, finding in enumerate(audit.findings()):
            if number < _SHOWN:
                click.echo(_line(finding))
    tally = audit.tally
    if tally.found > _SHOWN:
        click.echo(f"… and {tally.found - _SHOWN:,} more; all of them: --json", err=True)
    for kind, count in by_kind(tally.findings).items():
        click.echo(f"{kind} ({count:,}): {ADVICE[kind]}", err=True)  # type: ignore[index]
    _tell_others(tally)
    apart = f"{tally.foreign:,} not judged, " if tally.foreign else ""
    books = f"{tally.known:,} in the books, " if with_books else ""
    click.echo(
        f"{books}{tally.documents:,} documents and {tally.chunks:,} chunks in the index: "
        f"{tally.whole:,} as they should be, {apart}{tally.found:,} findings"
    )


def _tell_others(tally: Tally) -> None:
    for origin, count in sorted(tally.elsewhere.items()):
        where = one_line(origin) or "an unknown origin"
        click.echo(f"not of these books: {count:,} documents of {where}", err=True)
    if tally.foreign:
        click.echo(f"of other producers, not judged: {tally.foreign:,} documents", err=True)
    if tally.without_count:
        words = "do not say how many chunks they have; an older esrag wrote them"
        click.echo(f"{tally.without_count:,} documents {words}", err=True)


def _as_json(audit: Audit, *, with_books: bool) -> None:
    """One object, written as it is found."""
    click.echo('{\n  "findings": [', nl=False)
    for number, finding in enumerate(audit.findings()):
        click.echo(f"{',' if number else ''}\n    {json.dumps(asdict(finding))}", nl=False)
    facts: dict[str, Any] = {"with_books": with_books, **asdict(audit.tally)}
    facts["findings_by_kind"] = facts.pop("findings")
    click.echo("\n  ],\n  " + json.dumps(facts, indent=2)[1:].strip())
    sys.stdout.flush()


def _line(finding: Finding) -> str:
    where = one_line(finding.document_id)
    return f"{click.style(finding.kind, fg='yellow')}  {where}: {one_line(finding.detail)}"


@contextmanager
def _counting(tally: Callable[[], Tally]) -> Iterator[None]:
    """A line that moves, on a terminal."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return

    def line() -> Text:
        return Text(f"{tally().documents:,} documents, {tally().chunks:,} chunks looked at")

    with Live(
        get_renderable=line,
        console=console,
        refresh_per_second=4,
        transient=True,
        redirect_stdout=False,
    ):
        yield
