"""The options of ``esrag ingest`` that say what is read, and what they stand for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from esrag.cli.ingest_report import one_line

if TYPE_CHECKING:
    from esrag.cli.ingest_run import Pruning
    from esrag.corpus.listing import Entry, Listing, ListingOptions
    from esrag.corpus.origins import Origin
    from esrag.corpus.spool import Spool
    from esrag.index_source import IndexSource
    from esrag.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class SourceFlags:
    """What the options say of the inputs, beside the paths themselves."""

    origin: str | None = None
    name: str | None = None
    lists: tuple[Path, ...] = ()
    url_lists: tuple[Path, ...] = ()
    sitemaps: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    allow_networks: tuple[str, ...] = ()
    from_indices: tuple[str, ...] = ()
    from_url: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All that is named by them, for the books."""
        named = (*self.lists, *self.url_lists, *self.sitemaps, *self.from_indices)
        return tuple(map(str, named))


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files, pages and indices of one command."""

    listing: Listing
    index: IndexSource | None = None

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where they come from."""
        return (*self.listing.origins, *(self.index.origins if self.index else ()))

    def entries(self) -> Iterator[Entry]:
        """All of them, found and fetched as they are taken."""
        yield from self.listing.entries()
        if self.index is not None:
            yield from self.index.entries()

    def changed(self, paths: Iterable[Path]) -> Iterator[Entry]:
        """The entries of these paths, if they are among the files."""
        return self.listing.changed(paths)


def source_flags(command: Command) -> Command:
    """Add what selects the inputs, beside the paths; the command gets it as ``sources``."""
    names = [field.name for field in fields(SourceFlags)]

    @functools.wraps(command)
    def with_sources(*arguments: Any, **flags: Any) -> Any:
        given = {name: flags.pop(name) for name in names}
        return command(*arguments, sources=SourceFlags(**given), **flags)

    for option in reversed(_options()):
        with_sources = option(with_sources)
    return cast(Command, with_sources)


def _options() -> list[Callable[[Any], Any]]:
    option = functools.partial(click.option, multiple=True)
    return [
        option("--include", metavar="PATTERN", help="Take only these paths, as in .gitignore."),
        option("--exclude", metavar="PATTERN", help="Leave these paths out of folders."),
        option("--list", "lists", metavar="FILE", type=_FILE, help="Paths, one a line."),
        option("--urls", "url_lists", metavar="FILE", type=_FILE, help="Pages, one URL a line."),
        option("--sitemap", "sitemaps", metavar="URL", help="All pages of a sitemap."),
        option(
            "--allow-origin", "allow_origins", metavar="URL", help="Pages may be of this origin."
        ),
        option(
            "--allow-network",
            "allow_networks",
            metavar="CIDR",
            help="They may lie in this private network.",
        ),
        option(
            "--from-index",
            "from_indices",
            metavar="INDEX",
            help="All documents of an index; several with commas.",
        ),
        click.option("--from-url", metavar="URL", help="The cluster of that index, if another."),
        click.option("--name", metavar="NAME", help="What standard input (-) is called: notes.md"),
        click.option("--origin", metavar="NAME", help="Name the documents' origin yourself."),
    ]


@contextmanager
def inputs_from(
    settings: Settings, paths: tuple[str, ...], sources: SourceFlags
) -> Iterator[Inputs]:
    """What the arguments stand for, and a place for what must be fetched, as long as it is used."""
    from esrag.corpus.listing import Listing

    if not paths and not sources.names:
        raise click.UsageError(
            "Name what is to be indexed: a file, a folder, an address, or one of --list, --urls, "
            "--sitemap and --from-index."
        )
    with spooling(settings, sources) as options:
        listing = Listing(paths, options)
        yield Inputs(listing, _index_source(settings, sources, options.spooling))


@contextmanager
def spooling(settings: Settings, sources: SourceFlags) -> Iterator[ListingOptions]:
    """How inputs are listed, with a place for those from elsewhere as long as the block lasts."""
    from esrag.corpus.listing import ListingOptions
    from esrag.corpus.spool import Spool

    own = settings.ingest
    with Spool(settings.data_dir / "spool") as spool:
        yield ListingOptions(
            include=own.include,
            exclude=own.exclude,
            origin=sources.origin or "",
            name=sources.name or "",
            lists=sources.lists,
            url_lists=sources.url_lists,
            sitemaps=sources.sitemaps,
            allowed_origins=(*own.allowed_origins, *sources.allow_origins),
            allowed_networks=(*own.allowed_networks, *sources.allow_networks),
            max_pages=own.max_pages,
            requests_per_second=own.requests_per_second,
            max_bytes=own.max_file_mib * 1024 * 1024,
            spool=spool,
        )


def _index_source(settings: Settings, sources: SourceFlags, spool: Spool) -> IndexSource | None:
    if not sources.from_indices:
        return None
    from esrag.cli.connection import connect_with
    from esrag.cluster.client import connect
    from esrag.index_source import IndexSource, host_of
    from esrag.names import Names

    own = settings.ingest
    url = sources.from_url or own.from_url
    if url:
        # credentials that were set with an address are for that address
        is_theirs = not own.from_url or url == own.from_url
        key = own.from_api_key if is_theirs else None
        password = own.from_password if is_theirs else None
        client = connect(
            url,
            api_key=key.get_secret_value() if key else None,
            username=own.from_username if is_theirs else None,
            password=password.get_secret_value() if password else None,
            ca_certs=own.from_ca_certs,
            request_timeout=settings.elasticsearch.request_timeout,
        )
    else:
        client = connect_with(settings)
    names = [name for given in sources.from_indices for name in given.split(",") if name]
    return IndexSource(
        client,
        names,
        spool=spool,
        origin=sources.origin or "",
        host=host_of(url) if url else "",
        into="" if url else Names(settings.index.set).alias,
    )


def pruning_of(inputs: Inputs, *, everything: bool) -> Pruning:
    """What may be pruned after listing this; what was not listed whole is named and left."""
    from esrag.cli.ingest_run import Pruning

    for origin in inputs.origins:
        if not origin.complete:
            words = "a pattern, a list or standard input does not say what is gone"
            click.echo(f"Not pruned: {one_line(origin.uri)}; {words}.", err=True)
    whole = tuple(origin.uri for origin in inputs.origins if origin.complete)
    return Pruning(whole, everything=everything)
