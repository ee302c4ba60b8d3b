"""How an ingest ended: for a person, and as JSON with the same keys every time."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag import __version__
from esrag.cli.printable import printable
from esrag.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from esrag.cli.ingest_run import Ended
    from esrag.corpus.records import Rejected
    from esrag.indexing import PruneReport, Report
    from esrag.ledger import DeadLetter

SHOWN = 20  # rejected inputs listed on the terminal and in JSON; the dead letters are all of them
_RULES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run wrote to, for its report."""

    set_name: str
    index: str
    embedding: str
    model_id: str
    cluster: str
    elasticsearch: str


def require_writable(report: Path | None) -> None:
    """Raise UsageError before any work when there is no place for the report."""
    if report is not None and (report.is_dir() or not report.absolute().parent.is_dir()):
        raise UsageError(f"--report {report}: no file can be written there")


def show_end(
    ended: Ended,
    *,
    as_json: bool = False,
    in_a_line: bool = False,
    report_file: Path | None = None,
) -> None:
    """How the run ended, on the terminal and in the report's file.

    ``in_a_line`` is for many runs one after the other: a line of JSON each.
    """
    tell_of(ended.report)
    tell_pruned(ended.pruned)
    if as_json:
        click.echo(json.dumps(end_as_json(ended), indent=None if in_a_line else 2))
    else:
        show_report(ended.report)
    if report_file is not None:
        write_report(end_as_json(ended), report_file)


def show_report(report: Report) -> None:
    """The identity, with what was written; on standard output."""
    removed = f", {report.chunks_removed:,} removed" if report.chunks_removed else ""
    rate = report.chunks_written / max(report.seconds, 0.001)
    speed = f", {rate:,.0f} chunks/s" if report.chunks_written else ""
    click.echo(
        f"{report.counts}  ({report.chunks_written:,} chunks written{removed}, "
        f"{report.seconds:.1f} s{speed})"
    )


def tell_pruned(pruned: PruneReport | None) -> None:
    """What pruning removed, or why it did nothing."""
    if pruned is None:
        return
    if pruned.withheld:
        click.echo(f"Nothing was pruned: {one_line(pruned.withheld)}.", err=True)
    for each in pruned.origins:
        if each.removed:
            where = one_line(f"{each.origin}/{each.below}" if each.below else each.origin)
            click.echo(f"pruned {each.removed:,} of {each.held:,} documents: {where}", err=True)


def tell_of(report: Report) -> None:
    """What was rejected and skipped, and whether anything is open; on standard error."""
    tell_rejected(report.rejected, total=report.counts.rejected)
    tell_rules(report.skipped)
    if report.counts.open:
        click.echo("Not finished. The same command continues.", err=True)


def end_as_json(ended: Ended) -> dict[str, Any]:
    """All keys are there in every report, in this order."""
    report, place, sent, pruned = ended.report, ended.place, ended.sent, ended.pruned
    return {
        "run_id": report.run_id,
        "counts": asdict(report.counts),
        "chunks_written": report.chunks_written,
        "chunks_removed": report.chunks_removed,
        "tokens": report.tokens,
        "documents_pruned": pruned.documents if pruned else 0,
        "chunks_pruned": pruned.chunks if pruned else 0,
        "pruned": [asdict(each) for each in pruned.origins] if pruned else [],
        "pruning_withheld": (pruned.withheld or None) if pruned else None,
        "seconds": round(report.seconds, 3),
        "seconds_by_stage": {
            stage: round(seconds, 3) for stage, seconds in report.seconds_by_stage.items()
        },
        "sending": {
            "requests": sent.sent,
            "chunks_sent_again": sent.again,
            "seconds_waited": round(sent.waited, 3),
            "smallest_request": sent.smallest,
            "largest_request": sent.largest,
        },
        "rejected_by_code": in_order(report.rejected_by_code),
        "rejected": [letter.as_json() for letter in report.rejected[:SHOWN]],
        "skipped_by_rule": in_order(report.skipped),
        "dead_letters": str(report.dead_letters) if report.rejected else None,
        "letters_in_index": report.letters_in_index,
        "ledger": str(report.ledger),
        "set": place.set_name,
        "index": place.index,
        "embedding": place.embedding,
        "model": place.model_id,
        "cluster": place.cluster,
        "versions": {
            "esrag": __version__,
            "elasticsearch": place.elasticsearch,
            "python": platform.python_version(),
        },
    }


def write_report(facts: Mapping[str, Any], path: Path) -> None:
    """The JSON report as a file, whole or not at all."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        os.replace(draft, path)  # noqa: PTH105 - Path.replace would not name both
    except OSError as error:
        raise UnavailableError(f"the report cannot be written to {path}: {error}") from error


def tell_rejected(rejected: Sequence[DeadLetter], *, total: int) -> None:
    """The first rejected inputs, a line each, with place and reason."""
    for each in rejected[:SHOWN]:
        tell_rejection(each)
    if total > SHOWN:
        click.echo(f"… and {total - SHOWN:,} more", err=True)


def tell_rejection(each: DeadLetter | Rejected) -> None:
    """One rejected input: where and why."""
    is_elsewhere = each.uri and not each.uri.startswith("file:")  # then path was a copy of it
    where = one_line(f"{each.uri if is_elsewhere else each.path} {each.place}")
    why = one_line(f"{each.reason} ({each.code})")
    click.echo(f"{click.style('rejected', fg='yellow')} {where}: {why}", err=True)


def tell_rules(rules: Mapping[str, int]) -> None:
    """How many inputs each rule skipped, most first."""
    for rule, count in list(in_order(rules).items())[:_RULES_SHOWN]:
        click.echo(f"skipped {count:,}: {one_line(rule)}", err=True)
    if len(rules) > _RULES_SHOWN:
        click.echo(f"… and {len(rules) - _RULES_SHOWN} more rules", err=True)


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """Most first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def one_line(text: str) -> str:
    """``text`` in one line, without what steers a terminal."""
    return " ".join(printable(text.encode("utf-8", "replace").decode("utf-8")).split())
