"""``esrag doctor``: examine the whole set-up, and say what is wrong and what to do next."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from esrag.cli.connection import api_key_of, connect_with, connection_flags, settings_from
from esrag.cli.printable import printable
from esrag.errors import EsragError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esrag.doctor.case import Case
    from esrag.doctor.findings import Finding, Report
    from esrag.generation.generator import Generator
    from esrag.roles import RoleName
    from esrag.settings import Settings
    from esrag.types import Hit

GROUP_NAMES = (
    "connection",
    "credentials",
    "licence",
    "cluster",
    "model",
    "objects",
    "documents",
    "endpoints",
    "generator",
    "machine",
)
_COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "red"}
_MARGIN = " " * 10
NOT_LOOKED_AT = "not-looked-at"
_NOT_LOOKED_AT = "not looked at, "
_WIDEST = 110


@click.command()
@connection_flags
@click.option(
    "--only",
    "groups",
    multiple=True,
    type=click.Choice(GROUP_NAMES),
    help="Look at this group only; can be given several times.",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    default=("setup",),
    show_default=True,
    type=click.Choice(("setup", "ingest", "search", "app", "eval")),
    help="Whose privileges the credentials are to have; can be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def doctor(
    ctx: click.Context,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    groups: tuple[str, ...],
    roles: tuple[RoleName, ...],
    as_json: bool,
) -> None:
    """Examine cluster, models, generator and this machine; change nothing.

    Ends with 0 when there is no error, otherwise with the exit code of the first error, the cause
    of those after it.
    """
    from esrag.doctor.checks import CHECKS
    from esrag.doctor.examination import examine

    try:
        settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    except UsageError as error:
        report = _unusable(error)
    else:
        with _watching(quiet=as_json) as watch:
            report = examine(
                case_from(settings, roles), CHECKS, only=groups or GROUP_NAMES, watch=watch
            )
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        _show(report)
    ctx.exit(report.exit_code)


def case_from(settings: Settings, roles: tuple[RoleName, ...] = ("setup",)) -> Case:
    """What there is to examine, by the settings."""
    from esrag.answering.assembly import calibration_file
    from esrag.cli.assembly import retriever_from
    from esrag.cli.planning import choices_from
    from esrag.doctor.case import Case
    from esrag.types import Query

    def retrieve(question: str) -> Sequence[Hit]:
        with retriever_from(settings, connect_with(settings)) as retriever:
            return retriever.retrieve(Query(question, 3)).hits

    return Case(
        settings=settings,
        choices=choices_from(settings),
        connect=lambda: connect_with(settings),
        generator=_generator_from(settings),
        calibration_file=calibration_file(settings),
        read_key=lambda: api_key_of(settings.elasticsearch),
        retrieve=retrieve,
        roles=roles,
    )


def _generator_from(settings: Settings) -> Generator:
    """The generator, asked once: what passes by itself is a finding too."""
    from esrag.cluster.client import authorization_of
    from esrag.generation.generator import Generator
    from esrag.generator_place import place_from

    login = ""
    if settings.generator.protocol == "elasticsearch":
        with suppress(EsragError):  # what is wrong with the cluster's own credentials is told apart
            login = authorization_of(connect_with(settings))
    return Generator(replace(place_from(settings, elasticsearch_authorization=login), tries=1))


def _unusable(error: UsageError) -> Report:
    """The report when there are no settings to go by."""
    from esrag.doctor.findings import Report, found

    finding = found("settings-unusable", "settings", error.message, error.hint)
    return Report((replace(finding, group="connection"),))


@contextmanager
def _watching(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Shows a person what is looked at just now."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("looking") as line:
        yield lambda name: line.update(f"looking at {name}")


def _show(report: Report) -> None:
    group = ""
    shown = [finding for finding in report.findings if finding.code != NOT_LOOKED_AT]
    for finding in shown:
        if finding.group != group:
            group = finding.group
            click.secho(group.capitalize(), bold=True)
        _show_finding(finding)
    _show_not_looked_at([f for f in report.findings if f.code == NOT_LOOKED_AT])
    click.echo()
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    summary = textwrap.fill(_summary(report), max(40, width), break_on_hyphens=False)
    click.secho(summary, bold=True)


def _show_not_looked_at(findings: Sequence[Finding]) -> None:
    """The checks that were not run, those for one reason together."""
    checks: dict[str, list[str]] = {}
    for finding in findings:
        checks.setdefault(finding.what, []).append(finding.where)
    if checks:
        click.secho("Not looked at", bold=True)
    for why, names in checks.items():
        label = click.style("  note    ", fg=_COLOURS["note"])
        lines = _wrapped(printable(f"{', '.join(names)}: {why.removeprefix(_NOT_LOOKED_AT)}"))
        click.echo(label + "\n".join(lines).lstrip())


def _show_finding(finding: Finding) -> None:
    label = click.style(f"  {finding.severity:<8}", fg=_COLOURS[finding.severity])
    first, *more = printable(f"{finding.where}: {finding.what}").splitlines()
    lines = _wrapped(first)
    for line in more:
        lines += _wrapped(f"  {line}")
    click.echo(f"{label}{lines[0].strip()}")
    for line in lines[1:]:
        click.echo(line)
    if finding.next and finding.severity != "ok":
        for number, line in enumerate(_wrapped(printable(finding.next), hang="  ")):
            click.echo(f"{_MARGIN}→ {line.strip()}" if number == 0 else line)
    if finding.severity in ("warning", "error"):
        click.secho(f"{_MARGIN}[{finding.code}]", dim=True)


def _wrapped(text: str, *, hang: str = "") -> list[str]:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(
        text.strip(),
        max(40, width),
        initial_indent=_MARGIN + indent + hang,
        subsequent_indent=_MARGIN + indent + hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [_MARGIN]


def _summary(report: Report) -> str:
    counts = [
        f"{number} {severity}{'s' if number > 1 else ''}"
        for severity in ("error", "warning", "note")
        if (number := len(report.of(severity)))
    ]
    if report.exit_code == 0 and not report.of("warning"):
        hidden = any(finding.code == NOT_LOOKED_AT for finding in report.findings)
        verdict = "Nothing wrong was found where could be looked" if hidden else "Nothing is wrong"
        return f"{verdict} ({', '.join(counts)})." if counts else f"{verdict}."
    first = next(iter(report.of("error")), None)
    text = f"{', '.join(counts)}."
    return text + (f" Begin with {first.code}: {first.where}." if first else "")
