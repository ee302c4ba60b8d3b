"""Shows an answer on the terminal while it comes about: a projection of the answer's events.

    Retrieved ─► a line that says so, until there is more
    Told      ─► the sentence, under a line that says whose words they are
    the end   ─► footnotes, notes, and on request the passages and how it came about

The answer is data and goes to standard output; what is only talk goes to standard error.
"""

from __future__ import annotations

import click

from esrag.answering import GeneratorFailedError
from esrag.answering.events import Event, Retrieved, Rewritten, Told
from esrag.answering.record import cited, record_of
from esrag.cli.printable import one_line
from esrag.cli.rendering import show_context, show_label, show_sentence, show_sources
from esrag.cli.status_line import StatusLine
from esrag.cli.why import show_why
from esrag.types import Answer, AnswerKind, Hit, Sentence

INCOMPLETE = "The answer is incomplete."


class AnswerView:
    """Listens to one answer.

    ``context`` shows the passages behind it, ``why`` how it came about; ``logged`` names the answer
    as the log has it.  ``silent`` shows nothing and only remembers, for a caller that prints JSON.
    """

    def __init__(
        self,
        *,
        context: bool = False,
        why: bool = False,
        verify: str = "remove",
        silent: bool = False,
        logged: bool = False,
    ) -> None:
        self._logged = logged
        self._context = context
        self._why = why
        self._verify = verify
        self._silent = silent
        self._status = StatusLine()
        self.told: list[Sentence] = []
        self.hits: tuple[Hit, ...] = ()
        self.kind: AnswerKind = "refused"
        self.standalone = ""
        if not silent:
            self._status.show("Searching …")

    def __call__(self, event: Event) -> None:
        """One event of the answer."""
        if isinstance(event, Told):
            self.kind = event.kind
            self.told.append(event.sentence)
            self._show(event.sentence, first=len(self.told) == 1)
        elif isinstance(event, Retrieved):
            self.hits = event.hits
            self._say(f"Reading {len(event.hits)} passages …")
        elif isinstance(event, Rewritten):
            self.standalone = event.standalone
            if not self._silent:
                self._status.clear()
                click.secho(f"Asked as: {one_line(event.standalone)}", dim=True, err=True)
                self._status.show("Searching …")

    def finished(self, answer: Answer) -> None:
        """The answer is whole: what belongs below it."""
        self.kind = answer.kind
        for sentence in answer.sentences[len(self.told) :]:
            self.told.append(sentence)
            self._show(sentence, first=len(self.told) == 1)
        self._status.clear()
        if self._silent:
            return
        if not answer.complete:
            click.secho(INCOMPLETE, fg="yellow")
        show_sources(cited(answer.sentences))
        degraded = [f"Degraded: {answer.degraded}"] if answer.degraded else []
        for note in (*degraded, *answer.notes):
            click.secho(f"\n{one_line(note)}", fg="yellow")
        if self._context:
            show_context(answer.hits, [c for s in answer.sentences for c in s.citations])
        if self._why:
            show_why(record_of(answer, hits=True, prompt=True))
        if self._logged:
            click.secho(f"\nHow it came about: esrag explain {answer.id}", dim=True, err=True)

    def failed(self, failure: GeneratorFailedError) -> None:
        """The generator failed: what can be said without it, or with what it said before."""
        self.finished(failure.fallback)
        if not self._silent:
            click.echo("")

    def stopped(self) -> None:
        """Whoever asked does not want to wait: what was shown stays, and is said to be a part."""
        self._status.clear()
        if self.told and not self._silent:
            click.secho(INCOMPLETE, fg="yellow")
            show_sources(cited(self.told))

    def so_far(self, question: str) -> Answer:
        """What was told until now, as an answer that is not complete."""
        return Answer(
            question,
            self.kind,
            tuple(self.told),
            self.hits,
            standalone=self.standalone,
            complete=False,
        )

    def clear(self) -> None:
        """Take away the line that says what is being waited for."""
        self._status.clear()

    def _show(self, sentence: Sentence, *, first: bool) -> None:
        if self._silent:
            return
        self._status.clear()
        if first:
            show_label(self.kind, self._verify)
        show_sentence(sentence, self._verify)

    def _say(self, words: str) -> None:
        if not self._silent:
            self._status.show(words)
