"""Indexes the corpus of a folder in BEIR's layout, with the commands that a user would give."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from esrag.errors import RejectedError, UsageError
from esrag.evaluation.text_lines import text_lines

CORPUS = "corpus.jsonl"


def index_corpus(name: str, corpus: Path, *, elasticsearch_url: str | None) -> tuple[str, ...]:
    """Set up the document set ``name`` and index ``corpus``; what is there is not sent again.

    Returns what a reader has to know: documents that cannot be indexed are told, and the others
    are measured.  Raises UsageError for what is no corpus, before anything is made.
    """
    where = ["--set", name]
    if elasticsearch_url:  # else the settings name it, and its credentials with it
        where += ["--elasticsearch-url", elasticsearch_url]
    with tempfile.TemporaryDirectory(prefix="esrag-judged-") as folder:
        file = Path(folder) / CORPUS
        titled(corpus, file)
        _esrag("setup", *where, "--yes")
        try:
            _esrag("ingest", *where, "--origin", name, str(file))
        except RejectedError as error:
            click.echo(f"Lines are numbered as in {corpus}.", err=True)
            return (f"{error.message} as the corpus was indexed; no retriever can find those",)
    return ()


def titled(corpus: Path, file: Path) -> None:
    """Copy a corpus line by line; where a record has a title and no text, the title is its text.

    Raises UsageError for a line that is no JSON, and for a corpus without any.
    """
    copied = 0
    with file.open("w", encoding="utf-8") as lines:
        for number, line in text_lines(corpus):
            lines.write("\n" * (number - copied - 1))  # blank ones, so that numbers agree
            copied = number
            try:
                record: Any = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{corpus}, line {number}: no JSON: {str(error)[:200]}") from error
            if isinstance(record, dict) and not str(record.get("text") or "").strip():
                record["text"] = record.get("title") or ""
            lines.write(json.dumps(record) + "\n")
    if not copied:
        raise UsageError(f"{corpus} holds no document", hint="There is nothing to be found in it.")


def _esrag(*words: str) -> None:
    from esrag.cli import cli

    click.secho(f"$ esrag {' '.join(words)}", fg="cyan", err=True)
    cli.main(list(words), prog_name="esrag", standalone_mode=False)
