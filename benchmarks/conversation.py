"""Follow-ups: how often the document that answers is among the first five, by way of rewriting.

    python -m benchmarks.conversation --set default

Four ways on the same follow-ups of the sample corpus: as they were typed, joined with the question
before, rewritten by words, and as a person wrote down what was meant.  The half ``fresh`` was
written before any of it was run and was not tuned on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from esrag.cli.assembly import retriever_from
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.conversation import standalone
from esrag.types import Query, Turn

QUESTIONS = Path(__file__).with_name("followups.jsonl")
AT = 5

WAYS: dict[str, Callable[[dict[str, Any]], str]] = {
    "as typed": lambda item: str(item["question"]),
    "joined with the question before": lambda item: f"{item['before'][-1][0]} {item['question']}",
    "by words": lambda item: standalone(item["question"], turns(item)).text,
    "as a person meant it": lambda item: str(item["meant"]),
}


def turns(item: dict[str, Any]) -> list[Turn]:
    """The turns before a follow-up."""
    return [Turn(question, answer) for question, answer in item["before"]]


@click.command()
@connection_flags
@click.option("--verbose", is_flag=True, help="Print each rewritten question.")
def main(*, set_name: str | None, elasticsearch_url: str | None, verbose: bool) -> None:
    """Print the table."""
    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    items = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    found: dict[tuple[str, str], list[bool]] = {}
    with connect_with(settings) as client, retriever_from(settings, client) as retriever:
        for item in items:
            for way, rewrite in WAYS.items():
                text = rewrite(item)
                hits = retriever.retrieve(Query(text, AT)).hits
                hit = any(item["document"] in hit.document_id for hit in hits)
                found.setdefault((item["split"], way), []).append(hit)
                if verbose and way == "by words":
                    click.echo(f"{'ok ' if hit else '-- '} {item['id']} {text}", err=True)
    click.echo(f"| follow-ups with their document in the first {AT} | dev | fresh |")
    click.echo("|---|---|---|")
    for way in WAYS:
        cells = [found[(split, way)] for split in ("dev", "fresh")]
        click.echo(f"| {way} | " + " | ".join(f"{sum(c)} of {len(c)}" for c in cells) + " |")


if __name__ == "__main__":
    main()
