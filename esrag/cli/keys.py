"""``esrag keys``: make, list, replace, withdraw and audit API keys.

A secret leaves this process through a file, the keyring, or with ``--show-once`` standard output.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.errors import UsageError

if TYPE_CHECKING:
    from esrag.cluster.api_keys import ApiKey
    from esrag.keeping import Place
    from esrag.keys import Made

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
FOUND = 2  # the exit code of `keys audit` when something was found


class _Screen:
    """Standard output, once; nothing of ours goes there beside the secret."""

    def __init__(self) -> None:
        self._shown = ""

    def describe(self) -> dict[str, str]:
        """Nowhere is it kept."""
        return {"shown": "once"}

    def reserve(self) -> None:
        """The screen is always there."""

    def keep(self, secret: str) -> None:
        """Print it."""
        self._shown = secret
        click.echo(secret)

    def holds(self, secret: str) -> bool:
        """Whether it was printed."""
        return self._shown == secret

    def release(self) -> None:
        """Nothing was reserved."""


@click.group()
def keys() -> None:
    """Make, list, replace, withdraw and audit API keys.

    Keys are made by a login with the rights of the role esrag_security.
    """


@keys.command()
@connection_flags
@click.option(
    "--role",
    "role_name",
    type=click.Choice(["ingest", "search", "app", "eval"]),
    required=True,
    help="What the key is for.",
)
@click.option("--all-sets", is_flag=True, help="For all document sets instead of one.")
@click.option("--expires", default="90d", show_default=True, help="Lifetime, such as 12h or 30d.")
@click.option("--out", type=click.Path(path_type=Path), help="New file for the secret, mode 0600.")
@click.option("--keyring", "entry", metavar="ENTRY", help="New entry of the keyring for it.")
@click.option("--show-once", is_flag=True, help="Print the secret on standard output instead.")
@click.option(
    "--filter",
    "query",
    metavar="JSON",
    help="Query that narrows the documents the key sees; the licence must enforce it.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON, without the secret.")
def create(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    role_name: Any,
    all_sets: bool,
    expires: str,
    out: Path | None,
    entry: str | None,
    show_once: bool,
    query: str | None,
    as_json: bool,
) -> None:
    """Make a key for one role, try it, and keep its secret.

    A key that came out weaker than its role is deleted again, with exit code 5.
    """
    from esrag import keys as library
    from esrag.keeping import Keyring, NewFile

    if all_sets and set_name:
        raise UsageError("--set names one set and --all-sets means all: give one of them")
    _seconds(expires)
    place: Place
    match _one_place(out, entry, show_once=show_once, as_json=as_json):
        case Path() as path:
            place = NewFile(path)
        case str(name):
            place = Keyring(name)
        case _:
            place = _Screen()
    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    made = library.create(
        connect_with(settings),
        role_name,
        None if all_sets else settings.index.set,
        expires=expires,
        place=place,
        query=_query(query),
    )
    _report_made(made, as_json=as_json)


@keys.command(name="list")
@connection_flags
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON.")
def list_(*, set_name: str | None, elasticsearch_url: str | None, as_json: bool) -> None:
    """List the keys that esrag made for this login; secrets are not to be had again.

    With --set only those of that set.
    """
    from esrag.keys import own_keys

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    found = [
        key for key in own_keys(connect_with(settings)) if set_name is None or key.set == set_name
    ]
    if as_json:
        click.echo(json.dumps([_as_json(key) for key in found], indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("No key of esrag's for this login.")
    for key in found:
        click.echo(
            f"{key.id}  {key.role:<6}  {key.set:<12}  made {_day(key.created)}  {_ends(key)}"
            + (f"  replaced by {key.replaced_by}" if key.replaced_by else "")
        )


@keys.command()
@connection_flags
@click.option("--out", type=click.Path(path_type=Path), help="File whose key is replaced in it.")
@click.option("--keyring", "entry", metavar="ENTRY", help="Keyring entry whose key is replaced.")
@click.option("--id", "key_id", metavar="ID", help="With --show-once: the key to replace.")
@click.option("--show-once", is_flag=True, help="Print the new secret on standard output.")
@click.option("--expires", help="Lifetime of the new key; without, that of the old one.")
@click.option("--grace", help="Let the old key live so much longer, such as 10m.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON, without the secret.")
def rotate(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    out: Path | None,
    entry: str | None,
    key_id: str | None,
    show_once: bool,
    expires: str | None,
    grace: str | None,
    as_json: bool,
) -> None:
    """Replace a key: make, try and keep the new one, then end the old one.

    A reader of the file finds the old secret or the new one, and both work until the old one ends.
    """
    from esrag import keys as library
    from esrag.keeping import Keyring, SameFile, read_file, read_keyring

    grace_seconds = 0 if grace is None else _seconds(grace)
    if expires is not None:
        _seconds(expires)
    place: Place
    match _one_place(out, entry, show_once=show_once, as_json=as_json):
        case Path() as path:
            old, place = library.id_of(read_file(path)), SameFile(path)
        case str(name):
            secret = read_keyring(name)
            if secret is None:
                raise UsageError(f"the keyring has no entry {name} of esrag")
            old, place = library.id_of(secret), Keyring(name, replace=True)
        case _:
            if key_id is None:
                raise UsageError("with --show-once name the key to replace: --id ID")
            old, place = key_id, _Screen()
    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    made = library.rotate(
        connect_with(settings), old, expires=expires, grace_seconds=grace_seconds, place=place
    )
    _report_made(made, as_json=as_json)


@keys.command()
@connection_flags
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@click.option("--yes", is_flag=True, help="Revoke without asking.")
def revoke(
    *, set_name: str | None, elasticsearch_url: str | None, ids: tuple[str, ...], yes: bool
) -> None:
    """Make keys unusable at once; only keys that esrag made for this login."""
    from esrag import keys as library

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("there is nobody to ask here", hint="Revoke without asking: --yes")
        click.confirm(f"Revoke {len(ids)} keys?", abort=True, err=True)
    usable = library.revoke(connect_with(settings), ids)
    click.echo(f"{usable} revoked.")


@keys.command()
@connection_flags
@click.option(
    "--soon",
    "soon_days",
    type=click.IntRange(min=0),
    default=14,
    show_default=True,
    help="Days before its end at which a key expires soon.",
)
@click.option("--everybody", is_flag=True, help="Keys of all logins; needs read_security.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def audit(
    ctx: click.Context,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    soon_days: int,
    everybody: bool,
    as_json: bool,
) -> None:
    """Look for keys that never end, end soon, or differ from their role of today.

    Ends with 2 when something was found.
    """
    from esrag.cluster.api_keys import read_keys
    from esrag.key_audit import findings

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    read = read_keys(connect_with(settings), everybody=everybody, with_limits=True)
    looked_at = [key for key in read if set_name is None or key.set == set_name]
    found = findings(looked_at, now=_now(), soon_days=soon_days)
    if as_json:
        report = [
            {"id": f.key.id, "name": f.key.name, "problem": f.problem, "detail": f.detail}
            for f in found
        ]
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        for each in found:
            click.echo(f"{each.key.id}  {each.key.name}  {each.problem}: {each.detail}")
        click.echo(f"{len(looked_at)} keys, {len(found)} findings.", err=True)
    if found:
        ctx.exit(FOUND)


def _one_place(
    out: Path | None, entry: str | None, *, show_once: bool, as_json: bool
) -> Path | str | None:
    """Where the secret goes; None is the screen."""
    if (out is not None) + (entry is not None) + show_once != 1:
        raise UsageError(
            "say where the secret goes: one of --out FILE, --keyring ENTRY and --show-once"
        )
    if show_once and as_json:
        raise UsageError("--show-once prints the secret and --json never does: give one of them")
    return out if out is not None else entry


def _seconds(lifetime: str) -> int:
    """A lifetime in seconds; the server's own words for a wrong one speak of a field."""
    digits, unit = lifetime[:-1], lifetime[-1:]
    if not (digits.isascii() and digits.isdigit()) or int(digits) == 0 or unit not in _UNITS:
        raise UsageError(f"{lifetime!r} is no lifetime", hint="Such as 90d, 12h, 30m or 45s.")
    return int(digits) * _UNITS[unit]


