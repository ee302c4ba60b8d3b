"""How each kind of system replies to a question; all of it by the code that answers users.

    rag          retrieve, generate, verify as the settings say
    extractive   retrieve, quote
    closed_book  generate from what the model has learnt, without passages
    retrieval    retrieve

An asker serves many threads; it is handed what it asks and opens nothing itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

from esrag import prompting
from esrag.answer_measures import refuses
from esrag.answering import Answerer
from esrag.answering.parts import Generator
from esrag.evaluation.records import Cited, Passage, Reply, ReplyStatus, Usage
from esrag.generation.cancelling import Cancellation
from esrag.questions import KnownQuestion
from esrag.types import Answer, Hit, Query

There = Callable[[], bool]


class Asker(Protocol):
    """What ``ask_all`` needs of a system."""

    @property
    def system(self) -> str:
        """The system's name."""

    def ask(self, question: KnownQuestion, cancel: Cancellation) -> Reply:
        """The reply; raises what goes wrong, and CancelledError when it was called off."""

    def there(self) -> bool:
        """Whether the servers that it needs can be reached at all."""


class Answering:
    """``rag`` and ``extractive``: the answerer as users have it."""

    def __init__(self, system: str, answerer: Answerer, there: There) -> None:
        self.system = system
        self._answerer = answerer
        self._there = there

    def ask(self, question: KnownQuestion, cancel: Cancellation) -> Reply:
        """What a user of these settings is shown."""
        return reply_of(
            question.id, self.system, self._answerer.answer(question.text, cancel=cancel)
        )

    def there(self) -> bool:
        """Whether cluster and generator can be reached."""
        return self._there()


class ClosedBook:
    """``closed_book``: the generator alone."""

    def __init__(self, system: str, generator: Generator, there: There) -> None:
        self.system = system
        self._generator = generator
        self._there = there

    def ask(self, question: KnownQuestion, cancel: Cancellation) -> Reply:
        """What the model says from memory."""
        began = time.monotonic()
        parts: list[str] = []
        prompt = generated = 0
        stream = self._generator.stream(prompting.closed_book(question.text), cancel=cancel)
        with closing(stream) as pieces:
            for piece in pieces:
                parts.append(piece.text)
                prompt = piece.prompt_tokens or prompt
                generated = piece.generated_tokens or generated
        seconds = time.monotonic() - began
        written = "".join(parts)
        refused = refuses(written, closed_book=True)
        return Reply(
            question.id,
            self.system,
            "refused" if refused else "answered",
            text=written.strip(),
            written=written,
            usage=Usage(
                seconds=round(seconds, 4),
                generate_seconds=round(seconds, 4),
                prompt_tokens=prompt,
                generated_tokens=generated,
            ),
        )

    def there(self) -> bool:
        """Whether the generator can be reached."""
        return self._there()


class Retrieving:
    """``retrieval``: passages only."""

    def __init__(self, system: str, answerer: Answerer, there: There) -> None:
        self.system = system
        self._answerer = answerer
        self._there = there

    def ask(self, question: KnownQuestion, cancel: Cancellation) -> Reply:
        """What is found."""
        chosen = self._answerer.choices
        began = time.monotonic()
        found = self._answerer.retrieve(
            Query(question.text, chosen.size, per_source=chosen.per_source)
        )
        cancel.check()
        seconds = round(time.monotonic() - began, 4)
        return Reply(
            question.id,
            self.system,
            "answered",
            passages=passages_of(found.hits),
            usage=Usage(seconds=seconds, retrieve_seconds=seconds),
        )

    def there(self) -> bool:
        """Whether the cluster can be reached."""
        return self._there()


def reply_of(question_id: str, system: str, answer: Answer) -> Reply:
    """An answer as a reply."""
    cited = tuple(
        Cited(number, citation.hit.id, citation.hit.document_id, citation.quote)
        for number, sentence in enumerate(answer.sentences)
        for citation in sentence.citations
    )
    return Reply(
        question_id,
        system,
        _status(answer),
        text=answer.text,
        written=answer.generated_text,
        passages=passages_of(answer.hits),
        cited=cited,
        usage=Usage(
            seconds=round(answer.seconds.get("total", 0.0), 4),
            retrieve_seconds=round(answer.seconds.get("retrieve", 0.0), 4),
            generate_seconds=round(answer.seconds.get("generate", 0.0), 4),
            prompt_tokens=answer.prompt_tokens,
            generated_tokens=answer.generated_tokens,
        ),
    )


def passages_of(hits: Sequence[Hit]) -> tuple[Passage, ...]:
    """Hits as they are kept with a reply."""
    return tuple(
        Passage(
            hit.id,
            hit.document_id,
            hit.rank,
            hit.score,
            hit.text,
            title=hit.title,
            url=hit.url,
            source=hit.source,
            start=hit.start,
            heading_path=hit.heading_path,
        )
        for hit in hits
    )


def _status(answer: Answer) -> ReplyStatus:
    """A model that says that the passages do not answer has refused, as esrag itself does."""
    if answer.kind == "refused" or refuses(answer.text):
        return "refused"
    return "answered"
