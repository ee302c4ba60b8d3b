"""``esrag search``: the passages that a question retrieves."""

from __future__ import annotations

import json
from typing import Any

import click

from esrag.answering.record import found_record
from esrag.cli.assembly import retriever_from
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.filter_flags import filter_flags, filters_from
from esrag.cli.preflight import explaining_refusals
from esrag.cli.search_view import show_found
from esrag.types import Query

TEMPLATES = click.Choice(["hybrid", "linear", "lexical", "semantic", "sparse"])


@click.command()
@connection_flags
@click.option("-k", "--size", type=click.IntRange(1, 50), help="How many passages to show.")
@click.option("--template", type=TEMPLATES, help="Search template to call.")
@click.option(
    "--allow-degraded", is_flag=True, help="Search by words alone when the model does not run."
)
@filter_flags
@click.option(
    "--per-source",
    type=click.IntRange(0, 50),
    help="Most passages of one document; 0 takes any number.",
)
@click.option(
    "--facets", is_flag=True, help="Count sources, authors, languages and years of the candidates."
)
@click.option("--explain", is_flag=True, help="Show the score of each ranking.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.argument("question")
def search(
    question: str,
    *,
    size: int | None,
    template: str | None,
    allow_degraded: bool,
    per_source: int | None,
    facets: bool,
    explain: bool,
    as_json: bool,
    elasticsearch_url: str | None,
    set_name: str | None,
    **narrowing: Any,
) -> None:
    """Show the passages that QUESTION retrieves, best first.

    The same search template answers Kibana's console; nothing is generated.
    """
    filters = filters_from(narrowing)
    given = {"size": size, "template": template, "per_source": per_source}
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
        query = Query(
            question,
            settings.retrieval.size,
            filters,
            per_source=settings.retrieval.per_source,
            facets=facets,
            highlight=True,
            explain=explain,
        )
        found = retriever.retrieve(query)
    if as_json:
        click.echo(json.dumps(found_record(question, found), indent=2))
    else:
        show_found(found)
