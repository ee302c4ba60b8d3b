"""How hits and answers look on a terminal.

Text from documents and models passes ``printable`` first: control characters in it could
otherwise rewrite the reader's screen.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Sequence

import click

from esrag.cli.printable import link, one_line, printable
from esrag.types import Citation, Hit, Sentence

WIDEST = 100
_OWN_NUMBER = re.compile(r"(?:(?<=\s)|^)\[(\d{1,3})\]")
UNSUPPORTED = "(no passage supports this)"
UNCHECKED = "(not checked)"
_LABELS = {
    "generated": "Answer, each sentence checked against the passages:",
    "quoted": "The passages' own sentences:",
    "refused": "",
}
_OTHER_LABELS = {
    "mark": "Answer; what no passage supports is marked:",
    "off": "Answer, not checked against the passages:",
}


def show_label(kind: str, verify: str = "remove") -> None:
    """Where the words that follow come from."""
    label = _OTHER_LABELS.get(verify, _LABELS[kind]) if kind == "generated" else _LABELS[kind]
    if label:
        click.secho(label, bold=True)


def show_sentence(sentence: Sentence, verify: str = "remove") -> None:
    """One sentence of an answer with its citation numbers; ``verify`` is how it was checked."""
    numbers = "".join(f"[{number}]" for number in dict.fromkeys(_numbers(sentence)))
    marks = click.style(f" {numbers}", fg="blue") if numbers else ""
    if not sentence.supported:
        marks += click.style(f" {UNCHECKED if verify == 'off' else UNSUPPORTED}", fg="red")
    # a passage's own "[2]" is no source of this answer, and must not look like one
    text = _OWN_NUMBER.sub(r"(\1)", sentence.text)
    click.echo(f"{_wrapped(text, room=len(click.unstyle(marks)))}{marks}")


def show_sources(cited: Sequence[tuple[int, Hit]]) -> None:
    """The cited passages as footnotes: title and headings, then where they can be looked up."""
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
        click.echo(f"    {one_line(hit.text, 240)}\n")


def show_context(hits: Sequence[Hit], citations: Sequence[Citation]) -> None:
    """The passages whole, with the cited words marked; the cited ones bear their number."""
    click.secho("\nPassages", bold=True)
    for hit in hits:
        of_hit = [citation for citation in citations if citation.hit.id == hit.id]
        number = f" {click.style(f'[{of_hit[0].number}]', fg='blue')}" if of_hit else ""
        click.echo(f"{hit.rank:>3}.{number} {heading(hit)}")
        click.secho(f"      {place(hit)}", dim=True)
        click.echo(f"{textwrap.indent(_marked(hit.text, of_hit), '      ')}\n")


def heading(hit: Hit) -> str:
    """Title and headings of a hit, in one line."""
    return click.style(one_line(hit.context or hit.document_id), bold=True)


def place(hit: Hit) -> str:
    """Where a hit can be looked up: link or path, and pages where the document has them."""
    where = link(hit.url) or one_line(hit.source or hit.document_id)
    if not hit.page:
        return where
    if hit.last_page <= hit.page:
        return f"{where}, page {hit.page}"
    return f"{where}, pages {hit.page}–{hit.last_page}"


def _numbers(sentence: Sentence) -> list[int]:
    return [citation.number for citation in sentence.citations]


def _wrapped(text: str, *, room: int) -> str:
    """``text`` indented and broken at the terminal's width, with ``room`` left at its end."""
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    lines = printable(text).splitlines() or [""]
    if len(lines) > 1:  # code, or a table: its lines are meant
        return textwrap.indent("\n".join(lines), "  ")
    words = f"{' '.join(lines[0].split())}{chr(0) * room}"  # stands for what follows
    shown = textwrap.fill(
        words,
        max(width, 20),
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return shown.replace("\0", "")


def _marked(text: str, citations: Sequence[Citation]) -> str:
    """``text`` with the cited stretches set apart, by colour and by brackets."""
    parts, done = [], 0
    for citation in sorted(citations, key=lambda one: one.start):
        if citation.start < done:
            continue
        parts.append(printable(text[done : citation.start]))
        words = printable(text[citation.start : citation.end])
        parts.append(click.style(f"⟦{words}⟧", bold=True))
        done = citation.end
    return "".join([*parts, printable(text[done:])])
