"""Files that name inputs, one a line: paths, patterns, addresses.

What a list says is what its inputs are called, so that ``a/index.md`` and ``b/index.md`` differ.
What is wrong with a line is the outcome of that line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from esrag.corpus.listing.globs import has_magic, split
from esrag.corpus.listing.local_sources import glob_source, path_source
from esrag.corpus.listing.pages import crawled, is_page, lines_of
from esrag.corpus.listing.remote_sources import is_remote, local_path, remote_source
from esrag.corpus.listing.source import Context, Source
from esrag.corpus.listing.walking import Entry
from esrag.corpus.origins import Origin, file_uri, printable_name
from esrag.corpus.records import Rejected
from esrag.errors import UsageError


def list_source(path: Path, context: Context) -> Source:
    """All that a list names; it is not all that there may be of anything."""
    origin = context.options.origin or file_uri(path)
    inner = replace(context, options=replace(context.options, origin=origin))

    def entries() -> Iterator[Entry]:
        for line in lines_of(path):
            yield from _named(line, path, inner)

    return Source(Origin(origin, complete=False), entries)


def _named(line: str, path: Path, context: Context) -> Iterator[Entry]:
    origin = context.options.origin
    code, reason = "not_found", f"{path} names it, and there is no such file or folder"
    try:
        if is_page(line):
            yield crawled(line, origin, context.web, context.patterns)
            return
        source = _source(line, context)
    except UsageError as error:
        source, code, reason = None, "bad_url", error.message
    if source is not None:
        yield from source.entries()
        return
    uri = line if is_remote(line) else ""
    name = printable_name(line)
    yield Rejected(Path(line), name, "list", code, reason, origin=origin, uri=uri)


def _source(line: str, context: Context) -> Source | None:
    options, patterns = context.options, context.patterns
    if is_remote(line):
        return remote_source(line, options, patterns, prefix=line)
    path = local_path(line)
    if os.path.lexists(path):
        name = printable_name(os.path.normpath(path).lstrip("/"))
        return path_source(path, options.origin, patterns, prefix=name)
    if has_magic(str(path)):
        base, _ = split(str(path))
        name = os.path.normpath(base).lstrip("/")
        prefix = "" if name in ("", ".") else printable_name(name) + "/"
        return glob_source(str(path), options.origin, patterns, prefix=prefix)
    return None
