"""``esrag chat``: questions that build on each other, answered as ``esrag ask`` does."""

from __future__ import annotations

from typing import Any

import click

from esrag.cli.answer_flags import answer_flags, settings_for
from esrag.cli.assembly import answerer_from
from esrag.cli.chat_session import COMMANDS, ChatSession, Manner
from esrag.cli.connection import connect_with
from esrag.cli.filter_flags import filter_flags, taken
from esrag.cli.line_input import LineInput
from esrag.cli.preflight import explaining_refusals

PARAGRAPH = "\n"


@click.command()
@answer_flags
@filter_flags
@click.option("--no-history", is_flag=True, help="Do not keep the questions for later chats.")
@click.option("--json", "as_json", is_flag=True, help="Print each answer as one line of JSON.")
def chat(
    *,
    allow_degraded: bool,
    context: bool,
    why: bool,
    no_history: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Answer question after question; each may refer to those before.

    Questions come from the keyboard, or line by line from standard input.  /help lists what can
    be done beside asking; ^C stops an answer, ^D ends the chat.
    """
    filters = taken(given)
    settings = settings_for(given)
    lines = LineInput()
    manner = Manner(context=context, why=why, verify=settings.answer.verify, as_json=as_json)
    history = None if no_history else settings.data_dir / "chat-history"
    with (
        connect_with(settings) as client,
        answerer_from(
            settings,
            client,
            generate=settings.answer.generate,
            allow_degraded=allow_degraded,
            explain=True,
        ) as answerer,
        lines.history(history, words=[f"/{name} " for name in COMMANDS]),
    ):
        session = ChatSession(
            answerer,
            manner=manner,
            filters=filters,
            explaining=lambda: explaining_refusals(client, "ask", settings.index.set),
        )
        if lines.interactive:
            words = f"Asking the documents of the set {settings.index.set}. /help lists commands."
            click.echo(words, err=True)
        return _conversation(session, lines, as_json=as_json)


def _conversation(session: ChatSession, lines: LineInput, *, as_json: bool) -> int:
    """Every line until the end; the first failure is the exit code where nobody sits."""
    failed = 0
    first, leaving = True, False
    while True:
        try:
            line = lines.read()
        except KeyboardInterrupt:
            if leaving or not lines.interactive:
                raise
            leaving = True
            click.echo("\n^D or /quit leaves the chat; so does another ^C.", err=True)
            continue
        leaving = False
        if line is None:
            break
        if line and not lines.interactive and not as_json:
            click.secho(f"{'' if first else PARAGRAPH}> {line}", bold=True)
            first = False
        code = session.line(line, interactive=lines.interactive)
        if code is None:
            break
        failed = failed or code
    if lines.interactive:
        click.echo("", err=True)
        return 0
    return failed
