"""What a run is handed and what it tells: the index as it sees it, progress, the report."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from esrag.cluster.bulk import Action, Item
from esrag.cluster.chunk_index import Stored
from esrag.cluster.stored_documents import HeldDocument, Selection
from esrag.ledger import Counts, DeadLetter

Stage = Literal["reading", "verifying", "stopping", "ended"]


class Index(Protocol):
    """What indexing asks of an index; ``esrag.cluster.chunk_index.ChunkIndex`` is the real one."""

    @property
    def is_one_shard(self) -> bool:
        """Whether the actions of a request are carried out in their order, or none of them."""

    def send(self, actions: Sequence[Action]) -> list[Item]:
        """One bulk request, sent once; one item for each action."""

    def stored(self, document_ids: Sequence[str]) -> dict[str, Stored]:
        """What a search sees of these documents."""

    def origins(self) -> dict[str, int]:
        """The origins of what a search sees, and how many chunks each has."""

    def documents(self, selection: Selection) -> Iterator[HeldDocument]:
        """The documents of a selection that a search sees, in the order of their ids."""

    def chunk_ids(self, document_ids: Sequence[str], *, origin: str = "") -> list[str]:
        """The ids of chunks of these documents that a search sees, at least some of them."""

    def refresh(self) -> None:
        """Make all writes visible to ``stored``."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come, as far as memory knows; the ledger has the last word.

    ``settled`` counts inputs whose outcome is known or acknowledged, ``chunks`` those that were
    acknowledged.  ``listed`` grows until ``listing_done``.  ``batch`` is how many chunks a request
    may carry now, ``wait`` why the sender waits ("" when it does not), until ``wait_until`` on the
    monotonic clock.
    """

    listed: int = 0
    settled: int = 0
    chunks: int = 0
    rejected: int = 0
    tokens: int = 0
    listing_done: bool = True
    batch: int = 0
    in_flight: int = 0
    wait: str = ""
    wait_until: float = 0.0
    unchanged: int = 0
    skipped: int = 0
    stage: Stage = "reading"


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, whether it came to its end or was stopped.

    ``rejected`` holds the first letters only, the file has all of them; ``skipped`` counts by rule.
    """

    run_id: str
    counts: Counts
    chunks_written: int
    chunks_removed: int
    seconds: float
    rejected: tuple[DeadLetter, ...]
    rejected_by_code: Mapping[str, int]
    skipped: Mapping[str, int]
    dead_letters: Path
    ledger: Path
    tokens: int = 0
    letters_in_index: int = 0
    seconds_by_stage: Mapping[str, float] = field(default_factory=dict)


def new_run_id() -> str:
    """Sorts by time; random enough to be unique."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + "-" + secrets.token_hex(3)
