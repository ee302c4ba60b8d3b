"""What comes from standard input: one file, named by the user, kept in the spool."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.rules import is_known, known_endings, unknown_type
from esrag.corpus.listing.source import Source
from esrag.corpus.listing.walking import Entry
from esrag.corpus.origins import STDIN, Origin, printable_name
from esrag.corpus.records import Listed, Rejected, Unreadable
from esrag.errors import UsageError

_BLOCK = 1024 * 1024


def input_source(options: ListingOptions) -> Source:
    """Raises UsageError when the user gave no name."""
    if not options.name:
        raise UsageError(
            "what comes from standard input needs a name",
            hint="Its ending says how it is read: --name notes.md",
        )
    origin = options.origin or STDIN
    return Source(Origin(origin, complete=False), lambda: iter([_spooled_input(options, origin)]))


def _spooled_input(options: ListingOptions, origin: str) -> Entry:
    name = printable_name(options.name)
    path, uri = Path(name), STDIN + name
    if not is_known(name):
        reason = f"{unknown_type(name)}; known are {', '.join(known_endings())}"
        return Rejected(path, name, "list", "unknown_type", reason, origin=origin, uri=uri)
    stream = options.stdin or sys.stdin.buffer
    try:
        spooled = options.spooling.write(
            _blocks(stream), ending=path.suffix, max_bytes=options.max_bytes
        )
    except Unreadable as error:
        return Rejected(path, name, "read", error.code, error.reason, origin=origin, uri=uri)
    return Listed(spooled, name, origin, uri, spooled=True)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block
