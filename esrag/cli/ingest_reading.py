"""The options of ``esrag ingest`` that say how inputs are read and cut, and the pool they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from esrag.errors import UnsupportedError, UsageError
from esrag.sections import ChunkSettings

if TYPE_CHECKING:
    from esrag.chunking import ChunkRules
    from esrag.corpus.options import ReadingOptions
    from esrag.indexing import Cutting
    from esrag.parsing.pool import ParserPool
    from esrag.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

STRATEGIES = get_args(ChunkSettings.model_fields["strategy"].annotation)
_MIB = 1024 * 1024
_EXTRA = (  # what the extra installs, by the names that are imported
    "defusedxml",
    "docutils",
    "docx",
    "fsspec",
    "lxml",
    "markdown_it",
    "orjson",
    "pathspec",
    "pptx",
    "protego",
    "pypdfium2",
    "python_calamine",
    "selectolax",
    "striprtf",
    "tokenizers",
    "trafilatura",
    "watchfiles",
    "yaml",
)


def reading_flags(command: Command) -> Command:
    """Add what says how inputs are read and cut."""
    for option in (
        click.option("--strategy", type=click.Choice(STRATEGIES), help="How documents are cut."),
        click.option(
            "--acl", multiple=True, metavar="NAME", help="Who may read all of these documents."
        ),
        click.option(
            "--metadata",
            multiple=True,
            metavar="NAME=VALUE",
            help="A field for all of these documents.",
        ),
        click.option("--table-rows", is_flag=True, help="Each row of a table is a document."),
        click.option(
            "--records", metavar="PATH", help="Where a JSON file has its records: data.items"
        ),
        click.option(
            "--field",
            "fields",
            multiple=True,
            metavar="NAME=PATH",
            help="Where a record has what: text=body.plain",
        ),
    ):
        command = option(command)
    return command


def reading_from(
    settings: Settings,
    *,
    fields: tuple[str, ...] = (),
    records: str | None = None,
    table_rows: bool = False,
    metadata: tuple[str, ...] = (),
    acl: tuple[str, ...] = (),
) -> ReadingOptions:
    """How inputs are read, by flags and settings; raises UsageError for what is not understood."""
    from esrag.corpus.limits import Limits
    from esrag.corpus.options import ReadingOptions, field_map

    named = [f"{name}={path}" for name, path in settings.ingest.fields.items()]
    return ReadingOptions(
        fields=field_map(fields or named),
        records=records or "",
        table_rows=table_rows,
        metadata=dict(_pair(each) for each in metadata),
        acl=acl,
        limits=Limits(file_bytes=settings.ingest.max_file_mib * _MIB),
    )


def pool_from(settings: Settings, reading: ReadingOptions) -> ParserPool:
    """Children that read and cut as the settings say; a context manager.

    Raises UnsupportedError when the extra or the model's tokenizer is not there.
    """
    from esrag.parsing.pool import ParserPool
    from esrag.parsing.task import CuttingTask
    from esrag.tokens import load_tokenizer, tokenizer_file

    load_tokenizer(settings.data_dir, settings.model.id)  # says now what a child would say later
    _tell_of_chunks_too_long(settings)
    task = CuttingTask(
        set_name=settings.index.set,
        model_id=settings.model.id,
        tokenizer=tokenizer_file(settings.data_dir, settings.model.id).absolute(),
        rules=rules_from(settings),
        reading=reading,
    )
    return ParserPool(task, processes=settings.ingest.processes)


def _tell_of_chunks_too_long(settings: Settings) -> None:
    """What the model does not read of a chunk would not be found by its meaning."""
    from esrag.bundle import bundle_folder, load_bundle

    try:
        bundle = load_bundle(bundle_folder(settings.data_dir, settings.model.id))
    except UsageError:
        return  # the tokenizer alone is enough to ingest
    if settings.chunk.max_tokens > bundle.max_sequence_length:
        click.echo(
            f"Chunks of up to {settings.chunk.max_tokens} tokens (chunk.max_tokens): the model "
            f"reads the first {bundle.max_sequence_length} only, the rest is found by its words.",
            err=True,
        )


def rules_from(settings: Settings) -> ChunkRules:
    """How the settings cut documents."""
    from esrag.chunking import ChunkRules

    chunk = settings.chunk
    return ChunkRules(chunk.max_tokens, chunk.overlap_tokens, chunk.strategy)


def cutting_from(settings: Settings) -> Cutting:
    """The same for reading in this process; reads the embedder's tokenizer from its bundle."""
    from esrag.indexing import Cutting
    from esrag.tokens import load_tokenizer

    return Cutting(
        set_name=settings.index.set,
        model_id=settings.model.id,
        tokenizer=load_tokenizer(settings.data_dir, settings.model.id),
        rules=rules_from(settings),
    )


def require_extra() -> None:
    """Raises UnsupportedError when the extra ``ingest`` is not installed."""
    from importlib.util import find_spec

    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise UnsupportedError(
            f"ingest needs packages that are not installed: {', '.join(missing)}",
            hint="Install them: pip install 'esrag[ingest]'",
        )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--metadata {text!r} is not understood: write NAME=VALUE.")
    return name, value
