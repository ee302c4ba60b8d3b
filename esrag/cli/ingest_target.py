"""Where ingest writes: the index of a document set, its ledger and its dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from esrag.cli.connection import connect_with
from esrag.cli.preflight import require_permission

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.cluster.chunk_index import ChunkIndex
    from esrag.dead_letters.files import LetterFolder
    from esrag.ledger import Ledger
    from esrag.privileges import Command
    from esrag.settings import Settings


@dataclass(frozen=True, slots=True)
class Target:
    """One document set in one cluster, and its books in this data folder."""

    settings: Settings
    client: Elasticsearch
    index: ChunkIndex
    folder: LetterFolder
    ledger_file: Path

    @property
    def alias(self) -> str:
        """The public name of the index."""
        return self.index.alias

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, locked for this process."""
        from esrag.ledger import Ledger

        with Ledger(self.ledger_file) as ledger:
            yield ledger


def target_from(settings: Settings, command: Command = "ingest") -> Target:
    """The target of ``command``; raises when it may not be used or is not there."""
    from esrag.cluster.chunk_index import ChunkIndex
    from esrag.names import Names

    names = Names(settings.index.set)
    client = connect_with(settings)
    require_permission(client, command, names.set)
    index = ChunkIndex(client, names)
    cluster = index.cluster_id()
    index.require()
    return Target(
        settings=settings,
        client=client,
        index=index,
        folder=letter_folder(settings),
        ledger_file=settings.data_dir / "ledgers" / f"{names.alias}-{cluster}.sqlite",
    )


def letter_folder(settings: Settings) -> LetterFolder:
    """The dead letters of this data folder; asks no cluster."""
    from esrag.dead_letters.files import LetterFolder
    from esrag.names import Names

    alias = Names(settings.index.set).alias
    return LetterFolder(settings.data_dir / "dlq" / alias, alias)
