"""``esrag ingest``: documents into the index, with a count of what became of each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.preflight import require_permission
from esrag.errors import RejectedError, UnsupportedError

if TYPE_CHECKING:
    from esrag.cluster.bulk import Action
    from esrag.cluster.profile import Profile
    from esrag.corpus.listing import Entry
    from esrag.corpus.records import Rejected
    from esrag.indexing import Cutting, Draft, Progress, Report
    from esrag.ledger import DeadLetter, Ledger
    from esrag.settings import Settings

Prepare: TypeAlias = "Callable[[Sequence[Action]], Sequence[Action]]"

_SHOWN = 20  # rejected inputs listed on the terminal; the dead-letter file has all
_LINE_EVERY = 5.0  # seconds between two lines of progress in a log


@click.command()
@connection_flags
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Read and cut only; no cluster is needed.")
@click.option("--show-chunks", is_flag=True, help="With --dry-run: print every chunk.")
@click.option("--max-rejected", default=0, metavar="N", help="End with 0 up to N rejected inputs.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
def ingest(
    paths: tuple[Path, ...],
    *,
    dry_run: bool,
    show_chunks: bool,
    max_rejected: int,
    as_json: bool,
    set_name: str | None,
    elasticsearch_url: str | None,
) -> None:
    """Index documents: Markdown, text, HTML and JSONL files, or folders of them.

    Documents that the index already holds are not sent again; the same command continues a run
    that was stopped.
    """
    if show_chunks and not dry_run:
        raise click.UsageError("--show-chunks belongs to --dry-run")
    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    require_extra()
    from esrag.corpus.listing import list_inputs

    entries = list_inputs(paths)
    cutting = cutting_from(settings)
    if dry_run:
        listed, rejected = _dry_run(entries, cutting, show_chunks=show_chunks, as_json=as_json)
        where = ""
    else:
        report = _run(settings, entries, cutting, [str(path) for path in paths], as_json=as_json)
        rejected, listed = report.counts.rejected, report.counts.listed
        where = f"All of them, with reasons: {report.dead_letters}"
    if rejected > max_rejected:
        raise RejectedError(f"{rejected} of {listed} inputs were rejected", hint=where)


def require_extra() -> None:
    """Raises UnsupportedError when the extra ``ingest`` is not installed."""
    from importlib.util import find_spec

    needed = ("markdown_it", "selectolax", "tokenizers", "yaml")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise UnsupportedError(
            f"ingest needs packages that are not installed: {', '.join(missing)}",
            hint="Install them: pip install 'esrag[ingest]'",
        )


def cutting_from(settings: Settings) -> Cutting:
    """How these settings cut documents; reads the embedder's tokenizer from its bundle."""
    from esrag.chunking import ChunkRules
    from esrag.indexing import Cutting
    from esrag.tokens import load_tokenizer

    return Cutting(
        set_name=settings.index.set,
        model_id=settings.model.id,
        tokenizer=load_tokenizer(settings.data_dir, settings.model.id),
        rules=ChunkRules(settings.chunk.max_tokens, settings.chunk.overlap_tokens),
    )


