"""``esrag dlq retry``: our inputs are ingested again, other producers' documents sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.ingest_report import one_line, tell_of
from esrag.cli.preflight import require_permission

if TYPE_CHECKING:
    from esrag.cli.ingest_run import Ended
    from esrag.dead_letters.box import Letter, LetterBox
    from esrag.ledger import DeadLetter
    from esrag.settings import Settings

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of letters that were tried again."""

    inputs: int = 0
    indexed: int = 0
    unchanged: int = 0
    rejected: int = 0
    documents_taken: int = 0
    documents_superseded: int = 0
    documents_kept_again: int = 0
    documents_refused: int = 0
    elsewhere: int = 0

    @property
    def left(self) -> int:
        """How many are dead letters still."""
        again = self.documents_kept_again + self.documents_refused
        return self.rejected + again + self.elsewhere

    def as_json(self) -> dict[str, int]:
        """For a program."""
        return {**asdict(self), "left": self.left}

    def in_words(self) -> str:
        """For a person."""
        parts: list[str] = []
        if self.inputs:
            parts.append(
                f"{self.inputs:,} files tried again: {self.indexed:,} indexed, "
                f"{self.unchanged:,} unchanged, {self.rejected:,} rejected again"
            )
        sent = self.documents_taken + self.documents_kept_again + self.documents_refused
        if sent:
            parts.append(
                f"{sent:,} documents of other producers sent again: {self.documents_taken:,} "
                f"indexed, {self.documents_kept_again + self.documents_refused:,} refused again"
            )
        if self.documents_superseded:
            words = "documents were not sent: the index has later versions"
            parts.append(f"{self.documents_superseded:,} {words}")
        return "\n".join(parts) or "Nothing was tried again."


def retry_letters(settings: Settings, box: LetterBox, letters: Sequence[Letter]) -> Retried:
    """Try the letters again; those that are settled are gone afterwards."""
    from esrag.dead_letters.again import is_within_reach

    inputs: dict[str, DeadLetter] = {}
    elsewhere: list[Letter] = []
    for letter in letters:
        if not letter.is_ours:
            continue
        filed = letter.filed.letter if letter.filed else None
        if filed is None or not is_within_reach(filed):
            elsewhere.append(letter)
        else:
            inputs.setdefault(filed.uri or filed.path, filed)
    for letter in elsewhere[:_SHOWN]:
        click.echo(f"cannot be read again from here: {one_line(letter.where)}", err=True)
    foreign = [letter for letter in letters if not letter.is_ours]
    counts = _ingest(settings, list(inputs.values())) if inputs else {}
    fates = _resend(settings, box, foreign) if foreign else {}
    return Retried(
        inputs=len(inputs),
        indexed=counts.get("indexed", 0),
        unchanged=counts.get("unchanged", 0),
        rejected=counts.get("rejected", 0),
        documents_taken=fates.get("taken", 0),
        documents_superseded=fates.get("superseded", 0),
        documents_kept_again=fates.get("kept again", 0),
        documents_refused=fates.get("refused", 0),
        elsewhere=len(elsewhere),
    )


def _ingest(settings: Settings, letters: Sequence[DeadLetter]) -> dict[str, Any]:
    from esrag.cli.ingest_reading import pool_from, reading_from, require_extra
    from esrag.cli.ingest_run import ingest_into
    from esrag.cli.ingest_sources import SourceFlags, spooling
    from esrag.cli.ingest_target import target_from
    from esrag.dead_letters.again import entry_of

    require_extra()

    def show(ended: Ended) -> None:
        tell_of(ended.report)

    with (
        spooling(settings, SourceFlags()) as options,
        pool_from(settings, reading_from(settings)) as pool,
    ):
        entries = (entry_of(letter, options) for letter in letters)
        ended = ingest_into(target_from(settings), entries, pool, ["dlq retry"], show=show)
    return asdict(ended.report.counts)


def _resend(settings: Settings, box: LetterBox, letters: Sequence[Letter]) -> dict[str, int]:
    from esrag.cli.connection import connect_with
    from esrag.cluster.dead_letters import LetterIndex
    from esrag.names import Names

    names = Names(settings.index.set)
    client = connect_with(settings)
    require_permission(client, "dlq", names.set)
    index = box.index or LetterIndex(client, names.alias)
    counts: dict[str, int] = {}
    for one in index.resend([letter.kept for letter in letters if letter.kept is not None]):
        counts[one.fate] = counts.get(one.fate, 0) + 1
        again = counts.get("kept again", 0) + counts.get("refused", 0)
        if one.fate in ("kept again", "refused") and again <= _SHOWN:
            where = one_line(one.letter.document_id or one.letter.id)
            click.echo(f"{one.fate}: {where}: {one_line(one.reason)}", err=True)
    return counts
