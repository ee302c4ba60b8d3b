"""``esrag teardown``: show what esrag made for one document set, and remove it when told to."""

from __future__ import annotations

import json

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.planning import (
    CHANGES_PENDING,
    applying,
    choices_from,
    lock_flags,
    lock_terms,
    show_plan,
)
from esrag.cli.preflight import explaining_refusals, require_permission


@click.command()
@connection_flags
@click.option("--yes", is_flag=True, help="Remove it. Without, it is only shown.")
@click.option(
    "--with-documents",
    metavar="ALIAS",
    help="Delete the indexed documents as well; name the set's alias, esrag-docs-<set>.",
)
@lock_flags
@click.option("--json", "as_json", is_flag=True, help="Print plan and outcome as JSON.")
@click.pass_context
def teardown(
    ctx: click.Context,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    yes: bool,
    with_documents: str | None,
    wait: float,
    force_unlock: bool,
    as_json: bool,
) -> None:
    """Remove what esrag made for a document set, and nothing else.

    Without --yes it is only shown; then ends with 2 when something would go. What several sets
    share goes with the last of them. Documents stay unless --with-documents names their alias.
    """
    from esrag.cluster.capabilities import probe
    from esrag.state.render import plan_as_json
    from esrag.state.teardown import checked_wish, plan_teardown
    from esrag.state.tearing_down import tear_down

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    client, choices = connect_with(settings), choices_from(settings)
    with explaining_refusals(client, "teardown", choices.set):
        found = probe(client)
        wish = checked_wish(choices, found, with_documents=with_documents)
        plan = plan_teardown(client, wish)
    if not as_json:
        show_plan(plan, as_json=False, all_objects=True, kept="kept")
    steps = 0
    if yes and plan.changes:
        from esrag.cli.stopping import stopping_at_safe_points

        require_permission(
            client,
            "teardown",
            choices.set,
            tier=found.tier,
            endpoints=any(action.kind == "inference endpoint" for action in plan.changes),
        )
        with stopping_at_safe_points() as safe_point, applying(safe_point) as progress:
            terms = lock_terms(
                f"teardown --set {choices.set}",
                wait=wait,
                force=force_unlock,
                safe_point=safe_point,
            )
            steps = tear_down(client, wish, plan, terms, progress=progress)
    if as_json:
        facts = {"plan": plan_as_json(plan), "applied": steps}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    if plan.changes and not yes:
        if not as_json:
            click.echo("Nothing was removed. To remove it: the same command with --yes", err=True)
        ctx.exit(CHANGES_PENDING)
