"""``esrag questions list``, ``show`` and ``check``: what sets there are, and whether they hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.ingest_report import one_line
from esrag.errors import RejectedError, UsageError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.evaluation.question_sets.checking import Finding
    from esrag.evaluation.question_sets.records import SetQuestion

Command = TypeVar("Command", bound=Callable[..., Any])
_SHOWN = 40
_STATUSES = click.Choice(("reviewed", "rejected", "open"))
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def choosing_flags(command: Command) -> Command:
    """Add the flags that choose questions of a set: ``--type``, ``--split`` and ``--status``."""
    for option in (
        click.option(
            "--status", type=_STATUSES, help="Only with this word of a reviewer, or none."
        ),
        click.option("--split", metavar="NAME", help="Only of this split."),
        click.option("--type", "types", metavar="NAME", multiple=True, help="Only of this type."),
    ):
        command = option(command)
    return command


def chosen(
    questions: Sequence[SetQuestion],
    *,
    types: Sequence[str],
    split: str | None,
    status: str | None,
) -> list[SetQuestion]:
    """The questions that these flags leave."""
    return [
        each
        for each in questions
        if (not types or each.type in types)
        and (split is None or each.split == split)
        and (status is None or each.status == status.replace("open", ""))
    ]


@click.command("list")
@_json_flag
def list_sets(*, as_json: bool) -> None:
    """List the question sets of this data folder."""
    from esrag.evaluation.question_sets.folder import FOLDER, QUESTIONS, read_card

    folder = settings_from().data_dir / FOLDER
    found: list[dict[str, Any]] = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (place / QUESTIONS).is_file():
            found.append({"name": place.name, **_headline(place / QUESTIONS, read_card(place))})
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("There are none. Make one: esrag questions build", err=True)
    for each in found:
        name = one_line(each["name"])
        if "error" in each:
            click.echo(f"{'damaged':>9}  {name}  {one_line(each['error'])}")
            continue
        told = f"{each['reviewed']:,} reviewed, {each['rejected']:,} rejected"
        click.echo(f"{each['questions']:>9,}  {name}  ({one_line(each['from'])}; {told})")


@click.command(short_help="Show the card of a question set, and questions of it.")
@click.argument("name")
@choosing_flags
@click.option("--id", "wanted", metavar="ID", help="The question whose id begins so, whole.")
@click.option(
    "-n", "count", type=click.IntRange(0), default=10, show_default=True, help="How many."
)
@_json_flag
def show(
    name: str,
    *,
    types: tuple[str, ...],
    split: str | None,
    status: str | None,
    wanted: str | None,
    count: int,
    as_json: bool,
) -> None:
    """Show the question set NAME: how many of what, and some of its questions."""
    from esrag.evaluation.question_sets.building import counts_of
    from esrag.evaluation.question_sets.folder import question_file, read_card
    from esrag.evaluation.question_sets.records import as_record, read_set

    file = question_file(settings_from().data_dir, name)
    every = read_set(file)
    found = [
        each
        for each in chosen(every, types=types, split=split, status=status)
        if wanted is None or each.id.startswith(wanted)
    ]
    if wanted and not found:
        raise UsageError(f"{file} has no question whose id begins with {wanted}")
    shown = list(islice(found, 1 if wanted else count))
    card = read_card(file.parent) | {"questions": len(every), "by_type": counts_of(every)}
    if as_json:
        lines = [as_record(each) for each in shown]
        click.echo(json.dumps({"card": card, "questions": lines}, indent=2, ensure_ascii=False))
        return
    if not wanted:
        show_counts(card)
    for each in shown:
        _show_question(each)


@click.command(short_help="Check that a question set holds, beside the index.")
@connection_flags
@click.argument("name")
@click.option("--acl", metavar="NAME", multiple=True, help="A reader it may be for; else as built.")
@click.option(
    "--not-in", metavar="DATASET", multiple=True, help="It may share nothing with this data set."
)
@click.option("--offline", is_flag=True, help="Look at the file alone; ask no cluster.")
@_json_flag
def check(
    name: str,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    acl: tuple[str, ...],
    not_in: tuple[str, ...],
    offline: bool,
    as_json: bool,
) -> None:
    """Check the question set NAME: its questions, their evidence, and what should have no answer.

    Ends with exit code 3 and a list when something does not hold: evidence that is gone or not
    within one chunk, answers that their evidence does not say, doubles, or questions without an
    answer that a passage may answer after all. Rules see words, not meaning.
    """
    from esrag.evaluation.question_sets.checking import (
        findings_beside_training,
        findings_within,
    )
    from esrag.evaluation.question_sets.folder import question_file, read_card
    from esrag.evaluation.question_sets.overlap import Trained
    from esrag.evaluation.question_sets.records import read_set
    from esrag.examples.folder import examples_file
    from esrag.names import Names

    settings = settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url)
    file = question_file(settings.data_dir, name)
    questions = read_set(file)
    if not questions:
        raise UsageError(f"{file} holds no questions")
    findings = list(findings_within(questions))
    trained = Trained(examples_file(settings.data_dir, each) for each in not_in)
    findings += findings_beside_training(questions, trained)
    if not offline:
        made_of = read_card(file.parent).get("made_of", {})
        readers = acl or settings.dataset.acl or tuple(made_of.get("acl", ()))
        with connect_with(settings) as client:
            index = Names(settings.index.set).alias
            findings += _beside(client, questions, index, readers)
    _report(file, findings, as_json=as_json)


def show_counts(card: Mapping[str, Any]) -> None:
    """Questions by type and split, and what was left out."""
    splits = sorted({split for counts in card["by_type"].values() for split in counts})
    click.echo(f"{'':14}" + "".join(f"{one_line(split) or '-':>13}" for split in splits))
    for kind, counts in card["by_type"].items():
        numbers = "".join(f"{counts.get(split, 0):>13,}" for split in splits)
        click.echo(f"{one_line(kind):14}" + numbers)
    for what, counts in (
        ("Chunks not used", card.get("chunks_left_out")),
        ("Left out", card.get("questions_dropped")),
    ):
        if counts:
            click.echo(f"{what}:")
        for name, number in (counts or {}).items():
            click.echo(f"{number:>9,}  {one_line(name)}")


def _headline(file: Path, card: Mapping[str, Any]) -> dict[str, Any]:
    from esrag.evaluation.question_sets.records import read_set

    made_of = card.get("made_of", {})
    origin = card.get("imported", "") or f"set {made_of.get('set', '?')}"
    try:
        questions = read_set(file)
    except UsageError as error:
        return {"folder": str(file.parent), "error": error.message}
    statuses = Counter(each.status for each in questions)
    return {
        "folder": str(file.parent),
        "questions": len(questions),
        "reviewed": statuses["reviewed"],
        "rejected": statuses["rejected"],
        "from": str(origin),
    }


def _show_question(each: SetQuestion) -> None:
    click.echo()
    told = ", ".join(filter(None, (each.type, each.split, each.status)))
    click.secho(f"{one_line(each.id)}  {one_line(told)}", bold=True)
    click.echo(f"  Q  {one_line(each.question)}")
    if each.answerable is False:
        click.echo(f"  A  none. {one_line(str(each.other.get('why', '')))}")
    elif each.answer or each.answer_groups:
        forms = " and ".join(" | ".join(forms) for forms in each.answer_groups)
        click.echo(f"  A  {one_line(each.answer)}" + (f"  [{one_line(forms)}]" if forms else ""))
    for evidence in each.evidence:
        click.secho(f"  {one_line(evidence.document_id)}: {one_line(evidence.quote)}", dim=True)
        for other in evidence.also:
            click.secho(f"    also {one_line(other.document_id)}", dim=True)
    if each.note:
        click.echo(f"  Note: {one_line(each.note)}")


def _beside(
    client: Elasticsearch, questions: tuple[SetQuestion, ...], index: str, acl: tuple[str, ...]
) -> Iterator[Finding]:
    """What the index says of the questions, read with the caller's rights."""
    from esrag.evaluation.question_sets.checking import findings_beside_index
    from esrag.examples.reading import passages_beside

    refused: set[str] = set()
    passages = passages_beside(
        client, index, acl=acl, forbidden=lambda chunk: refused.add(chunk.document_id)
    )
    return findings_beside_index(questions, passages, not_allowed=refused)


def _report(file: Path, findings: list[Finding], *, as_json: bool) -> None:
    wrong = len({finding.question for finding in findings})
    if as_json:
        listed = [
            {"question": each.question, "what": each.what, "detail": each.detail}
            for each in findings
        ]
        click.echo(json.dumps({"file": str(file), "findings": listed}, indent=2))
    else:
        for what, count in sorted(Counter(each.what for each in findings).items()):
            click.echo(f"{count:>7,}  {what}")
        for each in findings[:_SHOWN]:
            click.echo(f"         {one_line(each.question)}  {each.what}: {one_line(each.detail)}")
        if len(findings) > _SHOWN:
            click.echo("         …  --json lists all")
    if findings:
        raise RejectedError(
            f"{wrong:,} of the questions of {file} do not hold",
            hint="Look at them: esrag questions show NAME --id ID; mend or reject them: "
            "esrag questions review NAME",
        )
    if not as_json:
        click.echo("Every question holds.")
