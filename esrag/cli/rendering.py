"""How hits and answers look on a terminal.

Text from documents and models passes ``printable`` first: control characters in it could
otherwise rewrite the reader's screen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from esrag.answering import sources
from esrag.types import Answer, Hit, Sentence

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LABELS = {
    "generated": "Answer, each sentence checked against the passages:",
    "quoted": "The passages' own sentences:",
    "refused": "",
}


def printable(text: str) -> str:
    """``text`` without characters that steer a terminal or reorder the line."""
    return _CONTROL.sub("", text)


def show_sentence(sentence: Sentence) -> None:
    """One sentence of an answer with its citation numbers."""
    numbers = "".join(f"[{citation.number}]" for citation in sentence.citations)
    marks = click.style(f" {numbers}", fg="blue") if numbers else ""
    click.echo(f"  {printable(sentence.text)}{marks}")


def show_label(kind: str) -> None:
    """Where the words that follow come from."""
    if _LABELS[kind]:
        click.secho(_LABELS[kind], bold=True)


def show_sources(answer: Answer) -> None:
    """The cited passages with title, place and link."""
    cited = sources(answer)
    if not cited:
        return
    click.secho("\nSources", bold=True)
    for number, hit in cited:
        click.echo(f"  {click.style(f'[{number}]', fg='blue')} {heading(hit)}")
        click.echo(f"      {place(hit)}")


def show_hits(hits: Sequence[Hit]) -> None:
    """Ranked passages, each with its place and the beginning of its text."""
    if not hits:
        click.echo("No passage matches.")
    for hit in hits:
        click.echo(f"{hit.rank:>2}. {heading(hit)}  {click.style(f'{hit.score:.4f}', dim=True)}")
        click.secho(f"    {place(hit)}", dim=True)
        text = " ".join(printable(hit.text).split())
        click.echo(f"    {text[:240]}{'…' if len(text) > 240 else ''}\n")


def heading(hit: Hit) -> str:
    """Title and headings of a hit, in one line."""
    return click.style(printable(hit.context), bold=True)


def place(hit: Hit) -> str:
    """Where a hit can be looked up: link or path, and pages where the document has them."""
    where = printable(hit.url or hit.source)
    if not hit.page:
        return where
    if hit.last_page <= hit.page:
        return f"{where}, page {hit.page}"
    return f"{where}, pages {hit.page}–{hit.last_page}"
