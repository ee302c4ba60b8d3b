"""One run of ingest from the command line: its target, its books, its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

import click

from esrag.cli.connection import connect_with
from esrag.cli.ingest_report import Place
from esrag.cli.preflight import require_permission
from esrag.errors import EsragError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.cluster.bulk import Action
    from esrag.cluster.chunk_index import ChunkIndex
    from esrag.cluster.pressure import Gauge, Window
    from esrag.cluster.profile import Profile
    from esrag.corpus.listing import Entry
    from esrag.dead_letters.copies import Copies
    from esrag.indexing import Ingest, Reader, Report
    from esrag.ledger import Ledger
    from esrag.settings import Settings

Prepare: TypeAlias = "Callable[[Sequence[Action]], Sequence[Action]]"
Show: TypeAlias = "Callable[[Report, Place], None]"


def ingest_into(
    settings: Settings,
    entries: Iterable[Entry],
    reader: Reader,
    arguments: Sequence[str],
    *,
    show: Show,
) -> Report:
    """Take the entries into the document set; ``show`` is told the end, whatever it is."""
    from esrag.cli import ingest_progress
    from esrag.cluster.chunk_index import ChunkIndex
    from esrag.cluster.dead_letters import LetterIndex
    from esrag.dead_letters.copies import Copies
    from esrag.dead_letters.files import LetterFolder
    from esrag.dead_letters.settling import Settling
    from esrag.indexing import Ingest, new_run_id
    from esrag.ledger import Ledger
    from esrag.names import Names

    names = Names(settings.index.set)
    alias = names.alias
    client = connect_with(settings)
    require_permission(client, "ingest", names.set)
    index = ChunkIndex(client, names)
    cluster = index.cluster_id()
    index.require()
    ledger_file = settings.data_dir / "ledgers" / f"{alias}-{cluster}.sqlite"
    folder = LetterFolder(settings.data_dir / "dlq" / alias, alias)
    with _vectors(settings, index.profile) as prepare, Ledger(ledger_file) as ledger:
        _tell_of_cut_off_run(ledger)
        run_id = new_run_id()
        ledger.begin(run_id, arguments)
        settling = Settling(folder)
        copies = Copies(LetterIndex(client, alias), folder, alias)
        run = Ingest(
            index,
            reader,
            ledger,
            run_id=run_id,
            set_name=settings.index.set,
            dead_letters=folder.file_of(run_id),
            window=_window(settings),
            gauge=_gauge(settings, client, index.profile),
            prepare=prepare,
            letters=copies.keep,
            keep_content=settings.ingest.dlq_with_content,
        )
        try:
            with ingest_progress.showing(run.progress), interrupting(run):
                run.run(settling.passing(entries))
            copies.forget(settling.settle())
        finally:
            report = run.report()
            _tell_of_copies(copies, report)
            show(report, _place(settings, index))
    return report


@contextmanager
def interrupting(run: Ingest) -> Iterator[None]:
    """The first ^C or SIGTERM ends the run with its books in order, the second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if not callable(handler):
            return  # it was being ignored, as shells do for what runs in the background
        asked.append(number)
        if len(asked) == 1:
            words = "Stopping, with the books in order; once more stops at once."
            click.echo(words, err=True)
        try:
            handler(number, frame)
        except BaseException as error:  # noqa: BLE001 - what the signal means, raised by the run
            run.interrupt(error)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _place(settings: Settings, index: ChunkIndex) -> Place:
    return Place(
        set_name=settings.index.set,
        index=index.alias,
        embedding=index.profile.embedding,
        model_id=settings.model.id,
        cluster=index.cluster,
        elasticsearch=index.version,
    )


def _window(settings: Settings) -> Window:
    from esrag.cluster.pressure import Window
    from esrag.indexing import MAX_BATCH

    return Window(max(1, min(MAX_BATCH, settings.model.queue_capacity // 2)))


def _gauge(settings: Settings, client: Elasticsearch, profile: Profile) -> Gauge:
    from esrag.cluster.pressure import Gauge

    return Gauge(client, settings.model.id if profile.embedding == "cluster" else "")


@contextmanager
def _vectors(settings: Settings, profile: Profile) -> Iterator[Prepare]:
    """What completes chunks before they are sent: vectors, where the cluster makes none."""
    if profile.embedding == "cluster":
        yield list
        return
    from esrag.cli.assembly import embedder_from
    from esrag.client_vectors import ClientVectors
    from esrag.embedding.inputs import embedding_input
    from esrag.resources import load_body

    pipeline = load_body("pipelines/ingest/embed.json", project=settings.project_dir)
    with embedder_from(settings, profile) as embedder:
        embedder.start()
        yield ClientVectors(
            lambda texts: embedder.embed(texts, "ingest"), embedding_input(pipeline)
        )


def _tell_of_cut_off_run(ledger: Ledger) -> None:
    found = ledger.cut_off_run()
    if found is not None:
        run_id, counts = found
        click.echo(f"Run {run_id} was cut off: {counts}. Continuing.", err=True)


def _tell_of_copies(copies: Copies, report: Report) -> None:
    """Say when the index has not all letters of the run; it is asked for the last time here."""
    try:
        missing = copies.complete(report.run_id)
    except EsragError:
        missing = report.counts.rejected
    if missing:
        click.echo(
            f"{missing:,} dead letters are in {report.dead_letters} only: {copies.why}", err=True
        )
