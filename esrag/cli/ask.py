"""``esrag ask``: an answer from the documents, with sources."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from esrag.answering import Answerer, GeneratorFailedError
from esrag.answering.record import as_record, hit_record
from esrag.cli.answer_flags import answer_flags, settings_for
from esrag.cli.answer_view import AnswerView
from esrag.cli.assembly import answerer_from
from esrag.cli.calling_off import called_off_by_signals
from esrag.cli.connection import connect_with
from esrag.cli.filter_flags import filter_flags, taken
from esrag.cli.preflight import explaining_refusals
from esrag.cli.printable import given_text
from esrag.cli.rendering import show_hits
from esrag.retrieval import LONGEST_QUESTION, checked
from esrag.types import Asked, Query


@click.command()
@answer_flags
@click.option("--retrieve-only", is_flag=True, help="Show the passages only.")
@filter_flags
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.argument("question")
def ask(
    question: str,
    *,
    retrieve_only: bool,
    allow_degraded: bool,
    context: bool,
    why: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Answer QUESTION from the documents, with numbered sources; - reads it from standard input.

    What is shown is supported: a generated sentence must stand in a passage, otherwise the
    passages' own sentences are quoted, and when they do not answer the question, esrag says so.
    """
    filters = taken(given)
    settings = settings_for(given)
    if question == "-":
        question = sys.stdin.read(LONGEST_QUESTION + 1)
    asked = Asked(given_text(question), filters=filters)
    view = AnswerView(
        context=context,
        why=why,
        verify=settings.answer.verify,
        silent=as_json or retrieve_only,
        logged=settings.answer.log,
    )
    with (
        connect_with(settings) as client,
        explaining_refusals(client, "ask", settings.index.set),
        answerer_from(
            settings,
            client,
            generate=settings.answer.generate and not retrieve_only,
            allow_degraded=allow_degraded,
            explain=why,
        ) as answerer,
    ):
        if retrieve_only:
            _retrieve_only(answerer, asked, settings.retrieval.size, as_json=as_json)
        elif as_json:
            _print_json(answerer, asked, view, hits=context or why, prompt=why)
        else:
            _show(answerer, asked, view)


def _show(answerer: Answerer, asked: Asked, view: AnswerView) -> None:
    with called_off_by_signals() as cancel:
        try:
            view.finished(answerer.answer(asked, on_event=view, cancel=cancel))
        except GeneratorFailedError as failure:
            view.failed(failure)
            raise
        except BaseException:  # a signal too: what was shown is said to be a part
            view.stopped()
            raise


def _print_json(
    answerer: Answerer, asked: Asked, view: AnswerView, *, hits: bool, prompt: bool
) -> None:
    """One record, also when the generator fails or somebody stops it: then it is not complete."""
    with called_off_by_signals() as cancel:
        try:
            answer = answerer.answer(asked, on_event=view, cancel=cancel)
        except GeneratorFailedError as failure:
            _print(as_record(failure.fallback, hits=hits, prompt=prompt, error=_words(failure)))
            raise
        except BaseException:
            if view.told:
                _print(as_record(view.so_far(asked.question), hits=hits))
            raise
    _print(as_record(answer, hits=hits, prompt=prompt))


def _retrieve_only(answerer: Answerer, asked: Asked, size: int, *, as_json: bool) -> None:
    found = answerer.retrieve(Query(checked(asked.question), size, filters=asked.filters))
    if as_json:
        _print([hit_record(hit).model_dump(mode="json") for hit in found.hits])
    else:
        show_hits(found.hits)


def _words(failure: GeneratorFailedError) -> tuple[str, str]:
    return failure.message, failure.hint


def _print(record: Any) -> None:
    click.echo(json.dumps(record, indent=2))
