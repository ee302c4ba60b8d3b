"""The options of ``esrag ingest`` that say what is read, and the listing they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from esrag.cli.ingest_report import one_line

if TYPE_CHECKING:
    from esrag.cli.ingest_run import Pruning
    from esrag.corpus.listing import Listing
    from esrag.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def source_flags(command: Command) -> Command:
    """Add what selects the inputs, beside the paths themselves."""
    for option in (
        click.option("--origin", metavar="NAME", help="Name the documents' origin yourself."),
        click.option("--name", metavar="NAME", help="What standard input (-) is called: notes.md"),
        click.option(
            "--list", "lists", multiple=True, metavar="FILE", type=_FILE, help="Paths, one a line."
        ),
        click.option(
            "--exclude", multiple=True, metavar="PATTERN", help="Leave these paths out of folders."
        ),
        click.option(
            "--include",
            multiple=True,
            metavar="PATTERN",
            help="Take only these paths of folders; patterns as in .gitignore.",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def listing_from(
    settings: Settings,
    paths: tuple[str, ...],
    *,
    origin: str | None,
    name: str | None,
    lists: tuple[Path, ...],
) -> Iterator[Listing]:
    """What the arguments stand for, and a place for what must be fetched, as long as it is used."""
    from esrag.corpus.listing import Listing, ListingOptions
    from esrag.corpus.spool import Spool

    if not paths and not lists:
        raise click.UsageError("Name what is to be indexed: a file, a folder, - or a --list.")
    with Spool(settings.data_dir / "spool") as spool:
        options = ListingOptions(
            include=settings.ingest.include,
            exclude=settings.ingest.exclude,
            origin=origin or "",
            name=name or "",
            lists=lists,
            max_bytes=settings.ingest.max_file_mib * 1024 * 1024,
            spool=spool,
        )
        yield Listing(paths, options)


def pruning_of(listing: Listing, *, everything: bool) -> Pruning:
    """What may be pruned after listing this; what was not listed whole is named and left."""
    from esrag.cli.ingest_run import Pruning

    for origin in listing.origins:
        if not origin.complete:
            words = "a pattern, a list or standard input does not say what is gone"
            click.echo(f"Not pruned: {one_line(origin.uri)}; {words}.", err=True)
    whole = tuple(origin.uri for origin in listing.origins if origin.complete)
    return Pruning(whole, everything=everything)