def _run(
    settings: Settings,
    entries: Sequence[Entry],
    cutting: Cutting,
    arguments: Sequence[str],
    *,
    as_json: bool,
) -> Report:
    from esrag.cluster.chunk_index import ChunkIndex
    from esrag.indexing import MAX_BATCH, Ingest, new_run_id
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
    with _vectors(settings, index.profile) as prepare, Ledger(ledger_file) as ledger:
        _tell_of_cut_off_run(ledger)
        run_id = new_run_id()
        ledger.begin(run_id, arguments)
        with _display() as display:
            run = Ingest(
                index,
                cutting,
                ledger,
                run_id=run_id,
                dead_letters=settings.data_dir / "dlq" / alias / f"{run_id}.jsonl",
                max_batch=max(1, min(MAX_BATCH, settings.model.queue_capacity // 2)),
                on_progress=display,
                prepare=prepare,
            )
            try:
                run.run(entries)
            finally:
                display.close()
                report = run.report()
                _show_report(report, as_json=as_json)
    return report


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


class _Display:
    """A bar for a person, a line now and then for a log; both on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[chunks]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._is_terminal = console.is_terminal
        self._started = self._last = time.monotonic()
        self._task = self._bars.add_task("documents", total=None, chunks="")
        if self._is_terminal:
            self._bars.start()

    def __call__(self, progress: Progress) -> None:
        """Show how far the run is."""
        now = time.monotonic()
        rate = progress.chunks / max(now - self._started, 0.001)
        chunks = f"{progress.chunks} chunks, {rate:.0f}/s"
        if self._is_terminal:
            self._bars.update(
                self._task, completed=progress.settled, total=progress.listed, chunks=chunks
            )
        elif now - self._last >= _LINE_EVERY:
            self._last = now
            click.echo(f"{progress.settled} of {progress.listed} documents, {chunks}", err=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._is_terminal:
            self._bars.stop()


@contextmanager
def _display() -> Iterator[_Display]:
    display = _Display()
    try:
        yield display
    finally:
        display.close()


def _show_report(report: Report, *, as_json: bool) -> None:
    _tell_rejected(report.rejected)
    _tell_rules(report.skipped.values())
    if report.counts.open:
        click.echo("Not finished. The same command continues.", err=True)
    if as_json:
        click.echo(json.dumps(_report_as_json(report), indent=2))
        return
    removed = f", {report.chunks_removed} removed" if report.chunks_removed else ""
    rate = report.chunks_written / max(report.seconds, 0.001)
    speed = f", {rate:.0f} chunks/s" if report.chunks_written else ""
    click.echo(
        f"{report.counts}  ({report.chunks_written} chunks written{removed}, "
        f"{report.seconds:.1f} s{speed})"
    )


def _report_as_json(report: Report) -> dict[str, Any]:
    return {
        "run_id": report.run_id,
        "counts": asdict(report.counts),
        "chunks_written": report.chunks_written,
        "chunks_removed": report.chunks_removed,
        "seconds": round(report.seconds, 3),
        "rejected": [asdict(letter) for letter in report.rejected],
        "skipped": dict(report.skipped),
        "dead_letters": str(report.dead_letters) if report.rejected else None,
        "ledger": str(report.ledger),
    }


def _dry_run(
    entries: Sequence[Entry], cutting: Cutting, *, show_chunks: bool, as_json: bool
) -> tuple[int, int]:
    """Read and cut everything; returns how many inputs there are and how many are rejected."""
    from esrag.corpus.records import Skipped
    from esrag.indexing import Draft, drafts_of

    drafts: list[Draft] = []
    rejected: list[Rejected] = []
    for outcome in drafts_of(entries, cutting):
        if not isinstance(outcome, Draft):
            rejected.append(outcome)
        else:
            drafts.append(outcome)
            if show_chunks and not as_json:
                _show_chunks(outcome)
    _tell_rejected(rejected)
    rules = [entry.rule for entry in entries if isinstance(entry, Skipped)]
    _tell_rules(rules)
    chunks = sum(len(each.chunks) for each in drafts)
    if as_json:
        click.echo(
            json.dumps(_dry_run_as_json(drafts, rejected, len(rules), show_chunks), indent=2)
        )
    else:
        click.echo(
            f"{len(drafts)} documents, {chunks} chunks, "
            f"{len(rejected)} rejected, {len(rules)} skipped; nothing was sent"
        )
    return len(drafts) + len(rejected) + len(rules), len(rejected)


def _dry_run_as_json(
    drafts: Sequence[Draft], rejected: Sequence[Rejected], skipped: int, show_chunks: bool
) -> dict[str, Any]:
    documents: list[dict[str, Any]] = []
    for each in drafts:
        document = each.parsed.document
        shown: dict[str, Any] = {
            "id": document.id,
            "title": document.title,
            "published": document.published,
            "url": document.url,
            "hash": each.hash,
            "chunks": len(each.chunks),
        }
        if show_chunks:
            shown["chunks"] = [
                {**asdict(chunk), "context": chunk.context, "metadata": dict(chunk.metadata)}
                for chunk in each.chunks
            ]
        documents.append(shown)
    return {
        "documents": documents,
        "rejected": [{**asdict(each), "path": str(each.path)} for each in rejected],
        "skipped": skipped,
    }


def _show_chunks(each: Draft) -> None:
    from esrag.cli.rendering import printable

    for chunk in each.chunks:
        head = f"{chunk.document_id} [{chunk.position}] {chunk.start}-{chunk.end}  {chunk.context}"
        click.secho(_one_line(head), bold=True)
        click.echo(f"{printable(chunk.text)}\n")


def _tell_rules(rules: Iterable[str]) -> None:
    counts: dict[str, int] = {}
    for rule in rules:
        counts[rule] = counts.get(rule, 0) + 1
    for rule, count in sorted(counts.items()):
        click.echo(f"skipped {count}: {_one_line(rule)}", err=True)


def _tell_rejected(rejected: Sequence[DeadLetter | Rejected]) -> None:
    for each in rejected[:_SHOWN]:
        where = _one_line(f"{each.path} {each.place}")
        why = _one_line(f"{each.reason} ({each.code})")
        click.echo(f"{click.style('rejected', fg='yellow')} {where}: {why}", err=True)
    if len(rejected) > _SHOWN:
        click.echo(f"… and {len(rejected) - _SHOWN} more", err=True)


def _one_line(text: str) -> str:
    from esrag.cli.rendering import printable

    return " ".join(printable(text.encode("utf-8", "replace").decode("utf-8")).split())
