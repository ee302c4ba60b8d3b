"""Finds the inputs that the command's arguments select, without opening any of them.

    arguments --sources--> Source --walking, globs, …--> Entry (Listed, Skipped, Rejected)

Streams in order: a listing of a million files takes no more memory than one of ten.  Everything
that is met is accounted for: what is not wanted is Skipped with the rule that excludes it, what
cannot be had is Rejected with the reason.  Knows neither chunks nor the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from esrag.corpus.listing.again import can_be_had_again, had_again
from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.pages import Web
from esrag.corpus.listing.rules import (
    HIDDEN,
    LISTED_BEFORE,
    unknown_type,
)
from esrag.corpus.listing.sorting import Seen
from esrag.corpus.listing.source import Source
from esrag.corpus.listing.sources import sources_of
from esrag.corpus.listing.walking import Entry
from esrag.corpus.origins import Origin, printable_name
from esrag.corpus.records import Listed, Rejected, Skipped

__all__ = [
    "HIDDEN",
    "LISTED_BEFORE",
    "Entry",
    "Listing",
    "ListingOptions",
    "can_be_had_again",
    "had_again",
    "printable_name",
    "unknown_type",
]


class Listing:
    """What the arguments stand for; raises UsageError when one of them does not exist."""

    def __init__(self, arguments: Sequence[str], options: ListingOptions) -> None:
        self._web = Web(options)
        self._sources = sources_of(arguments, options, web=self._web)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the inputs come from, each once; complete where the listing finds all of it."""
        found: dict[str, bool] = {}
        for source in self._sources:
            uri, complete = source.origin.uri, source.origin.complete
            found[uri] = complete and found.get(uri, True)
        return tuple(Origin(uri, complete) for uri, complete in found.items())

    def entries(self) -> Iterator[Entry]:
        """Every entry, in order; remote files are fetched as their entries are taken."""
        try:
            if len(self._sources) == 1 and self._sources[0].origin.complete:
                yield from self._sources[0].entries()  # which meets nothing twice
            else:
                yield from _once(self._sources)
        finally:
            self._web.close()

    def changed(self, paths: Iterable[Path]) -> Iterator[Entry]:
        """The entries of these paths, by the same rules; nothing for one that is not among them."""
        for path in paths:
            for source in self._sources:
                found = next(source.changed(path), None) if source.changed else None
                if found is not None:
                    yield found
                    break


def _once(sources: Sequence[Source]) -> Iterator[Entry]:
    seen = Seen()
    try:
        for source in sources:
            for entry in source.entries():
                if isinstance(entry, Rejected) or not entry.uri:
                    yield entry
                elif isinstance(entry, Listed) and not seen.add(entry.uri):
                    yield _listed_before(entry)
                else:
                    yield entry
    finally:
        seen.close()


def _listed_before(entry: Listed) -> Skipped:
    if entry.spooled:
        entry.path.unlink(missing_ok=True)
    return Skipped(entry.path, entry.name, LISTED_BEFORE, origin=entry.origin, uri=entry.uri)
