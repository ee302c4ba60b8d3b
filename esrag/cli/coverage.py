"""``esrag local coverage``: in what the local stack differs, by name and with the reason.

It reads files of the package and needs neither a stack nor the extra ``local``.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

import click

from esrag.local.differences import AREAS, Difference, known_differences

_WIDTH = 80


@click.command()
@click.argument("area", type=click.Choice(list(AREAS)), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def coverage(area: str | None, as_json: bool) -> None:
    """Show in what the stack differs from the real servers.

    All known differences, or those of AREA, each with its reason.  What is not named here is
    meant to be the same.
    """
    shown = [one for one in known_differences() if area in (None, one.area)]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in shown], indent=2, ensure_ascii=False))
        return
    for name, title in AREAS.items():
        of_area = [one for one in shown if one.area == name]
        if of_area:
            click.secho(f"{title} ({name}: {len(of_area)})", bold=True)
            for one in of_area:
                _show(one)
    if not shown:
        click.echo(f"No known differences in {area}." if area else "No known differences.")


def _show(one: Difference) -> None:
    click.echo()
    click.secho(f"  {one.name}", fg="yellow")
    for label, text in (
        ("where", one.where),
        ("server", one.server),
        ("stack", one.stack),
        ("reason", one.reason),
    ):
        click.echo(
            textwrap.fill(
                text,
                _WIDTH,
                initial_indent=f"    {label:<8}",
                subsequent_indent=" " * 12,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
