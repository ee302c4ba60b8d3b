"""One conversation on the terminal: what was asked and answered, and what lines with a / do.

    line ─┬─ /command ─► something about the last answer, the filters or the conversation
          └─ question ─► the answerer, with the turns before it ─► shown as ``esrag ask`` does

A question that fails ends itself and not the conversation; so does ^C.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import click

from esrag.answering import GeneratorFailedError
from esrag.answering.events import OnEvent
from esrag.answering.record import as_record, cited, record_of
from esrag.cli import show_error
from esrag.cli.answer_view import AnswerView
from esrag.cli.calling_off import called_off_by_signals
from esrag.cli.filter_flags import filter_flags, filters_from
from esrag.cli.printable import one_line, printable
from esrag.cli.rendering import show_context, show_sources
from esrag.cli.why import show_why
from esrag.errors import EsragError
from esrag.generation.cancelling import Cancellation
from esrag.types import Answer, Asked, Filters, Turn

STOPPED = 130
MOST_TURNS = 20


class Answers(Protocol):
    """What a conversation needs of an answerer."""

    def answer(
        self,
        asked: Asked,
        *,
        on_event: OnEvent | None = None,
        cancel: Cancellation | None = None,
    ) -> Answer:
        """The answer; events are told on the way."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How answers are shown."""

    context: bool = False
    why: bool = False
    verify: str = "remove"
    as_json: bool = False


