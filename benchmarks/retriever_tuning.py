"""What tuning the embedding model brings: ``python -m benchmarks.retriever_tuning``.

    python -m benchmarks.retriever_tuning record RUN… --out FILE           # verdicts of run folders
    python -m benchmarks.retriever_tuning rollout --set NAME RUN --out FILE   # through the cluster

RUN is a folder that `esrag retriever tune` left.  `record` gathers what the gates found, accepted
or not.  `rollout` asks the cluster the run's held-out questions by each search template, rolls the
model out with `esrag reembed`, asks again, and pairs the two by question.  Questions go through
``Retriever``, as those of `esrag search` do, and every question counts, one without hits as 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.retriever_tuning.held_out import HeldOut
    from esrag.settings import Settings

COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]
KINDS = ("lexical", "semantic", "hybrid")
FETCHED = 100  # chunks asked for, so that ten documents are among them
KEPT = (
    *("status", "recipe", "base", "cross_encoder", "data", "dtype", "device", "versions"),
    *("pairs", "steps", "step_seconds", "dev", "verdict", "costs", "fingerprint"),
)
Values = Mapping[str, Sequence[float]]

out_flag = click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
run_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Measure the tuning of embedding models."""


@main.command()
@click.argument("runs", nargs=-1, required=True, type=run_folder)
@out_flag
def record(runs: tuple[Path, ...], out: Path | None) -> None:
    """Gather what the gate found in each run, those it rejected too."""
    from esrag.retriever_tuning.card import summary

    rows = []
    for run in runs:
        facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
        rows.append({"name": run.name, **{key: facts[key] for key in KEPT if key in facts}})
        click.echo(f"{run.name}: {facts['status']}: {summary(facts)}")
    _write(out, {"command": "record", "runs": rows})


@main.command()
@click.argument("run", type=run_folder)
@click.option("--set", "set_name", required=True, help="Document set that gets the model.")
@out_flag
def rollout(run: Path, set_name: str, out: Path | None) -> None:
    """Ask the cluster before and after `esrag reembed`."""
    from esrag.cli.connection import connect_with, settings_from
    from esrag.retriever_tuning.held_out import read_held_out

    asked = read_held_out(run)
    settings = settings_from(set_name=set_name)
    model_id = f"{settings.model.id}-{run.name}"
    words = ["reembed", "--set", set_name, "--model-id", model_id]
    words += ["--model-source", str(run / "model"), "--yes"]
    with connect_with(settings) as client:
        before = values_of(settings, client, asked)
    begun = time.monotonic()
    subprocess.run([*COMMAND, *words], check=True)
    seconds = time.monotonic() - begun
    with connect_with(settings) as client:
        after = values_of(settings, client, asked)
    rows = [row(kind, before[kind], after[kind]) for kind in KINDS]
    for each in rows:
        click.echo(as_line(each))
    head = {"command": "rollout", "run": run.name, "set": set_name, "questions": len(asked)}
    _write(out, {**head, "reembed_seconds": round(seconds, 1), "rows": rows})


def values_of(
    settings: Settings, client: Elasticsearch, asked: Sequence[HeldOut]
) -> dict[str, list[float]]:
    """nDCG@10 of each question by each template; each document where its best chunk stands."""
    from benchmarks.judged import documents_of, per_question
    from esrag.names import Names
    from esrag.retrieval import Retriever
    from esrag.types import Query

    known = {name for question in asked for name in question.grades}
    found: dict[str, list[float]] = {}
    qrels = {question.id: question.grades for question in asked}
    for kind in KINDS:
        retriever = Retriever(client, Names(settings.index.set), kind)
        run = {}
        for question in asked:
            hits = retriever.retrieve(Query(question.text, FETCHED)).hits
            names = [_judged_name(hit.document_id, known) for hit in hits]
            run[question.id] = documents_of(names)
        found[kind] = per_question(run, qrels).tolist()
    return found


def _judged_name(document: str, known: set[str]) -> str:
    """The id that the judgements have: a record of a file is known by what is behind its #."""
    return document if document in known else document.rpartition("#")[2]


def row(kind: str, before: Sequence[float], after: Sequence[float]) -> dict[str, Any]:
    """Both sides of a template and their difference, with intervals."""
    from esrag.retriever_tuning.measures import judge

    return {"template": kind, **judge(before, after, seed=7).to_json()}


def as_line(row: Mapping[str, Any]) -> str:
    """A row of the table in the documentation."""
    shown = [
        f"{row[side]['mean']:{form}} [{row[side]['low']:{form}}, {row[side]['high']:{form}}]"
        for side, form in (("base", ".3f"), ("tuned", ".3f"), ("difference", "+.3f"))
    ]
    return f"| {row['template']} | {' | '.join(shown)} | {row['better']} | {row['worse']} |"


def _write(out: Path | None, record: Mapping[str, Any]) -> None:
    """Keep it with what it ran on."""
    from benchmarks.ingest import machine

    if out:
        head = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}
        out.write_text(json.dumps({**head, **record}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
