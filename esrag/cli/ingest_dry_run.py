"""``esrag ingest --dry-run``: what would be sent, without a cluster."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.ingest_report import one_line, tell_rejected, tell_rules
from esrag.cli.rendering import printable

if TYPE_CHECKING:
    from esrag.corpus.listing import Entry
    from esrag.corpus.records import Rejected
    from esrag.indexing import Reader
    from esrag.parsing.task import Cut


def dry_run(
    entries: Iterable[Entry], reader: Reader, *, show_chunks: bool, as_json: bool
) -> tuple[int, int]:
    """Read and cut everything; returns how many inputs there are and how many are rejected."""
    from esrag.corpus.records import Rejected, Skipped
    from esrag.indexing import drafts_of

    drafts: list[Cut] = []
    rejected: list[Rejected] = []
    rules: Counter[str] = Counter()
    for outcome in drafts_of(entries, reader):
        if isinstance(outcome, Rejected):
            rejected.append(outcome)
        elif isinstance(outcome, Skipped):
            rules[outcome.rule] += 1
        else:
            drafts.append(outcome)
            if show_chunks and not as_json:
                _show_chunks(outcome)
    tell_rejected(rejected, total=len(rejected))
    tell_rules(rules)
    chunks = sum(len(each.chunks) for each in drafts)
    if as_json:
        facts = _as_json(drafts, rejected, rules.total(), show_chunks=show_chunks)
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(
            f"{len(drafts)} documents, {chunks} chunks, "
            f"{len(rejected)} rejected, {rules.total()} skipped; nothing was sent"
        )
    return len(drafts) + len(rejected) + rules.total(), len(rejected)


def _as_json(
    drafts: Sequence[Cut], rejected: Sequence[Rejected], skipped: int, *, show_chunks: bool
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


def _show_chunks(each: Cut) -> None:
    for chunk in each.chunks:
        head = f"{chunk.document_id} [{chunk.position}] {chunk.start}-{chunk.end}  {chunk.context}"
        click.secho(one_line(head), bold=True)
        click.echo(f"{printable(chunk.text)}\n")
