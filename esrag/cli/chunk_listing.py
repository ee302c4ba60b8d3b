"""How chunks look to a person who tunes chunking: places, pages, tokens and headings.

``ingest --dry-run --show-chunks`` feeds it one document after the other; it keeps only how often
each length was met, so that it may see any number of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import click

from esrag.chunking import ChunkRules, Tokenizer
from esrag.cli.printable import printable
from esrag.types import Chunk

_INDENT = "    "


class ChunkListing:
    """Shows documents' chunks and, at the end, how full they were."""

    def __init__(self, rules: ChunkRules, tokenizer: Tokenizer) -> None:
        self._rules = rules
        self._tokenizer = tokenizer
        self._lengths: Counter[int] = Counter()
        self._documents = 0

    def show(self, chunks: Sequence[Chunk]) -> None:
        """Print one document."""
        if not chunks:
            return
        rules = self._rules
        click.secho(
            f"{_one_line(chunks[0].document_id)}  {len(chunks)} chunks, {rules.strategy}, "
            f"up to {rules.max_tokens} tokens, {rules.overlap_tokens} shared",
            bold=True,
        )
        for chunk, facts in zip(chunks, self.facts(chunks), strict=True):
            click.secho(_head(facts), fg="blue")
            text = printable(chunk.text.encode("utf-8", "replace").decode("utf-8"))
            click.echo("\n".join(_INDENT + line for line in text.splitlines()) + "\n")

    def facts(self, chunks: Sequence[Chunk]) -> list[dict[str, Any]]:
        """The chunks of one document for a program; every field and what cutting decided."""
        self._documents += bool(chunks)
        found = [self._facts_of(chunk) for chunk in chunks]
        for before, after in pairwise(found):
            after["shared_characters"] = max(0, before["end"] - after["start"])
        self._lengths.update(facts["tokens"] for facts in found)
        return found

    def _facts_of(self, chunk: Chunk) -> dict[str, Any]:
        context = chunk.context
        return {
            **asdict(chunk),
            "metadata": dict(chunk.metadata),
            "context": context,
            "strategy": self._rules.strategy,
            "tokens": self._tokenizer.count(f"{context}\n{chunk.text}"),
            "context_tokens": self._tokenizer.count(context),
            "max_tokens": self._rules.max_tokens,
            "shared_characters": 0,
        }

    def summary(self) -> dict[str, Any]:
        """How long the chunks seen so far were, in tokens with their context."""
        lengths = sorted(self._lengths.elements())
        if not lengths:
            return {"documents": self._documents, "chunks": 0}
        return {
            "documents": self._documents,
            "chunks": len(lengths),
            "strategy": self._rules.strategy,
            "max_tokens": self._rules.max_tokens,
            "tokens": sum(lengths),
            "shortest": lengths[0],
            "median": lengths[len(lengths) // 2],
            "longest": lengths[-1],
            "filled": round(sum(lengths) / len(lengths) / self._rules.max_tokens, 3),
        }

    def show_summary(self) -> None:
        """Print that, with the share of chunks in each quarter of the longest length."""
        facts = self.summary()
        if not facts["chunks"]:
            return
        click.echo(
            f"tokens a chunk: {facts['shortest']} to {facts['longest']}, median "
            f"{facts['median']}; chunks are filled to {facts['filled']:.0%} of "
            f"{facts['max_tokens']}"
        )
        quarters: Counter[int] = Counter()
        for length, times in self._lengths.items():
            quarters[min(3, 4 * (length - 1) // facts["max_tokens"])] += times
        for quarter, name in enumerate(
            ("up to a quarter", "to half", "to three quarters", "above")
        ):
            share = quarters[quarter] / facts["chunks"]
            click.echo(f"  {name:<18} {share:4.0%} {'█' * round(40 * share)}".rstrip())


def _head(facts: dict[str, Any]) -> str:
    place = f"characters {facts['start']}-{facts['end']}"
    if facts["page"]:
        first, last = facts["page"], facts["last_page"]
        place = (f"page {first}, " if first == last else f"pages {first}-{last}, ") + place
    shared = facts["shared_characters"]
    return _one_line(
        f"[{facts['position'] + 1} of {facts['chunk_count']}] {place}; "
        f"{facts['tokens']} tokens, {facts['context_tokens']} of them context"
        + (f"; {shared} characters shared" if shared else "")
        + (f"; {facts['context']}" if facts["context"] else "")
    )


def _one_line(text: str) -> str:
    return " ".join(printable(text.encode("utf-8", "replace").decode("utf-8")).split())
