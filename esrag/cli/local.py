"""``esrag local``: the stack for a desk and for CI, started, shown and ended.

Steps are talk and go to standard error; addresses and tables are data.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esrag.cli.coverage import coverage
from esrag.errors import UnsupportedError, UsageError
from esrag.settings import environment, load_settings

if TYPE_CHECKING:
    from esrag.local.inspection import MemberStatus
    from esrag.local.layout import Layout

_NAMES = ("elasticsearch", "mlnode", "tgi")
_TIERS = ("basic", "platinum", "enterprise")
_NOT_RUNNING = 4
_software_option = click.option(
    "--software",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for downloads and unpacked programs; several stacks may share one.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
@click.pass_context
def local(context: click.Context) -> None:
    """Start and stop the local stack.

    Three servers on loopback: a real Elasticsearch with the plugins of esrag, the process that
    executes its trained models, and a server with the API of Text Generation Inference.
    """
    if context.invoked_subcommand == "coverage":
        return  # it reads what the package holds
    try:
        import jgo  # noqa: F401
        import psutil  # noqa: F401
    except ImportError as error:
        raise UnsupportedError(
            f"the local stack needs the package {error.name}",
            hint="Install it: pip install 'esrag[local]'",
        ) from error


local.add_command(coverage)


@local.command()
@click.option("--only", "names", type=click.Choice(_NAMES), multiple=True, help="Start only this.")
@click.option(
    "--timeout", default=300.0, show_default=True, help="Seconds until all must be ready."
)
@click.option(
    "--tier",
    type=click.Choice(_TIERS),
    help="Refuse what a cluster of this subscription refuses; new stacks are enterprise.",
)
@click.option("--fast-start", is_flag=True, help="Compile less: starts quicker, runs slower.")
@click.option("--force", is_flag=True, help="Do not check memory and disk.")
@_software_option
@_json_option
def up(
    names: tuple[str, ...],
    timeout: float,
    tier: str | None,
    fast_start: bool,
    force: bool,
    software: Path | None,
    as_json: bool,
) -> None:
    """Start the stack, or repair it.

    Whatever runs well is left alone.  The first start downloads Elasticsearch (132 MB), unpacks
    it and compiles the plugins; that takes a minute or two more.
    """
    from esrag.local import stack
    from esrag.local.launching import Launcher

    settings = load_settings()
    layout = _layout(settings.data_dir, software)
    began = time.monotonic()
    launcher = Launcher(
        layout=layout,
        settings=settings.local,
        environment=environment(),
        reporter=_Talk(),
        fast_start=fast_start,
        tier=tier,
    )
    members = [name for name in _NAMES if name in names] or list(_NAMES)
    statuses = stack.up(launcher, members=members, timeout=timeout, force=force)
    seconds = time.monotonic() - began
    if as_json:
        _print_json(statuses)
        return
    for status in statuses:
        if status.url:
            click.echo(f"{status.name:<14} {status.url}")
    _say(f"\nUp after {seconds:.1f} s. User elastic; its password is in {layout.connection_file}.")
    _say('Next: `esrag setup`, `esrag ingest PATH`, `esrag ask "…"`.  Stop: `esrag local down`')


@local.command()
def down() -> None:
    """Stop the stack; its data stays."""
    from esrag.local import stack

    ended = stack.down(_layout(load_settings().data_dir))
    _say(f"Stopped {ended} processes; the data stays." if ended else "Nothing was running.")


@local.command()
@_json_option
def status(as_json: bool) -> int:
    """Show each server: is it well, where, since when.

    The exit code is 0 when all of them run, else 4.
    """
    from esrag.local.inspection import inspect

    statuses = inspect(_layout(load_settings().data_dir))
    if as_json:
        _print_json(statuses)
    else:
        _print_table(statuses)
    return 0 if all(one.condition == "running" for one in statuses) else _NOT_RUNNING


@local.command(name="logs")
@click.argument("name", type=click.Choice(_NAMES))
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines from the end.")
@click.option("-f", "--follow", is_flag=True, help="Go on printing until ^C.")
def show_logs(name: str, lines: int, follow: bool) -> None:
    """Print the end of the log of NAME."""
    from esrag.local import logs

    log = _layout(load_settings().data_dir).log(name)
    if not log.is_file() and not follow:
        raise UsageError(f"{name} has no log yet: {log}", hint="Start it: esrag local up")
    for line in logs.tail(log, lines):
        click.echo(line)
    if follow:
        for line in logs.follow(log):
            click.echo(line)


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--software", is_flag=True, help="Also remove downloads and unpacked programs.")
def reset(yes: bool, software: bool) -> None:
    """Stop the stack and remove its data: indices, users, trained models, adapters."""
    from esrag.local import stack

    layout = _layout(load_settings().data_dir)
    if not yes:
        click.confirm(f"Remove all data of the stack in {layout.root}?", abort=True, err=True)
    stack.reset(layout, software=software)
    _say(f"Removed the data of the stack in {layout.root}.")


def _layout(data_dir: Path, software: Path | None = None) -> Layout:
    from esrag.local.layout import Layout

    return Layout(
        root=(data_dir / "local").resolve(),
        shared_software=software.resolve() if software else None,
    )


def _print_json(statuses: Sequence[MemberStatus]) -> None:
    click.echo(json.dumps([asdict(status) for status in statuses], indent=2))


def _print_table(statuses: Sequence[MemberStatus]) -> None:
    from rich.console import Console
    from rich.table import Table

    colours = {"running": "green", "starting": "yellow", "stopped": "dim"}
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("Name", "State", "Process", "Port", "Memory", "Since", "Address"):
        table.add_column(heading, no_wrap=True)
    for one in statuses:
        table.add_row(
            one.name,
            f"[{colours.get(one.condition, 'red')}]{one.condition}[/]",
            ", ".join(map(str, one.pids.values())),
            str(one.port or ""),
            f"{one.memory / 1e6:.0f} MB" if one.memory else "",
            time.strftime("%d %b %H:%M:%S", time.localtime(one.started)) if one.started else "",
            one.url,
        )
    Console(width=max(Console().width, 110)).print(table)
    for one in statuses:
        if one.tier:
            click.echo(f"\nTier: {one.tier}")
        if one.adapters:
            click.echo(f"Adapters: {', '.join(one.adapters)}")
    for one in statuses:
        if one.detail and one.condition != "running":
            _say(f"{one.name}: {one.detail}. Its log: esrag local logs {one.name}")
    if any(one.condition == "dead" for one in statuses):
        _say("Repair with: esrag local up")


def _say(text: str) -> None:
    click.echo(text, err=True)


class _Talk:
    """Tells the steps on standard error, each with its time."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False)

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show a spinner while the step lasts, and its time afterwards."""
        began = time.monotonic()
        with self._console.status(f"{doing} …"):
            yield
        self.done(doing, time.monotonic() - began)

    def done(self, what: str, seconds: float) -> None:
        """Print a line with the time it took."""
        self._console.print(f"  {seconds:6.1f} s  {what}", soft_wrap=True)

    @contextmanager
    def download(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Show a bar on a terminal, and the time afterwards."""
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TransferSpeedColumn,
        )

        began = time.monotonic()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
        )
        seen = self._console.is_terminal
        with Progress(
            *columns, console=self._console, transient=True, disable=not seen
        ) as progress:
            task = progress.add_task(f"  downloading {name}", total=size)
            yield lambda length: progress.advance(task, length)
        self.done(f"downloaded {name} ({size / 1e6:.0f} MB)", time.monotonic() - began)

    def note(self, text: str) -> None:
        """Print a line of its own."""
        self._console.print(f"            {text}", soft_wrap=True)
