"""``esrag setup --print-roles``: the roles, ready to be pasted into Kibana's console."""

from __future__ import annotations

import json

import click


def print_roles(set_name: str | None, *, documented: bool, as_json: bool) -> None:
    """Print every role for one set, or for all with None; no cluster is asked."""
    from esrag.roles import ROLES, role

    roles = [role(name, set_name, documented=documented) for name in ROLES]
    if as_json:
        bodies = {each.title: each.body() for each in roles}
        click.echo(json.dumps(bodies, indent=2, ensure_ascii=False))
        return
    requests = [
        f"PUT _security/role/{each.title}\n{json.dumps(each.body(), indent=2, ensure_ascii=False)}"
        for each in roles
    ]
    click.echo("\n\n".join(requests))
