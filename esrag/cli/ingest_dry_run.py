"""``esrag ingest --dry-run``: what would be sent, without a cluster; shown as it is read."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

import click

from esrag.cli.ingest_report import SHOWN, in_order, tell_rejection, tell_rules

if TYPE_CHECKING:
    from esrag.cli.chunk_listing import ChunkListing
    from esrag.corpus.listing import Entry
    from esrag.corpus.records import Rejected
    from esrag.indexing import Reader
    from esrag.parsing.task import Cut


def dry_run(
    entries: Iterable[Entry],
    reader: Reader,
    *,
    chunks: ChunkListing | None,
    as_json: bool,
) -> tuple[int, int]:
    """Read and cut everything; returns how many inputs there are and how many are rejected."""
    from esrag.corpus.records import Rejected, Skipped
    from esrag.indexing import drafts_of

    show = _AsJson(chunks) if as_json else _ForPeople(chunks)
    rules: Counter[str] = Counter()
    documents = written = rejected = 0
    with show:
        for outcome in drafts_of(entries, reader):
            if isinstance(outcome, Rejected):
                rejected += 1
                show.rejected(outcome, first=rejected <= SHOWN)
            elif isinstance(outcome, Skipped):
                rules[outcome.rule] += 1
            else:
                documents += 1
                written += len(outcome.chunks)
                show.document(outcome)
        if rejected > SHOWN:
            click.echo(f"… and {rejected - SHOWN:,} more", err=True)
        tell_rules(rules)
        show.end(documents, written, rejected, rules)
    return documents + rejected + rules.total(), rejected


class _ForPeople:
    """Chunks as they come, if they are wanted, and a line at the end."""

    def __init__(self, chunks: ChunkListing | None) -> None:
        self._chunks = chunks

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def rejected(self, rejected: Rejected, *, first: bool) -> None:
        """One of the first, in a line."""
        if first:
            tell_rejection(rejected)

    def document(self, cut: Cut) -> None:
        """Its chunks."""
        if self._chunks is not None:
            self._chunks.show(cut.chunks)

    def end(self, documents: int, chunks: int, rejected: int, rules: Counter[str]) -> None:
        """How many there were."""
        if self._chunks is not None:
            self._chunks.show_summary()
        click.echo(
            f"{documents:,} documents, {chunks:,} chunks, "
            f"{rejected:,} rejected, {rules.total():,} skipped; nothing was sent"
        )


class _AsJson:
    """One JSON object, written while the corpus is read: it may be larger than memory."""

    def __init__(self, chunks: ChunkListing | None) -> None:
        self._chunks = chunks
        self._rejected: IO[str] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by exit
            max_size=1024 * 1024, mode="w+", encoding="utf-8"
        )
        self._first = True

    def __enter__(self) -> None:
        click.echo('{\n  "documents": [', nl=False)

    def __exit__(self, *_: object) -> None:
        self._rejected.close()

    def rejected(self, rejected: Rejected, *, first: bool) -> None:
        """Kept for the end, and told at once."""
        if first:
            tell_rejection(rejected)
        facts = {**asdict(rejected), "path": str(rejected.path)}
        self._rejected.write(json.dumps(facts) + "\n")

    def document(self, cut: Cut) -> None:
        """The document and, if they are wanted, its chunks."""
        document = cut.parsed.document
        shown: dict[str, Any] = {
            "id": document.id,
            "title": document.title,
            "published": document.published,
            "url": document.url,
            "hash": cut.hash,
            "chunks": len(cut.chunks),
        }
        if self._chunks is not None:
            shown["chunks"] = self._chunks.facts(cut.chunks)
        click.echo(f"{'' if self._first else ','}\n    {json.dumps(shown)}", nl=False)
        self._first = False

    def end(self, documents: int, chunks: int, rejected: int, rules: Counter[str]) -> None:
        """The rest of the object."""
        click.echo('\n  ],\n  "rejected": [', nl=False)
        self._rejected.seek(0)
        for number, line in enumerate(self._rejected):
            click.echo(f"{',' if number else ''}\n    {line.rstrip()}", nl=False)
        counts = {
            "counts": {
                "documents": documents,
                "chunks": chunks,
                "rejected": rejected,
                "skipped": rules.total(),
            },
            "skipped_by_rule": in_order(rules),
            "skipped": rules.total(),
            "summary": None if self._chunks is None else self._chunks.summary(),
        }
        click.echo("\n  ],\n  " + json.dumps(counts, indent=2)[1:].strip())
        sys.stdout.flush()
