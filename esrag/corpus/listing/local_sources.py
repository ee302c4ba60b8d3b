"""Arguments that are paths and patterns of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from esrag.corpus.listing.globs import Glob, split
from esrag.corpus.listing.rules import Patterns
from esrag.corpus.listing.source import Source
from esrag.corpus.listing.walking import Entry, Root, file_in, named_file, walk
from esrag.corpus.origins import Origin, file_uri


def path_source(
    path: Path, origin: str, patterns: Patterns, *, prefix: str | None = None
) -> Source:
    """``prefix`` is given for paths in a list: their names begin with what the list says."""
    if path.is_dir():
        root = Root.of(path, patterns, origin=origin)
        if prefix is not None:
            root = replace(root, prefix=prefix.rstrip("/") + "/")
        return _folder(root)
    origin = origin or file_uri(path)
    return Source(
        Origin(origin, complete=True),
        lambda: iter([named_file(path, origin=origin, name=prefix or "")]),
        partial(_if_same, path, origin),
    )


def glob_source(
    argument: str, origin: str, patterns: Patterns, *, prefix: str | None = None
) -> Source | None:
    """None when nothing matches."""
    base, pattern = split(argument)
    if not Path(base).is_dir():
        return None
    root = replace(Root.of(Path(base), patterns, origin=origin), selection=Glob(pattern))
    if prefix is not None:
        root = replace(root, prefix=prefix)
    source = _folder(root)
    found = source.entries()
    first = next(found, None)
    if first is None:
        return None
    # looked for once to know that there is something; the first call goes on from there
    begun = iter([chain([first], found)])
    return replace(source, entries=lambda: next(begun, None) or source.entries())


def _folder(root: Root) -> Source:
    return Source(
        Origin(root.origin, complete=root.selection is None),
        partial(walk, root),
        partial(_below, root),
    )


def _if_same(path: Path, origin: str, changed: Path) -> Iterator[Entry]:
    if changed.absolute() == path.absolute() and os.path.lexists(path):
        yield named_file(path, origin=origin)


def _below(root: Root, changed: Path) -> Iterator[Entry]:
    for base in (root.path.absolute(), root.resolved):
        if changed.absolute().is_relative_to(base):
            name = changed.absolute().relative_to(base).as_posix()
            if name != ".":
                yield from file_in(root, name)
            return