def _query(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        query = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--filter is not JSON: {error}") from error
    if not isinstance(query, dict) or len(query) != 1:
        raise UsageError(
            "--filter is not a query",
            hint="""Such as '{"term": {"metadata.tenant": "acme"}}'.""",
        )
    return query


def _report_made(made: Made, *, as_json: bool) -> None:
    facts = {
        "id": made.id,
        "name": made.name,
        "role": made.role,
        "set": made.set,
        "expires": None if made.expires is None else _time(made.expires),
        "kept": dict(made.kept),
        "replaced": made.replaced or None,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    where = next(f"{kind} {name}" for kind, name in made.kept.items())
    ends = "never" if made.expires is None else _time(made.expires)
    click.echo(f"{made.name}  {made.id}  tried; ends {ends}; {where}", err=True)


def _as_json(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "set": None if key.set == "*" else key.set,
        "made": _time(key.created),
        "expires": None if key.expires is None else _time(key.expires),
        "version": key.version,
        "filtered": key.query is not None,
        "replaced_by": key.replaced_by or None,
    }


def _ends(key: ApiKey) -> str:
    if key.expires is None:
        return "never ends"
    days = (key.expires - _now()) // 86_400_000
    return "ended" if key.expires <= _now() else f"ends {_day(key.expires)}, in {days} days"


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()


def _now() -> int:
    return int(time.time() * 1000)
