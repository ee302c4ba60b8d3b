"""``esrag calibrate``: the refusal threshold of a document set, from questions with answers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import track

from esrag.answering.assembly import calibration_file
from esrag.calibration import Calibration, Scored, fit_threshold, note_of, save
from esrag.cli.assembly import answerer_from
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.errors import PermissionDeniedError
from esrag.names import Names
from esrag.questions import load_questions
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@click.command()
@connection_flags
@click.option("--split", help="Use only the questions of this split.")
@click.option("--dry-run", is_flag=True, help="Show the threshold; do not store it.")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
@click.argument("questions", type=click.Path(path_type=Path))
def calibrate(
    questions: Path,
    *,
    split: str | None,
    dry_run: bool,
    as_json: bool,
    elasticsearch_url: str | None,
    set_name: str | None,
) -> None:
    """Fit the threshold below which a question is refused to QUESTIONS, a JSONL file or a set.

    The file needs questions that the documents answer and questions that they do not.  Measure
    afterwards on other questions than these.
    """
    from esrag.evaluation.question_sets.folder import question_file

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    file = question_file(settings.data_dir, questions)
    known = [each for each in load_questions(file, split=split) if not each.open]
    with (
        connect_with(settings) as client,
        answerer_from(settings, client, generate=False) as answerer,
    ):
        scored = [
            Scored(answerer.confidence(question.text), answerable=question.answerable)
            for question in track(known, "Asking", console=Console(stderr=True), transient=True)
        ]
        calibration = Calibration(
            threshold=round(fit_threshold(scored), 4),
            coverage=answerer.limits().coverage,
            model_id=settings.model.id,
            answerable=sum(item.answerable for item in scored),
            unanswerable=sum(not item.answerable for item in scored),
        )
        place = "not stored" if dry_run else _stored(settings, client, calibration)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(calibration), indent=2))
        return
    refused = sum(s.answerable and s.score < calibration.threshold for s in scored)
    answered = sum(not s.answerable and s.score >= calibration.threshold for s in scored)
    click.echo(f"threshold {calibration.threshold} for set {settings.index.set}")
    click.echo(
        f"  of these questions: {refused} of {calibration.answerable} answerable refused, "
        f"{answered} of {calibration.unanswerable} unanswerable answered"
    )
    click.echo(f"  {place}")


def _stored(settings: Settings, client: Elasticsearch, calibration: Calibration) -> str:
    """Keep the calibration in the index, else in a file; returns where, in words."""
    from esrag.cluster.calibration_note import write_calibration

    index = Names(settings.index.set).alias
    try:
        write_calibration(client, index, note_of(calibration))
    except PermissionDeniedError:
        path = calibration_file(settings)
        save(path, calibration)
        return (
            f"stored in {path}, for this machine alone: these credentials may not change the "
            f"mapping of {index}, where everybody would find it"
        )
    return f"stored with {index}: whoever asks it uses this threshold from now on"
