"""``esrag explain``: how an answer of the log came about, and whether it would come about again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from esrag.answering.course import OFF
from esrag.answering.record import AnswerRecord, filters_of, record_of
from esrag.cli.assembly import answerer_from
from esrag.cli.calling_off import called_off_by_signals
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.preflight import explaining_refusals
from esrag.cli.printable import link, one_line, printable
from esrag.cli.rendering import UNCHECKED, UNSUPPORTED
from esrag.cli.why import show_why
from esrag.errors import UsageError
from esrag.names import Names
from esrag.settings import Settings
from esrag.types import Asked

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.cluster.logged_answers import Logged


@click.command()
@connection_flags
@click.option("--replay", is_flag=True, help="Ask the question again, and compare.")
@click.option("--json", "as_json", is_flag=True, help="Print what is known as JSON.")
@click.argument("answer_id")
def explain(
    answer_id: str,
    *,
    replay: bool,
    as_json: bool,
    elasticsearch_url: str | None,
    set_name: str | None,
) -> None:
    """Show how the answer ANSWER_ID came about: query, passages, prompt, verdicts, feedback.

    Answers are kept with answer.log = true; the beginning of an id is enough.
    """
    from esrag.cluster.logged_answers import read_logged

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    names = Names(settings.index.set)
    with connect_with(settings) as client:
        with explaining_refusals(client, "explain", settings.index.set):
            logged = read_logged(client, names.answers, answer_id)
        record = _record(logged)
        again = _asked_again(settings, client, record) if replay else None
    comparison = Comparison.of(record, again) if again else None
    if as_json:
        click.echo(json.dumps(_as_json(logged, record, again, comparison), indent=2))
        return
    _show_answer(logged, record)
    show_why(record)
    if comparison:
        comparison.show()


@dataclass(frozen=True, slots=True)
class Comparison:
    """An answer of the log beside the one of today."""

    same_answer: bool
    kinds: tuple[str, str]
    confidences: tuple[float, float]
    found_again: int
    passages: int
    in_order: bool
    lost: tuple[str, ...]
    new: tuple[str, ...]

    @classmethod
    def of(cls, then: AnswerRecord, now: AnswerRecord) -> Comparison:
        """What is the same, and what is not."""
        before = [hit.chunk_id for hit in then.hits or []]
        after = [hit.chunk_id for hit in now.hits or []]
        return cls(
            same_answer=then.answer == now.answer,
            kinds=(then.kind, now.kind),
            confidences=(then.confidence, now.confidence),
            found_again=len(set(before) & set(after)),
            passages=len(before),
            in_order=before == after,
            lost=tuple(chunk for chunk in before if chunk not in after),
            new=tuple(chunk for chunk in after if chunk not in before),
        )

    def show(self) -> None:
        """In words."""
        click.secho("\nAsked again", bold=True)
        click.echo(f"  {'the same answer' if self.same_answer else 'another answer'}")
        for name, then, now in (
            ("kind", *self.kinds),
            ("confidence", *(f"{value:.4f}" for value in self.confidences)),
        ):
            click.echo(f"  {name:<12} {then}{'' if then == now else f', now {now}'}")
        order = " in the same order" if self.in_order else ""
        click.echo(f"  passages     {self.found_again} of {self.passages} found again{order}")
        for word, chunks in (("no longer", self.lost), ("new", self.new)):
            if chunks:
                click.secho(f"  {word:<12} {', '.join(map(one_line, chunks))}", dim=True)


def _record(logged: Logged) -> AnswerRecord:
    try:
        return AnswerRecord.model_validate(dict(logged.record))
    except ValueError as error:
        raise UsageError(
            f"the answer {logged.answer_id} was kept by another version of esrag "
            f"({logged.version or 'unknown'}): {error}",
            hint="Look at the document itself, in Kibana or with GET.",
        ) from error


def _asked_again(settings: Settings, client: Elasticsearch, record: AnswerRecord) -> AnswerRecord:
    """The answer of today, which is not kept in the log."""
    unlogged = settings.model_copy(
        update={"answer": settings.answer.model_copy(update={"log": False})}
    )
    asked = Asked(record.standalone or record.question, filters=filters_of(record.filters))
    generate = settings.answer.generate and bool(record.model)
    with (
        answerer_from(unlogged, client, generate=generate, explain=True) as answerer,
        called_off_by_signals() as cancel,
    ):
        return record_of(answerer.answer(asked, cancel=cancel), hits=True, prompt=True)


def _show_answer(logged: Logged, record: AnswerRecord) -> None:
    click.secho(printable(record.question), bold=True)
    mark = UNCHECKED if record.steps.get("verify") == OFF else UNSUPPORTED
    for sentence in record.sentences:
        numbers = "".join(f"[{citation.number}]" for citation in sentence.citations)
        unsupported = "" if sentence.supported else f" {mark}"
        click.echo(f"  {printable(sentence.text)} {numbers}{unsupported}".rstrip())
    for source in record.sources:
        where = link(source.url) or one_line(source.source or source.document_id)
        click.secho(f"  [{source.number}] {one_line(source.title)}: {where}", dim=True)
    if not record.complete:
        why = f": {one_line(record.error.message)}" if record.error else ""
        click.secho(f"  The answer is incomplete{why}", fg="yellow")
    parts = [f"given {logged.at}", f"esrag {logged.version}", f"trace {logged.trace_id}"]
    click.secho(f"  {one_line(', '.join(part for part in parts if part[-1] != ' '))}", dim=True)
    for each in logged.feedback:
        comment = f": {one_line(each.comment)}" if each.comment else ""
        click.echo(f"  feedback {one_line(each.rating)}, {one_line(each.at)}{comment}")


def _as_json(
    logged: Logged,
    record: AnswerRecord,
    again: AnswerRecord | None,
    comparison: Comparison | None,
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "answer_id": logged.answer_id,
        "at": logged.at,
        "version": logged.version,
        "trace_id": logged.trace_id,
        "feedback": [asdict(each) for each in logged.feedback],
        "record": record.model_dump(mode="json"),
        "replayed": again.model_dump(mode="json") if again else None,
        "comparison": asdict(comparison) if comparison else None,
    }
