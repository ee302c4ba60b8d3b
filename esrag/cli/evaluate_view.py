"""How measured retrieval looks on a terminal: a column for each system, then the differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from esrag.cli.figure_table import echo_table
from esrag.cli.printable import one_line, printable

if TYPE_CHECKING:
    from esrag.evaluation.records import Comparison, Estimate
    from esrag.evaluation.retrieval_run import Result

_SHOWN_ERRORS = 3


def show_result(result: Result) -> None:
    """The figures with their intervals; remarks go to standard error."""
    from esrag.evaluation.gates import in_words
    from esrag.evaluation.judged_folder import counted

    judged = result.judged
    split = f", split {judged.split}" if judged.split else ""
    questions = counted(len(judged.qrels), "question")
    click.secho(f"{one_line(judged.name)}{split}: {questions}", bold=True)
    estimates = {(each.measure, each.system): each for each in result.comparisons.estimates}
    systems = list(result.scored)
    rows = [["", *(one_line(name, 40) for name in systems)]]
    for measure in result.measures:
        cells = [_estimate(estimates[measure.name, name]) for name in systems]
        rows.append([measure.name, *cells])
    if result.seconds:
        seconds = [
            f"{result.seconds[name]:.3f}" if name in result.seconds else "–" for name in systems
        ]
        rows.append(["seconds, median", *seconds])
    echo_table(rows)
    click.echo("Means with 95 % intervals.")
    pairs = [
        each
        for each in result.comparisons.pairs
        if each.baseline == result.comparisons.baseline and each.measure == result.measures[0].name
    ]
    if pairs:
        click.secho(f"\n{result.measures[0].name} against {one_line(pairs[0].baseline)}", bold=True)
        heads = ["", "difference", "p", "corrected", "better", "equal", "worse", "detectable"]
        echo_table([heads, *map(_pair, pairs)])
        for pair in pairs:
            if pair.note:
                click.echo(f"{one_line(pair.contender)}: {pair.note}")
    for gate in result.gates:
        click.echo(one_line(in_words(gate), 1000))
    for note in result.notes:
        click.echo(f"{printable(note)}.", err=True)
    show_failures(result)


def show_failures(result: Result) -> None:
    """The first failures of each system."""
    for system, failed in result.failed.items():
        click.echo(f"{one_line(system)}: {len(failed):,} failed and count 0:", err=True)
        for question, error in list(failed.items())[:_SHOWN_ERRORS]:
            click.echo(f"  {one_line(question, 60)}: {one_line(error, 200)}", err=True)
        if len(failed) > _SHOWN_ERRORS:
            click.echo("  …", err=True)


def result_record(result: Result, folder: str) -> dict[str, Any]:
    """The same for programs; the metrics of each question are in the folder."""
    judged = result.judged
    return {
        "judged": {
            "name": judged.name,
            "split": judged.split,
            "questions": len(judged.qrels),
        },
        "baseline": result.comparisons.baseline,
        "systems": {
            system: {
                "measures": {
                    each.measure: {
                        "mean": each.value,
                        "low": each.low,
                        "high": each.high,
                        "questions": each.questions,
                        "abstained": each.abstained,
                    }
                    for each in result.comparisons.estimates
                    if each.system == system
                },
                "seconds": result.seconds.get(system),
                "failed": dict(result.failed.get(system, {})),
            }
            for system in result.scored
        },
        "differences": [
            {
                "baseline": each.baseline,
                "contender": each.contender,
                "measure": each.measure,
                "questions": each.questions,
                "difference": each.difference,
                "low": each.low,
                "high": each.high,
                "test": each.test,
                "p": each.p_value,
                "corrected": each.corrected,
                "detectable": each.detectable,
                "better": each.wins,
                "equal": each.ties,
                "worse": each.losses,
            }
            for each in result.comparisons.pairs
        ],
        "gates": [
            {
                "system": each.system,
                "measure": each.measure,
                "allowed": each.allowed,
                "met": each.met,
                "low": each.low,
                "why": each.why,
            }
            for each in result.gates
        ],
        "notes": list(result.notes),
        "folder": folder,
    }


def _estimate(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _pair(pair: Comparison) -> list[str]:
    return [
        one_line(pair.contender, 40),
        f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]",
        f"{pair.p_value:.2g}",
        "–" if pair.corrected is None else f"{pair.corrected:.2g}",
        str(pair.wins),
        str(pair.ties),
        str(pair.losses),
        "–" if pair.detectable is None else f"{pair.detectable:.3f}",
    ]
