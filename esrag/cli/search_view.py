"""How passages that were found look on a terminal: ranked, the words that matched set apart."""

from __future__ import annotations

import click

from esrag.cli.printable import one_line, printable
from esrag.cli.rendering import heading, place
from esrag.types import Facet, Found, Hit

LONGEST = 240  # characters of a passage
_BEFORE = 60  # of them before the first word that matched


def show_found(found: Found) -> None:
    """The hits with their scores, then what was counted; remarks go to standard error."""
    if not found.hits:
        click.echo("No passage matches.")
    for hit in found.hits:
        score = click.style(f"{hit.score:.4f}", dim=True)
        click.echo(f"{hit.rank:>2}. {heading(hit)}  {score}")
        click.secho(f"    {place(hit)}", dim=True)
        if hit.scores:
            click.secho(f"    {_scores(hit)}", dim=True)
        click.echo(f"    {excerpt(hit)}\n")
    for facet in found.facets:
        _show_facet(facet)
    for note in found.notes:
        click.echo(f"{note}.", err=True)


def excerpt(hit: Hit) -> str:
    """One line of the passage, from shortly before the stretch where most words matched."""
    text, marks = hit.text, hit.highlights
    begin = _beginning(hit)
    end = min(len(text), begin + LONGEST)
    parts = ["…"] if begin else []
    done = begin
    for first, last in marks:
        if first < done or last > end:
            continue
        parts += [_flat(text[done:first]), click.style(_flat(text[first:last]), bold=True)]
        done = last
    parts.append(_flat(text[done:end]))
    return "".join([*parts, "…" if end < len(text) else ""]).strip()


def _beginning(hit: Hit) -> int:
    """Where the line begins: so that as many matches as possible are in it, at a word."""
    text, marks = hit.text, hit.highlights
    if len(text) <= LONGEST or not marks:
        return 0

    def matches_from(start: int) -> int:
        room = LONGEST - _BEFORE
        return sum(last - first for first, last in marks if start <= first and last <= start + room)

    best = max((first for first, _ in marks), key=matches_from)
    begin = max(0, best - _BEFORE)
    return begin if not begin else text.find(" ", begin, best) + 1 or best


def _flat(text: str) -> str:
    """A piece of the line; spaces at its ends stay, as another piece follows."""
    words = " ".join(printable(text).split())
    before = " " if text[:1].isspace() else ""
    after = " " if words and text[-1:].isspace() else ""
    return f"{before}{words}{after}"


def _scores(hit: Hit) -> str:
    return ", ".join(f"{one_line(name)} {score:.4f}" for name, score in hit.scores.items())


def _show_facet(facet: Facet) -> None:
    counts = ", ".join(f"{one_line(value, 80)} ({count})" for value, count in facet.counts)
    click.echo(f"{click.style(facet.field, bold=True)}: {counts}")
