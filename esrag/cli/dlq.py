"""``esrag dlq``: the dead letters of a document set, in this data folder and in the cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.asking import ask_or_refuse
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.ingest_report import one_line
from esrag.errors import RejectedError, UnavailableError, UsageError

if TYPE_CHECKING:
    from esrag.dead_letters.box import Letter, LetterBox
    from esrag.settings import Settings

_SHOWN_ID = 12
_LISTED = 200

local_flag = click.option(
    "--local", is_flag=True, help="Only the letters of this data folder; asks no cluster."
)
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_code_flag = click.option("--code", metavar="CODE", help="Only letters with this reason code.")
_run_flag = click.option("--run", "run_id", metavar="ID", help="Only letters of this run.")
_ids = click.argument("ids", nargs=-1, metavar="[ID]…")


@click.group()
def dlq() -> None:
    """Dead letters: what was rejected, why, and what to do with it.

    A letter is here when an input was rejected by ingest, or when another producer's document was
    refused by the intake pipeline. It goes when its input is indexed.
    """


@dlq.command("ls")
@connection_flags
@_code_flag
@_run_flag
@local_flag
@_json_flag
def list_letters(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    code: str | None,
    run_id: str | None,
    local: bool,
    as_json: bool,
) -> None:
    """Count the letters by reason; with --code or --run, list each."""
    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    box = _box(settings, local=local)
    with _or_local():
        if code or run_id:
            letters = _selected(box, (), code=code, run_id=run_id)
            if as_json:
                click.echo(json.dumps([each.as_json() for each in letters], indent=2))
            else:
                _show_list(letters)
        else:
            _show_groups(box, as_json=as_json)
    _tell_unread(box)


@dlq.command()
@connection_flags
@_ids
@local_flag
@_json_flag
def show(
    ids: tuple[str, ...],
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    local: bool,
    as_json: bool,
) -> None:
    """Show letters whole; an id may be cut short."""
    if not ids:
        raise click.UsageError("Name the letters: ids as esrag dlq ls --code CODE shows them.")
    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    with _or_local():
        letters = _selected(_box(settings, local=local), ids, whole=True)
    if as_json:
        click.echo(json.dumps([each.as_json() for each in letters], indent=2))
        return
    for letter in letters:
        _show_whole(letter)


@dlq.command()
@connection_flags
@_ids
@_code_flag
@_run_flag
@click.option("--all", "all_of_them", is_flag=True, help="All letters of the document set.")
@_json_flag
def retry(
    ids: tuple[str, ...],
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    code: str | None,
    run_id: str | None,
    all_of_them: bool,
    as_json: bool,
) -> None:
    """Try again: inputs of this data folder are ingested, other producers' documents sent again.

    Letters whose input is settled go away; what is rejected again gets a new letter.
    """
    _require_selection(ids, code, run_id, all_of_them)
    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    from esrag.cli.dlq_retry import retry_letters

    box = _box(settings, local=False)
    letters = _selected(box, ids, code=code, run_id=run_id, whole=True)
    outcome = retry_letters(settings, box, letters)
    if as_json:
        click.echo(json.dumps(outcome.as_json(), indent=2))
    else:
        click.echo(outcome.in_words())
    if outcome.left:
        of_set = f" --set {set_name}" if set_name else ""
        raise RejectedError(
            f"{_letters(outcome.left)} left", hint=f"Look at them: esrag dlq ls{of_set}"
        )


@dlq.command()
@connection_flags
@_ids
@_code_flag
@_run_flag
@click.option("--all", "all_of_them", is_flag=True, help="All letters of the document set.")
@local_flag
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json_flag
def purge(
    ids: tuple[str, ...],
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    code: str | None,
    run_id: str | None,
    all_of_them: bool,
    local: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove letters without trying again. A producer's document in one is lost with it."""
    _require_selection(ids, code, run_id, all_of_them)
    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    box = _box(settings, local=local)
    letters = _selected(box, ids, code=code, run_id=run_id)
    foreign = sum(not each.is_ours for each in letters)
    if letters and not yes:
        if foreign:
            words = f"{foreign:,} of them hold the only copy of a producer's document."
            click.echo(words, err=True)
        ask_or_refuse(f"Remove {_letters(len(letters))}?", command="dlq purge")
    removed = box.remove(letters)
    if as_json:
        click.echo(json.dumps({"removed": removed}))
    else:
        click.echo(f"{_letters(removed)} removed.")
    _tell_unread(box)


