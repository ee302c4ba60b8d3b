"""A copy of a document set, for as long as something is tried on it; the set itself stays.

    set ─► setup --set SET-update ─► its documents, indexed again ─► … ─► teardown

Made with the commands that a user would give; what is indexed are the chunks as they are stored.
However the block ends, the copy is removed, or the line that removes it is told.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.errors import ConflictError, EsragError, RejectedError
from esrag.names import Names

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.cli.ingest_target import Target
    from esrag.evaluation.copied_set import CopiedSet
    from esrag.parsing.task import Cut
    from esrag.settings import Settings

ENDING = "-update"


@dataclass
class SetCopy:
    """The copy, and what it is made from; ``chunks`` is how many the last run wrote.

    How long filling it took says little of a first indexing: vectors of texts that were embedded
    not long ago come from the model's cache.
    """

    settings: Settings
    source: CopiedSet
    chunks: int = 0
    ledger_file: Path | None = None

    @property
    def name(self) -> str:
        """The copy's name as a document set."""
        return self.settings.index.set

    def index(self, documents: Iterable[Cut]) -> float:
        """Index documents as ``esrag ingest`` does; seconds until a search sees all of them."""
        from esrag.cli.ingest_run import Ended, ingest_into
        from esrag.cli.ingest_target import target_from

        ended: list[Ended] = []
        began = time.monotonic()
        target = target_from(self.settings)
        self.ledger_file = target.ledger_file
        ingest_into(
            target,
            self.source.entries(documents),
            self.source,
            [f"a copy for esrag compare update: {self.name}"],
            show=ended.append,
        )
        seconds = time.monotonic() - began
        self.chunks = ended[0].report.chunks_written
        _require_all(ended[0].report, target)
        return seconds


@contextmanager
def set_copy(
    settings: Settings,
    client: Elasticsearch,
    *,
    elasticsearch_url: str | None = None,
    keep: bool = False,
) -> Iterator[SetCopy]:
    """Set the copy up and fill it; raises ConflictError when there is a set of its name.

    ``elasticsearch_url`` is what the user gave, if anything: with the settings' own address come
    its credentials.
    """
    from esrag.cluster.indices import write_index
    from esrag.evaluation.copied_set import CopiedSet

    source, name = settings.index.set, copy_name(settings.index.set)
    where = ["--elasticsearch-url", elasticsearch_url] if elasticsearch_url else []
    if write_index(client, Names(name).alias) is not None:
        raise ConflictError(
            f"there is a document set {name}, which an earlier experiment may have left",
            hint=f"If nobody needs it: {_removal(name)}",
        )
    own = settings.model_copy(update={"index": settings.index.model_copy(update={"set": name})})
    made = SetCopy(own, CopiedSet(client, Names(source).alias, copy=name))
    _require_only_new(client, own, source)
    try:
        _esrag("setup", "--set", name, *where, "--yes")
        _make_alike(client, source, name)
        made.index(made.source.documents())
        yield made
    finally:
        if keep:
            click.echo(f"The copy stays. To remove it: {_removal(name)}", err=True)
        else:
            _remove(made, where)


def copy_name(name: str) -> str:
    """What the copy of a set is called."""
    return f"{name}{ENDING}"


def _require_only_new(client: Elasticsearch, settings: Settings, source: str) -> None:
    """Raise ConflictError when setting up the copy would touch what other sets use as well."""
    from esrag.cli.planning import bundle_from, choices_from
    from esrag.state.survey import take_survey

    survey = take_survey(client, choices_from(settings), bundle_from(settings))
    others = [action for action in survey.plan.changes if action.verb != "create"]
    if others:
        raise ConflictError(
            f"setting up a copy would change what is there: {others[0].describe()}",
            hint=f"Let esrag.toml have what {source} was set up with; esrag plan --set {source} "
            "shows the difference.",
        )


def _make_alike(client: Elasticsearch, source: str, copy: str) -> None:
    """Let the copy have the calibration; raises ConflictError when its fields are others."""
    from esrag.cluster.calibration_note import carry_calibration
    from esrag.cluster.indices import read_mapping, write_index

    ours, theirs = (write_index(client, Names(name).alias) or "" for name in (copy, source))
    carry_calibration(client, theirs, ours)
    if _fields(read_mapping(client, ours)) != _fields(read_mapping(client, theirs)):
        raise ConflictError(
            f"a copy of {source} made with these settings would have other fields than {source}",
            hint="Let esrag.toml have the index.language, index.vectors and model.id that the set "
            f"was set up with: esrag plan --set {source} shows what differs.",
        )


def _fields(mapping: dict[str, Any] | None) -> dict[str, Any]:
    """What decides how text is found; notes do not."""
    fields: dict[str, Any] = (mapping or {}).get("properties", {})
    return {
        name: {key: value for key, value in field.items() if key != "meta"}
        for name, field in fields.items()
    }


def _require_all(report: Any, target: Target) -> None:
    """Raise RejectedError when a document did not get into the copy."""
    rejected = report.counts.rejected
    if rejected:
        first = report.rejected[0].reason if report.rejected else "see the dead letters"
        raise RejectedError(
            f"{rejected:,} documents could not be indexed in {target.alias}; the first: {first}",
            hint=f"Why: esrag dlq ls --set {target.settings.index.set}",
        )


def _removal(name: str) -> str:
    return f"esrag teardown --set {name} --with-documents {Names(name).alias} --yes"


def _remove(made: SetCopy, where: list[str]) -> None:
    """Remove the copy and its ledger, or tell the line that does."""
    line = _removal(made.name)
    try:
        alias = Names(made.name).alias
        _esrag("teardown", "--set", made.name, *where, "--with-documents", alias, "--yes")
    except EsragError as error:
        # what ended the experiment is told as well; this must not hide it
        click.echo(f"The copy was not removed: {error.message}. To remove it: {line}", err=True)
        return
    except BaseException:
        click.echo(f"The copy may still be there. To remove it: {line}", err=True)
        raise
    if made.ledger_file is not None:
        for file in made.ledger_file.parent.glob(f"{made.ledger_file.stem}.*"):
            file.unlink(missing_ok=True)


def _esrag(*words: str) -> None:
    """A command of esrag; what it prints is talk here."""
    from esrag.cli import cli

    click.secho(f"$ esrag {' '.join(words)}", fg="cyan", err=True)
    with redirect_stdout(sys.stderr):
        cli.main(list(words), prog_name="esrag", standalone_mode=False)
