"""``esrag ask``: an answer from the documents, with sources."""

from __future__ import annotations

import dataclasses
import json

import click

from esrag.answer_record import as_record
from esrag.answering import GeneratorFailedError
from esrag.answering.events import Event, Told
from esrag.cli.assembly import answerer_from, retriever_from
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.preflight import explaining_refusals
from esrag.cli.rendering import show_hits, show_label, show_sentence, show_sources
from esrag.settings import Settings


@click.command()
@connection_flags
@click.option("--generator-url", metavar="URL", help="Address of the generator.")
@click.option("--model", metavar="NAME", help="Model or adapter of the generator.")
@click.option("--quote", is_flag=True, help="Do not generate; quote the passages.")
@click.option("--retrieve-only", is_flag=True, help="Show the passages only.")
@click.option(
    "--allow-degraded", is_flag=True, help="Search by words alone when the model does not run."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.argument("question")
def ask(
    question: str,
    *,
    generator_url: str | None,
    model: str | None,
    quote: bool,
    retrieve_only: bool,
    allow_degraded: bool,
    as_json: bool,
    elasticsearch_url: str | None,
    set_name: str | None,
) -> None:
    """Answer QUESTION from the documents, with numbered sources.

    What is shown is supported: a generated sentence must stand in a passage, otherwise the
    passages' own sentences are quoted, and when they do not answer the question, esrag says so.
    """
    given = {"url": generator_url, "model": model}
    settings = settings_from(
        elasticsearch_url=elasticsearch_url,
        set_name=set_name,
        generator={name: value for name, value in given.items() if value},
    )
    if retrieve_only:
        _retrieve_only(settings, question, allow_degraded=allow_degraded, as_json=as_json)
        return
    with (
        connect_with(settings) as client,
        explaining_refusals(client, "ask", settings.index.set),
        answerer_from(
            settings, client, generate=not quote, allow_degraded=allow_degraded
        ) as answerer,
    ):
        printer = _Printer(silent=as_json)
        try:
            answer = answerer.answer(question, on_event=printer)
        except GeneratorFailedError as failure:
            _show_failure(failure, as_json=as_json)
            raise
    if as_json:
        click.echo(json.dumps(as_record(answer), indent=2))
    else:
        show_sources(answer)


class _Printer:
    """Shows sentences as they are released, after a line that says whose words they are."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._labelled = False

    def __call__(self, event: Event) -> None:
        if self._silent or not isinstance(event, Told):
            return
        if not self._labelled:
            show_label(event.kind)
            self._labelled = True
        show_sentence(event.sentence)


def _retrieve_only(
    settings: Settings, question: str, *, allow_degraded: bool, as_json: bool
) -> None:
    with (
        connect_with(settings) as client,
        explaining_refusals(client, "ask", settings.index.set),
        retriever_from(settings, client, allow_degraded=allow_degraded) as retriever,
    ):
        hits = retriever.retrieve(question, size=settings.retrieval.size)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(hit) for hit in hits], indent=2))
    else:
        show_hits(hits)


def _show_failure(failure: GeneratorFailedError, *, as_json: bool) -> None:
    """What can be said without the generator; the error itself follows on standard error."""
    if as_json:
        record = as_record(failure.fallback, error=(failure.message, failure.hint))
        click.echo(json.dumps(record, indent=2))
        return
    show_label(failure.fallback.kind)
    for sentence in failure.fallback.sentences:
        show_sentence(sentence)
    show_sources(failure.fallback)
    click.echo("")
