"""A table of figures on a terminal: in columns where there is room, else cell by cell."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import click


def echo_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the first row has the titles.

    On a terminal that is too narrow a row is its first cell with the others below it; into a file
    or a pipe go columns, whatever their width.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) > shutil.get_terminal_size().columns:
        for row in rows[1:]:
            click.echo(row[0])
            for title, cell in zip(rows[0][1:], row[1:], strict=True):
                click.echo(f"  {title}: {cell}")
        return
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
