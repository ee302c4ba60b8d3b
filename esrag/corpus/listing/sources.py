"""What each argument stands for: a folder, a file, a pattern, standard input, a list of them.

    arguments --sources_of--> Source --entries--> Entry

An argument is judged when its Source is made, before anything is sent: one that does not exist
is the user's mistake.  What shows up later is an outcome of an input.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from esrag.corpus.listing.globs import Glob, has_magic, split
from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.remote_sources import is_remote, local_path, remote_source
from esrag.corpus.listing.rules import Patterns, is_known, known_endings, unknown_type
from esrag.corpus.listing.source import Source
from esrag.corpus.listing.walking import Entry, Root, file_in, named_file, walk
from esrag.corpus.origins import STDIN, Origin, file_uri, printable_name
from esrag.corpus.records import Listed, Rejected, Unreadable
from esrag.errors import UsageError

_BLOCK = 1024 * 1024


def sources_of(arguments: Sequence[str], options: ListingOptions) -> tuple[Source, ...]:
    """One source an argument, in order; raises UsageError that names all that do not exist."""
    patterns = Patterns.of(options.include, options.exclude)
    if arguments.count("-") > 1:
        raise UsageError("- (standard input) is named more than once")
    missing: list[str] = []
    sources: list[Source] = []
    for argument in arguments:
        source = _source(argument, options, patterns)
        if source is None:
            missing.append(argument)
        else:
            sources.append(source)
    missing += [str(path) for path in options.lists if not path.is_file()]
    if missing:
        shown = ", ".join(printable_name(name) for name in missing)
        raise UsageError(f"no such file or folder: {shown}", hint="Nothing was sent.")
    sources += [_list_file(path, options, patterns) for path in options.lists]
    return tuple(sources)


def _source(argument: str, options: ListingOptions, patterns: Patterns) -> Source | None:
    """None when there is no such thing."""
    if argument == "-":
        return _standard_input(options)
    if is_remote(argument):
        return remote_source(argument, options, patterns)
    path = local_path(argument)
    if os.path.lexists(path):
        return _path(path, options.origin, patterns)
    if has_magic(str(path)):
        return _glob(str(path), options.origin, patterns)
    return None


def _path(path: Path, origin: str, patterns: Patterns, *, prefix: str | None = None) -> Source:
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


def _folder(root: Root) -> Source:
    return Source(
        Origin(root.origin, complete=root.selection is None),
        partial(walk, root),
        partial(_below, root),
    )


def _glob(
    argument: str, origin: str, patterns: Patterns, *, prefix: str | None = None
) -> Source | None:
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


def _standard_input(options: ListingOptions) -> Source:
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


def _list_file(path: Path, options: ListingOptions, patterns: Patterns) -> Source:
    origin = options.origin or file_uri(path)

    def entries() -> Iterator[Entry]:
        for line in _lines(path):
            source = _in_list(line, replace(options, origin=origin), patterns)
            if source is not None:
                yield from source.entries()
                continue
            name = printable_name(line)
            reason = f"{path} names it, and there is no such file or folder"
            yield Rejected(Path(line), name, "list", "not_found", reason, origin=origin)

    return Source(Origin(origin, complete=False), entries)


def _in_list(line: str, options: ListingOptions, patterns: Patterns) -> Source | None:
    if is_remote(line):
        return _remote_in_list(line, options, patterns)
    path, origin = local_path(line), options.origin
    # a list may name a/index.md and b/index.md: what it says is what they are called
    if os.path.lexists(path):
        name = printable_name(os.path.normpath(line).lstrip("/"))
        return _path(path, origin, patterns, prefix=name)
    if has_magic(line):
        base, _ = split(line)
        name = os.path.normpath(base).lstrip("/")
        prefix = "" if name in ("", ".") else printable_name(name) + "/"
        return _glob(line, origin, patterns, prefix=prefix)
    return None


def _remote_in_list(line: str, options: ListingOptions, patterns: Patterns) -> Source:
    """What goes wrong with an address in a list is its own outcome."""
    try:
        source = remote_source(line, options, patterns, prefix=line)
        code, reason = "not_found", "there is no such file or folder"
    except UsageError as error:
        source, code, reason = None, "bad_url", error.message
    if source is not None:
        return source
    name = printable_name(line)
    rejected = Rejected(Path(line), name, "list", code, reason, origin=options.origin, uri=line)
    return Source(Origin(options.origin, complete=False), lambda: iter([rejected]))


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            text = line.strip("\r\n").strip(" \t").removeprefix("\ufeff")
            if text and not text.startswith("#"):
                yield text


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