def _box(settings: Settings, *, local: bool) -> LetterBox:
    from esrag.cli.ingest_target import letter_folder
    from esrag.cluster.dead_letters import LetterIndex
    from esrag.dead_letters.box import LetterBox
    from esrag.names import Names

    alias = Names(settings.index.set).alias
    index = None if local else LetterIndex(connect_with(settings), alias)
    return LetterBox(letter_folder(settings), index)


@contextmanager
def _or_local() -> Iterator[None]:
    """Where the cluster is away, say that the letters of this data folder can be had without it."""
    try:
        yield
    except UnavailableError as error:
        hint = f"{error.hint} The letters of this data folder alone: --local".strip()
        raise UnavailableError(error.message, hint=hint) from error


def _selected(
    box: LetterBox,
    ids: Sequence[str],
    *,
    code: str | None = None,
    run_id: str | None = None,
    whole: bool = False,
) -> list[Letter]:
    """Letters by the beginnings of their ids, reason code and run; UsageError for unknown ids."""
    met: set[str] = set()
    found: list[Letter] = []
    for letter in box.read(with_documents=whole):
        begins = [each for each in ids if letter.id.startswith(each)]
        met.update(begins)
        if ids and not begins:
            continue
        if (not code or letter.code == code) and (not run_id or letter.run_id == run_id):
            found.append(letter)
    unknown = [each for each in ids if each not in met]
    if unknown:
        _tell_unread(box)
        raise UsageError(f"no letter begins with {', '.join(unknown)}", hint="esrag dlq ls")
    return found


def _require_selection(
    ids: tuple[str, ...], code: str | None, run_id: str | None, all_of_them: bool
) -> None:
    if bool(ids or code or run_id) == all_of_them:
        raise click.UsageError("Name letters by ID, --code or --run; or say --all.")


def _show_groups(box: LetterBox, *, as_json: bool) -> None:
    groups: dict[str, list[Any]] = {}
    for letter in box.read():
        group = groups.setdefault(letter.code, [0, letter])
        group[0] += 1
    ordered = sorted(groups.items(), key=lambda each: (-each[1][0], each[0]))
    if as_json:
        facts = [
            {"code": code, "letters": count, "example": letter.as_json()}
            for code, (count, letter) in ordered
        ]
        click.echo(json.dumps(facts, indent=2))
        return
    if not ordered:
        click.echo(f"No dead letters of {box.alias}.")
    width = max((len(code) for code, _ in ordered), default=0)
    for code, (count, letter) in ordered:
        click.echo(f"{count:>7,}  {code:<{width}}  {one_line(letter.where)}: {_why(letter)}")


def _show_list(letters: Sequence[Letter]) -> None:
    if not letters:
        click.echo("No such letters.")
    for letter in letters[:_LISTED]:
        head = click.style(letter.id[:_SHOWN_ID], fg="blue")
        click.echo(f"{head}  {one_line(letter.where)}: {_why(letter)} ({letter.code})")
    if len(letters) > _LISTED:
        click.echo(f"… and {len(letters) - _LISTED:,} more; all of them: --json", err=True)


def _show_whole(letter: Letter) -> None:
    click.secho(letter.id, bold=True)
    for name, value in letter.as_json().items():
        if name == "id" or value in ("", 0, None, {}):
            continue
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"  {name:<12} {one_line(shown)}")
    click.echo()


def _tell_unread(box: LetterBox) -> None:
    if box.refused is not None:
        click.echo(
            "Letters that only esrag-dlq has are not shown: these credentials may not read it. "
            "The setup role may.",
            err=True,
        )
    for place in box.unreadable:
        click.echo(f"no letter, left as it is: {one_line(place)}", err=True)


def _why(letter: Letter) -> str:
    reason = one_line(letter.reason)
    return f"{reason[:160]}…" if len(reason) > 160 else reason


def _letters(number: int) -> str:
    return f"{number:,} letter" if number == 1 else f"{number:,} letters"
