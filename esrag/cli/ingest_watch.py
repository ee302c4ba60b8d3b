"""``esrag ingest --watch``: after the first run, what changes is ingested, what vanishes removed.

    watcher (a thread) ─ paths ─► queue ─► this thread: gone? ─► forget
                                                        there? ─► one run over these paths

The watcher begins before the first run, so that nothing is missed between the two.  A change that
could not be taken in (the cluster is away, another ingest has the books) is kept and tried again.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esrag.cli.ingest_report import one_line
from esrag.errors import ConflictError, UnavailableError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from esrag.cli.ingest_run import Show
    from esrag.cli.ingest_target import Target
    from esrag.client_vectors import ClientVectors
    from esrag.corpus.listing import Listing
    from esrag.corpus.records import Listed, Rejected
    from esrag.indexing import Reader

_QUIET = 1000  # milliseconds without a change that end a batch of them
_LOOK = 250
_AGAIN_AFTER = 15.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched: the arguments, their listing, and the folders they lie in."""

    arguments: Sequence[str]
    listing: Listing
    folders: tuple[Path, ...]


def watched(arguments: Sequence[str], listing: Listing) -> Watched:
    """The folders to watch; raises when one of the arguments cannot be watched."""
    from importlib.util import find_spec

    if find_spec("watchfiles") is None:
        raise UnsupportedError(
            "--watch needs the package watchfiles, which is not installed",
            hint="Install it: pip install 'esrag[ingest]'",
        )
    folders: dict[Path, None] = {}
    for argument in arguments:
        path = Path(argument)
        if not path.exists():
            raise UsageError(
                f"--watch: {argument} is no file or folder of this machine",
                hint="Run ingest for it from time to time instead.",
            )
        folders[path if path.is_dir() else path.parent] = None
    return Watched(arguments, listing, tuple(folders))


def follow(
    target: Target,
    what: Watched,
    reader: Reader,
    changes: Changes,
    *,
    show: Show,
    vectors: ClientVectors | None,
) -> None:
    """Take in changes until a signal ends it."""
    from esrag.cli.ingest_run import ingest_into

    waiting: set[Path] = set()
    folders = ", ".join(one_line(str(each)) for each in what.folders)
    click.echo(f"Watching {folders}; ^C ends it.", err=True)
    again_at = 0.0
    while True:
        waiting |= changes.next(timeout=1.0)
        if not waiting or time.monotonic() < again_at:
            continue
        try:
            entries = _inputs_of(target, what, sorted(waiting))
            if entries:
                ingest_into(
                    target,
                    iter(entries),
                    reader,
                    ["--watch", *what.arguments],
                    show=show,
                    embedding=nullcontext(vectors),
                )
            waiting.clear()
        except (ConflictError, UnavailableError) as error:
            again_at = time.monotonic() + _AGAIN_AFTER
            click.echo(f"{one_line(error.message)}; tried again in {_AGAIN_AFTER:.0f} s", err=True)


class Changes:
    """Paths that changed, from a thread that watches."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._found: queue.SimpleQueue[set[Path]] = queue.SimpleQueue()
        self._over = threading.Event()
        self._begun = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for as long as the block runs; it begins when watching has begun."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        self._begun.wait(timeout=10.0)
        try:
            yield
        finally:
            self._over.set()

    def next(self, timeout: float) -> set[Path]:
        """All that has changed since the last call; waits for the first."""
        found: set[Path] = set()
        try:
            found |= self._found.get(timeout=timeout)
            while True:
                found |= self._found.get_nowait()
        except queue.Empty:
            return found

    def _watch(self) -> None:
        import watchfiles

        batches = watchfiles.watch(
            *self._folders,
            watch_filter=None,
            debounce=_QUIET,
            stop_event=self._over,
            rust_timeout=_LOOK,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        for batch in batches:
            self._begun.set()
            if batch:
                self._found.put({Path(path) for _, path in batch})


def _inputs_of(target: Target, what: Watched, paths: Sequence[Path]) -> list[Listed | Rejected]:
    """What is to be ingested of changed paths; what vanished is removed here."""
    gone = [path for path in paths if not os.path.lexists(path)]
    there = files_of(path for path in paths if os.path.lexists(path))
    if gone:
        _forget(target, what, gone)
    return list(_wanted(what.listing, there))


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, each once; of a folder that appeared, all that is in it."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir() or path.is_symlink():
            found[path] = None
            continue
        for folder, folders, files in os.walk(path):
            folders.sort()
            found.update((Path(folder, name), None) for name in sorted(files))
    return list(found)


def _wanted(listing: Listing, paths: Iterable[Path]) -> Iterator[Listed | Rejected]:
    """The entries that are inputs: editors make and remove files that no rule takes."""
    from esrag.corpus.records import Skipped

    for entry in listing.changed(paths):
        if not isinstance(entry, Skipped):
            yield entry


def _forget(target: Target, what: Watched, gone: Sequence[Path]) -> None:
    """Remove what the index holds of paths that vanished: files, folders, archives."""
    from esrag.cluster.dead_letters import LetterIndex
    from esrag.dead_letters.copies import Copies
    from esrag.dead_letters.settling import drop_vanished
    from esrag.indexing import Selection, forget

    with target.ledger() as ledger:
        removed = 0
        for origin, below in places_of(what, gone, target.index.origins()):
            selection = Selection(origin=origin, below=below)
            removed += forget(target.index, ledger, selection).documents
    gone_letters = drop_vanished(target.folder, {each.uri for each in what.listing.origins})
    Copies(LetterIndex(target.client, target.alias), target.folder, target.alias).forget(
        gone_letters
    )
    if removed:
        documents = "1 document" if removed == 1 else f"{removed:,} documents"
        click.echo(f"{documents} removed: no such file any more", err=True)


def places_of(
    what: Watched, gone: Iterable[Path], known: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Where the index would hold these: origin and path below it.  Never a whole origin."""
    from esrag.corpus.origins import file_uri, name_below
    from esrag.indexing.naming import Naming

    naming = Naming(known)
    origins = [origin.uri for origin in what.listing.origins if origin.complete]
    for path in gone:
        uri = file_uri(path)
        for argument in what.arguments:
            base = file_uri(Path(argument))
            below = name_below(uri, base)
            if below is None and uri != base:
                continue
            if base in origins:
                yield from ((place, name) for place, name in naming.scopes(uri) if name)
            elif origins and below:
                yield origins[0], below  # the user gave the origin a name
            break
