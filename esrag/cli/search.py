"""``esrag search``: the passages that a question retrieves."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from esrag.cli.assembly import retriever_from
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.filter_flags import filter_flags, filters_from
from esrag.cli.preflight import explaining_refusals
from esrag.cli.rendering import show_hits
from esrag.types import Query

TEMPLATES = click.Choice(["hybrid", "linear", "lexical", "semantic"])


@click.command()
@connection_flags
@click.option("-k", "--size", type=click.IntRange(1, 50), help="How many passages to show.")
@click.option("--template", type=TEMPLATES, help="Search template to call.")
@click.option(
    "--allow-degraded", is_flag=True, help="Search by words alone when the model does not run."
)
@filter_flags
@click.option("--json", "as_json", is_flag=True, help="Print the hits as JSON.")
@click.argument("question")
def search(
    question: str,
    *,
    size: int | None,
    template: str | None,
    allow_degraded: bool,
    as_json: bool,
    elasticsearch_url: str | None,
    set_name: str | None,
    **narrowing: Any,
) -> None:
    """Show the passages that QUESTION retrieves, best first.

    The same search template answers Kibana's console; nothing is generated.
    """
    filters = filters_from(narrowing)
    given = {"size": size, "template": template}
    settings = settings_from(
        elasticsearch_url=elasticsearch_url,
        set_name=set_name,
        retrieval={name: value for name, value in given.items() if value is not None},
    )
    with (
        connect_with(settings) as client,
        explaining_refusals(client, "search", settings.index.set),
        retriever_from(settings, client, allow_degraded=allow_degraded) as retriever,
    ):
        hits = retriever.retrieve(Query(question, settings.retrieval.size, filters)).hits
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(hit) for hit in hits], indent=2))
    else:
        show_hits(hits)
