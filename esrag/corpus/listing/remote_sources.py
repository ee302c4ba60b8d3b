"""Arguments that are addresses: ``s3://…`` and whatever fsspec reads; ``file://`` is a path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from urllib.parse import unquote_to_bytes

from esrag.corpus.listing.globs import Glob, has_magic, split
from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.remote_walking import RemoteRoot, remote_file, walk_remote
from esrag.corpus.listing.rules import Patterns
from esrag.corpus.listing.source import Source
from esrag.corpus.listing.walking import Entry
from esrag.corpus.origins import Origin, printable_name
from esrag.corpus.records import Rejected, Unreadable
from esrag.corpus.remote import Place

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_FILE = "file://"


def is_remote(argument: str) -> bool:
    """Whether an argument is an address of another machine."""
    return _ADDRESS.match(argument) is not None and not argument.startswith(_FILE)


def local_path(argument: str) -> Path:
    """The path that an argument names, which may be a ``file://`` address."""
    if not argument.startswith(_FILE):
        return Path(argument)
    return Path(os.fsdecode(unquote_to_bytes(argument.removeprefix(_FILE))))


def remote_source(
    argument: str, options: ListingOptions, patterns: Patterns, *, prefix: str | None = None
) -> Source | None:
    """None when there is no such file or folder; a place that cannot be asked is an outcome.

    ``prefix`` is given for addresses in a list: their names begin with what the list says.
    """
    base, pattern = _base_and_pattern(argument)
    place = Place.of(base)
    origin = options.origin or place.uri
    try:
        kind = place.kind()
    except Unreadable as error:
        return _unreachable(place, origin, error)
    if kind == "folder":
        below = "" if prefix is None else place.uri + "/"
        root = RemoteRoot(place, origin, patterns, options, prefix=below)
        return _matching(root, pattern) if pattern else _folder(root)
    if kind == "file" and not pattern:
        shown = "" if prefix is None else printable_name(place.uri)
        entries = partial(_one, place, origin, shown, options)
        return Source(Origin(origin, complete=True), entries)
    return None


def _base_and_pattern(argument: str) -> tuple[str, str]:
    protocol, _, rest = argument.partition("://")
    if not has_magic(rest):
        return argument, ""
    base, pattern = split(rest)
    return f"{protocol}://{'' if base == '.' else base}", pattern


def _folder(root: RemoteRoot) -> Source:
    origin = Origin(root.origin, complete=root.selection is None)
    return Source(origin, partial(walk_remote, root))


def _matching(root: RemoteRoot, pattern: str) -> Source | None:
    source = _folder(replace(root, selection=Glob(pattern)))
    found = source.entries()
    first = next(found, None)
    if first is None:
        return None
    begun = iter([chain([first], found)])
    return replace(source, entries=lambda: next(begun, None) or source.entries())


def _one(place: Place, origin: str, name: str, options: ListingOptions) -> Iterator[Entry]:
    yield remote_file(place, origin=origin, name=name, options=options)


def _unreachable(place: Place, origin: str, error: Unreadable) -> Source:
    name = printable_name(place.uri)
    rejected = Rejected(
        Path(place.uri), name, "list", error.code, error.reason, origin=origin, uri=place.uri
    )
    return Source(Origin(origin, complete=True), lambda: iter([rejected]))
