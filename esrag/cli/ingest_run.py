"""One run of ingest from the command line: its target, its books, its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

import click

from esrag.cli.ingest_report import Place
from esrag.errors import EsragError

if TYPE_CHECKING:
    from esrag.cli.ingest_target import Target
    from esrag.client_vectors import ClientVectors
    from esrag.cluster.gauge import Gauge
    from esrag.cluster.pressure import SendState, Window
    from esrag.corpus.listing import Entry
    from esrag.dead_letters.copies import Copies
    from esrag.indexing import Ingest, PruneReport, Reader, Report
    from esrag.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Pruning:
    """What a run may remove in the end: documents of these origins whose input is gone."""

    origins: tuple[str, ...]
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, and where it wrote to."""

    report: Report
    place: Place
    sent: SendState
    pruned: PruneReport | None = None


Show: TypeAlias = Callable[[Ended], None]
Embedding: TypeAlias = "AbstractContextManager[ClientVectors | None]"


def ingest_into(
    target: Target,
    entries: Iterable[Entry],
    reader: Reader,
    arguments: Sequence[str],
    *,
    show: Show,
    pruning: Pruning | None = None,
    embedding: Embedding | None = None,
) -> Ended:
    """Take the entries into the document set; ``show`` is told the end, whatever it is.

    ``embedding`` is given where one embedder serves several runs.
    """
    from esrag.cli import ingest_progress
    from esrag.cli.assembly import client_vectors_from
    from esrag.cluster.dead_letters import LetterIndex
    from esrag.dead_letters.copies import Copies
    from esrag.dead_letters.settling import Settling, drop_vanished
    from esrag.indexing import Ingest, new_run_id

    settings, index, folder = target.settings, target.index, target.folder
    window, gauge = _window_of(target)
    embedding = embedding or client_vectors_from(settings, index)
    with embedding as vectors, target.ledger() as ledger:
        _tell_of_cut_off_run(ledger)
        run_id = new_run_id()
        ledger.begin(run_id, arguments)
        settling = Settling(folder)
        copies = Copies(LetterIndex(target.client, target.alias), folder, target.alias)
        run = Ingest(
            index,
            reader,
            ledger,
            run_id=run_id,
            set_name=settings.index.set,
            dead_letters=folder.file_of(run_id),
            window=window,
            gauge=gauge,
            tries=settings.ingest.retry_tries,
            patience=settings.ingest.retry_seconds,
            prepare=vectors or list,
            text_of=vectors.text_of if vectors else None,
            letters=copies.keep,
            keep_content=settings.ingest.dlq_with_content,
        )
        pruned = None
        try:
            with ingest_progress.showing(run.progress, window.state):
                with interrupting(run):
                    run.run(settling.passing(entries))
                copies.forget(settling.settle())
                if pruning is not None:
                    pruned = run.prune(pruning.origins, everything=pruning.everything)
            if pruned is not None and not pruned.withheld:
                copies.forget(drop_vanished(folder, pruning.origins if pruning else ()))
        finally:
            report = run.report()
            _tell_of_copies(copies, report)
            ended = Ended(report, _place(target), window.state(), pruned)
            show(ended)
    return ended


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


def _place(target: Target) -> Place:
    index = target.index
    return Place(
        set_name=target.settings.index.set,
        index=index.alias,
        embedding=index.profile.embedding,
        model_id=target.settings.model.id,
        cluster=index.cluster,
        elasticsearch=index.version,
    )


def _window_of(target: Target) -> tuple[Window, Gauge]:
    from esrag.cluster.pressure import window_for

    in_cluster = target.index.profile.embedding == "cluster"
    model = target.settings.model
    return window_for(
        target.client, model.id if in_cluster else "", queue_capacity=model.queue_capacity
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
