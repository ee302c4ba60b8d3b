"""``esrag evaluate``: how well retrievers find what judged questions ask for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from esrag.cli.connection import connection_flags, settings_from
from esrag.cli.evaluate_asking import RERANKED
from esrag.errors import RejectedError, UsageError

KINDS = ("lexical", "semantic", "hybrid", "linear", "sparse")
USUAL = ("lexical", "semantic", "hybrid", "linear")


@click.command()
@connection_flags
@click.option("--split", metavar="NAME", help="Judgements to use: qrels/NAME.tsv. [test]")
@click.option(
    "--retriever",
    "retrievers",
    multiple=True,
    metavar="NAME",
    help=f"Search template: {', '.join(KINDS)}; ending in {RERANKED}, with the settings' "
    f"reranker. Several are compared. [{', '.join(USUAL)}]",
)
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="[NAME=]FILE",
    help="A TREC run of any system to measure too; alone it needs no cluster.",
)
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="NAME",
    help="Measure as ir_measures spells it: nDCG@10, R@50, RR@10, AP, Success@1; the first "
    "decides.",
)
@click.option("--baseline", metavar="NAME", help="System to compare with. [the first]")
@click.option(
    "--ingest", is_flag=True, help="First index the folder's corpus.jsonl, in a set of its own."
)
@click.option(
    "--hits",
    type=click.IntRange(1, 100),
    default=100,
    show_default=True,
    help="Passages to fetch for each question.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 32),
    default=4,
    show_default=True,
    help="Questions asked at a time.",
)
@click.option("--name", metavar="NAME", help="Name of the run folder. [retrieval-SOURCE]")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Put the run folder here instead."
)
@click.option(
    "--from", "from_run", metavar="RUN", help="Measure and report a run again; nothing is asked."
)
@click.option("--gate", metavar="RUN", help="An earlier run that this one is held against.")
@click.option(
    "--no-worse-than",
    "allowed",
    multiple=True,
    metavar="MEASURE=DELTA",
    help="With --gate: exit 3 when the measure may be worse by more than that.",
)
@click.option("--seed", type=click.IntRange(0), help="Decides the bootstrap's draws.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.argument("source", required=False, type=click.Path(path_type=Path))
def evaluate(
    source: Path | None,
    *,
    from_run: str | None,
    elasticsearch_url: str | None,
    set_name: str | None,
    retrievers: tuple[str, ...],
    runs: tuple[str, ...],
    ingest: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Measure retrieval on the judged questions of SOURCE, system by system.

    SOURCE is a folder in BEIR's layout, a file of questions with evidence, or a file of judgements
    with --run. Every judged question counts; one that fails counts 0, and the command then ends
    with 3. Given again, the command goes on where it was stopped; --from takes the place of SOURCE.
    """
    from esrag.cli.evaluate_again import measure_again
    from esrag.cli.evaluate_run import Wanted, carry_out
    from esrag.cli.evaluate_view import result_record, show_result
    from esrag.evaluation.judged_folder import counted

    wanted = Wanted(
        source=source,
        retrievers=checked_retrievers(retrievers or (() if runs or from_run else USUAL)),
        runs=tuple(map(named_run, runs)),
        ingest=ingest,
        quiet=as_json,
        set_name=set_name,
        elasticsearch_url=elasticsearch_url,
        **choices,
    )
    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    result, folder = (
        measure_again(settings, wanted, from_run) if from_run else carry_out(settings, wanted)
    )
    if as_json:
        click.echo(json.dumps(result_record(result, str(folder)), indent=2))
    else:
        show_result(result)
        click.echo(f"Kept in {folder}", err=True)
    unmet = [gate for gate in result.gates if not gate.met]
    if unmet:
        raise RejectedError(
            f"{len(unmet)} of {len(result.gates)} gates are not met",
            hint="The report and junit.xml name them.",
        )
    if result.failures:
        raise RejectedError(
            f"{counted(result.failures, 'question')} failed: 0 by every measure",
            hint="Their errors are in the folder; given again, the command asks them again.",
        )


def checked_retrievers(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each once; raises UsageError for one that is no search template."""
    for name in names:
        if name.removesuffix(RERANKED) not in KINDS:
            raise UsageError(
                f"{name!r} is no retriever",
                hint=f"There are {', '.join(KINDS)}; each may end in {RERANKED}.",
            )
    return tuple(dict.fromkeys(names))


def named_run(given: str) -> tuple[str, Path]:
    """Name and file of a run; without a name the file gives it."""
    file = Path(given)
    name, equals, path = given.partition("=")
    if not file.exists() and equals:
        file = Path(path)
    else:
        stem = file.name.removesuffix(".gz").rpartition(".")[0] or file.name
        name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:80]
    if not file.is_file():
        raise UsageError(f"there is no run {file}", hint="Name a file: --run FILE or NAME=FILE")
    return name, file