class ChatSession:
    """A conversation.  ``explaining`` surrounds each answer, to explain what the server refuses."""

    def __init__(
        self,
        answerer: Answers,
        *,
        manner: Manner,
        explaining: Callable[[], AbstractContextManager[None]],
        filters: Filters | None = None,
    ) -> None:
        self.turns: list[Turn] = []
        self.filters = filters or Filters()
        self.last: Answer | None = None
        self._answerer = answerer
        self._manner = manner
        self._explaining = explaining

    def line(self, line: str, *, interactive: bool) -> int | None:
        """Do what a line asks for: its exit code, or None when the conversation shall end.

        ^C while a question is answered stops the answer; where nobody sits it is raised.
        """
        if self._manner.as_json or not line.startswith("/"):
            return self._ask(line, interactive=interactive) if line else 0
        if line.startswith("//"):  # a question that begins with a slash
            return self._ask(line[1:], interactive=interactive)
        name, _, rest = line[1:].partition(" ")
        if name in ("quit", "exit", "q"):
            return None
        command = COMMANDS.get(name)
        if command is None:
            click.echo(f"There is no /{one_line(name, 30)}; /help lists what there is.", err=True)
            return 0
        try:
            command[0](self, rest.strip())
        except click.ClickException as error:
            error.show()
        return 0

    def _ask(self, question: str, *, interactive: bool) -> int:
        manner = self._manner
        view = AnswerView(
            context=manner.context, why=manner.why, verify=manner.verify, silent=manner.as_json
        )
        asked = Asked(question, tuple(self.turns[-MOST_TURNS:]), self.filters)
        try:
            with self._explaining(), called_off_by_signals() as cancel:
                answer = self._answerer.answer(asked, on_event=view, cancel=cancel)
        except KeyboardInterrupt:
            view.stopped()
            self._keep(view.so_far(question))
            if not interactive:
                raise
            click.echo("Stopped.", err=True)
            return STOPPED
        except GeneratorFailedError as failure:
            view.failed(failure)
            self._keep(failure.fallback, error=(failure.message, failure.hint))
            show_error(failure)
            return failure.exit_code
        except EsragError as error:
            view.stopped()
            self._print(view.so_far(question), error=(error.message, error.hint))
            show_error(error)
            return error.exit_code
        view.finished(answer)
        self._keep(answer)
        return 0

    def _keep(self, answer: Answer, *, error: tuple[str, str] | None = None) -> None:
        """Remember what was shown, for the questions that follow."""
        if answer.sentences:
            self.last = answer
            self.turns.append(Turn(answer.question, answer.text))
        self._print(answer, error=error)

    def _print(self, answer: Answer, *, error: tuple[str, str] | None = None) -> None:
        manner = self._manner
        if manner.as_json:
            both = manner.context or manner.why
            record = as_record(answer, hits=both, prompt=manner.why, error=error)
            click.echo(json.dumps(record))

    # what lines with a / do

    def _help(self, _rest: str) -> None:
        for name, (_, arguments, words) in COMMANDS.items():
            click.echo(f"  /{f'{name} {arguments}'.strip():<22} {words}")
        click.echo("  /quit                   Leave; ^D does the same. ^C stops an answer.")

    def _sources(self, _rest: str) -> None:
        if answer := self._answer():
            show_sources(cited(answer.sentences))

    def _context(self, rest: str) -> None:
        if not (answer := self._answer()):
            return
        citations = [c for s in answer.sentences for c in s.citations]
        hits = answer.hits
        if rest:
            numbered = dict(cited(answer.sentences))
            if not rest.isdecimal() or int(rest) not in numbered:
                raise click.BadParameter(f"no source has the number {one_line(rest, 30)}")
            hits = (numbered[int(rest)],)
        show_context(hits, citations)

    def _why(self, _rest: str) -> None:
        if answer := self._answer():
            show_why(record_of(answer, hits=True, prompt=True))

    def _filter(self, rest: str) -> None:
        if rest == "off":
            self.filters = Filters()
        elif rest:
            self.filters = _parsed(rest)
        shown = [
            f"{field.name}: {one_line(str(getattr(self.filters, field.name)))}"
            for field in fields(Filters)
            if getattr(self.filters, field.name)
        ]
        click.echo("\n".join(f"  {line}" for line in shown) or "  no filters")

    def _history(self, _rest: str) -> None:
        for number, turn in enumerate(self.turns, start=1):
            click.secho(f"  {number}. {one_line(turn.question)}", bold=True)
            click.echo(f"     {one_line(turn.answer)}")
        if not self.turns:
            click.echo("  nothing was asked yet")

    def _new(self, _rest: str) -> None:
        self.turns.clear()
        self.last = None
        click.echo("A new conversation; nothing of the one before is known to it.", err=True)

    def _save(self, rest: str) -> None:
        if not rest:
            raise click.BadParameter("name a file: /save FILE")
        parts = [
            f"## {printable(turn.question)}\n\n{printable(turn.answer)}\n" for turn in self.turns
        ]
        try:
            with Path(rest).expanduser().open("x", encoding="utf-8") as file:
                file.write("\n".join(parts))
        except (OSError, ValueError) as error:
            raise click.BadParameter(f"{one_line(rest)} cannot be written: {error}") from error
        click.echo(f"Saved {len(parts)} questions in {one_line(rest)}.", err=True)

    def _answer(self) -> Answer | None:
        if self.last is None:
            click.echo("  nothing was answered yet")
        return self.last


@click.command(add_help_option=False)
@filter_flags
def _filter_line(**given: Any) -> None:
    """Parses the filters of a line; never run."""
    del given


def _parsed(words: str) -> Filters:
    """The filters of a line such as ``--source a.md --since 2026-01-01``."""
    try:
        parts = shlex.split(words)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    context = _filter_line.make_context("/filter", parts)
    return filters_from(context.params)


COMMANDS: dict[str, tuple[Callable[[ChatSession, str], None], str, str]] = {
    "help": (ChatSession._help, "", "Show this."),
    "sources": (ChatSession._sources, "", "The sources of the last answer."),
    "context": (ChatSession._context, "[N]", "Its passages whole, or that of source N."),
    "why": (ChatSession._why, "", "How it came about: scores, prompt, verdicts, times."),
    "filter": (
        ChatSession._filter,
        "[--source …|off]",
        "Narrow the questions that follow, with the filters of esrag ask.",
    ),
    "history": (ChatSession._history, "", "What was asked and answered."),
    "new": (ChatSession._new, "", "Begin a new conversation."),
    "save": (ChatSession._save, "FILE", "Write the conversation to a file that is not there yet."),
}
