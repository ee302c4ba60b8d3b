"""``esrag ingest``: documents into the index, with a count of what became of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.paths_or_command import PathsOrCommand
from esrag.cli.preflight import require_permission
from esrag.errors import RejectedError, UnsupportedError

if TYPE_CHECKING:
    from esrag.cluster.bulk import Action
    from esrag.cluster.chunk_index import ChunkIndex
    from esrag.cluster.profile import Profile
    from esrag.corpus.listing import Entry
    from esrag.indexing import Cutting, Reader, Report
    from esrag.ledger import Ledger
    from esrag.settings import Settings

Prepare: TypeAlias = "Callable[[Sequence[Action]], Sequence[Action]]"


@click.group(cls=PathsOrCommand)
@connection_flags
@click.argument("paths", nargs=-1, metavar="PATH…", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Read and cut only; no cluster is needed.")
@click.option("--show-chunks", is_flag=True, help="With --dry-run: print every chunk.")
@click.option("--max-rejected", default=0, metavar="N", help="End with 0 up to N rejected inputs.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
@click.option(
    "--report",
    "report_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the JSON report to a file as well.",
)
def ingest(
    paths: tuple[Path, ...],
    *,
    dry_run: bool,
    show_chunks: bool,
    max_rejected: int,
    as_json: bool,
    report_file: Path | None,
    set_name: str | None,
    elasticsearch_url: str | None,
) -> None:
    """Index documents: Markdown, text, HTML and JSONL files, or folders of them.

    Documents that the index already holds are not sent again; the same command continues a run
    that was stopped. A path called like a command below is written ./verify.
    """
    if show_chunks and not dry_run:
        raise click.UsageError("--show-chunks belongs to --dry-run")
    if not paths:
        raise click.UsageError("Name what is to be indexed: a file or a folder.")
    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    require_extra()
    from esrag.cli.ingest_report import require_writable
    from esrag.corpus.listing import list_inputs

    require_writable(report_file)
    entries = list_inputs(paths)
    from esrag.indexing import UnjailedReader

    reader = UnjailedReader(cutting_from(settings))
    if dry_run:
        from esrag.cli.ingest_dry_run import dry_run as rehearse

        listed, rejected = rehearse(entries, reader, show_chunks=show_chunks, as_json=as_json)
        where = ""
    else:
        report = _run(
            settings,
            entries,
            reader,
            [str(path) for path in paths],
            as_json=as_json,
            report_file=report_file,
        )
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
        rules=ChunkRules(
            settings.chunk.max_tokens, settings.chunk.overlap_tokens, settings.chunk.strategy
        ),
    )


def _run(
    settings: Settings,
    entries: Iterable[Entry],
    reader: Reader,
    arguments: Sequence[str],
    *,
    as_json: bool,
    report_file: Path | None,
) -> Report:
    from esrag.cli.ingest_progress import showing
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
        run = Ingest(
            index,
            reader,
            ledger,
            run_id=run_id,
            set_name=settings.index.set,
            dead_letters=settings.data_dir / "dlq" / alias / f"{run_id}.jsonl",
            max_batch=max(1, min(MAX_BATCH, settings.model.queue_capacity // 2)),
            prepare=prepare,
        )
        try:
            with showing(run.progress):
                run.run(entries)
        finally:
            report = run.report()
            _end(report, settings, index, as_json=as_json, report_file=report_file)
    return report


def _end(
    report: Report,
    settings: Settings,
    index: ChunkIndex,
    *,
    as_json: bool,
    report_file: Path | None,
) -> None:
    from esrag.cli.ingest_report import Place, report_as_json, show_report, tell_of, write_report

    place = Place(
        set_name=settings.index.set,
        index=index.alias,
        embedding=index.profile.embedding,
        model_id=settings.model.id,
        cluster=index.cluster,
        elasticsearch=index.version,
    )
    facts = report_as_json(report, place)
    if as_json:
        tell_of(report)
        click.echo(json.dumps(facts, indent=2))
    else:
        show_report(report)
    if report_file is not None:
        write_report(facts, report_file)


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
