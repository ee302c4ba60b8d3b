"""``esrag ingest``: documents into the index, with a count of what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import connection_flags, settings_from
from esrag.cli.ingest_reading import (
    cutting_from,
    pool_from,
    reading_flags,
    reading_from,
    require_extra,
)
from esrag.cli.ingest_sources import SourceFlags, inputs_from, pruning_of, source_flags
from esrag.cli.ingest_verify import verify
from esrag.cli.paths_or_command import Paths, PathsOrCommand
from esrag.errors import RejectedError

if TYPE_CHECKING:
    from esrag.cli.chunk_listing import ChunkListing
    from esrag.cli.ingest_run import Embedding, Ended, Pruning, Show
    from esrag.cli.ingest_sources import Inputs
    from esrag.cli.ingest_target import Target
    from esrag.indexing import Reader
    from esrag.settings import Settings


@click.group(cls=PathsOrCommand)
@click.argument("paths", nargs=-1, metavar="PATH…", cls=Paths)
@connection_flags
@source_flags
@reading_flags
@click.option("--prune", is_flag=True, help="Then remove documents whose input is gone.")
@click.option("--prune-all", is_flag=True, help="The same, even if most of them are gone.")
@click.option("--watch", is_flag=True, help="Then go on: take in what changes, until ^C.")
@click.option("--dry-run", is_flag=True, help="Read and cut only; no cluster is needed.")
@click.option("--show-chunks", is_flag=True, help="With --dry-run: print every chunk.")
@click.option(
    "--max-rejected",
    default=0,
    metavar="N",
    type=click.IntRange(min=0),
    help="End with 0 up to N rejected inputs.",
)
@click.option("--dlq-with-content", is_flag=True, help="Dead letters keep the rejected text.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
@click.option(
    "--report",
    "report_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the JSON report to a file as well.",
)
def ingest(
    paths: tuple[str, ...],
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    sources: SourceFlags,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    fields: tuple[str, ...],
    records: str | None,
    table_rows: bool,
    metadata: tuple[str, ...],
    acl: tuple[str, ...],
    strategy: str | None,
    prune: bool,
    prune_all: bool,
    watch: bool,
    dry_run: bool,
    show_chunks: bool,
    max_rejected: int,
    dlq_with_content: bool,
    as_json: bool,
    report_file: Path | None,
) -> None:
    """Index documents: files, folders, patterns such as 'docs/**/*.md', or - for standard input.

    Documents that the index already holds are not sent again; the same command continues a run
    that was stopped. A path called like a command below is written ./verify.
    """
    if show_chunks and not dry_run:
        raise click.UsageError("--show-chunks belongs to --dry-run")
    if watch and dry_run:
        raise click.UsageError("--watch and --dry-run exclude each other")
    settings = settings_from(
        set_name=set_name,
        elasticsearch_url=elasticsearch_url,
        ingest=_given(include=include, exclude=exclude, dlq_with_content=dlq_with_content),
        chunk=_given(strategy=strategy),
    )
    require_extra()
    reading = reading_from(
        settings,
        fields=fields,
        records=records,
        table_rows=table_rows,
        metadata=metadata,
        acl=acl,
    )
    with (
        inputs_from(settings, paths, sources) as inputs,
        pool_from(settings, reading) as pool,
    ):
        if dry_run:
            from esrag.cli.ingest_dry_run import dry_run as rehearse

            chunks = _chunk_listing(settings) if show_chunks else None
            listed, rejected = rehearse(inputs.entries(), pool, chunks=chunks, as_json=as_json)
            where = ""
        else:
            from esrag.cli.ingest_report import require_writable

            require_writable(report_file)
            job = _Job(
                settings=settings,
                inputs=inputs,
                reader=pool,
                paths=paths,
                named=sources.names,
                pruning=pruning_of(inputs, everything=prune_all) if prune or prune_all else None,
                as_json=as_json,
                report_file=report_file,
            )
            counts = (job.watch if watch else job.once)().report.counts
            rejected, listed = counts.rejected, counts.listed
            of_set = f" --set {set_name}" if set_name else ""
            where = f"Why: esrag dlq ls{of_set}. Once more: esrag dlq retry --all{of_set}"
    if rejected > max_rejected:
        raise RejectedError(f"{rejected:,} of {listed:,} inputs were rejected", hint=where)


@dataclass(frozen=True, slots=True)
class _Job:
    """What the options ask for, when it is more than a dry run."""

    settings: Settings
    inputs: Inputs
    reader: Reader
    paths: Sequence[str]
    named: Sequence[str]
    pruning: Pruning | None
    as_json: bool
    report_file: Path | None

    def once(
        self,
        target: Target | None = None,
        *,
        in_a_line: bool = False,
        embedding: Embedding | None = None,
    ) -> Ended:
        """One run over everything."""
        from esrag.cli.ingest_run import ingest_into
        from esrag.cli.ingest_target import target_from

        return ingest_into(
            target or target_from(self.settings),
            self.inputs.entries(),
            self.reader,
            [*self.paths, *self.named],
            show=self.show(in_a_line=in_a_line),
            pruning=self.pruning,
            embedding=embedding,
        )

    def watch(self) -> Ended:
        """One run over everything, then one for each batch of changes; ends by a signal only."""
        from esrag.cli.assembly import client_vectors_from
        from esrag.cli.ingest_target import target_from
        from esrag.cli.ingest_watch import Changes, follow, watched

        if self.named:
            raise click.UsageError("--watch follows files and folders that are named, no lists.")
        what = watched(self.paths, self.inputs.listing)
        target, changes = target_from(self.settings), Changes(what.folders)
        show = self.show(in_a_line=True)
        with changes.watching(), client_vectors_from(self.settings, target.index) as vectors:
            ended = self.once(target, in_a_line=True, embedding=nullcontext(vectors))
            follow(target, what, self.reader, changes, show=show, vectors=vectors)
        return ended

    def show(self, *, in_a_line: bool) -> Show:
        """How the end of a run is told."""
        from esrag.cli.ingest_report import show_end

        return partial(
            show_end, as_json=self.as_json, in_a_line=in_a_line, report_file=self.report_file
        )


ingest.add_command(verify)


def _chunk_listing(settings: Settings) -> ChunkListing:
    from esrag.cli.chunk_listing import ChunkListing

    cutting = cutting_from(settings)
    return ChunkListing(cutting.rules, cutting.tokenizer)


def _given(**flags: Any) -> dict[str, Any]:
    """The flags that were given; the others are left to the settings."""
    return {name: value for name, value in flags.items() if value}
