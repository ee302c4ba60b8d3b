"""A service that follows a script, and the application around it, for tests of the HTTP side."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from esrag.answering import Answerer
from esrag.answering.events import Finished, OnEvent, Retrieved, Told
from esrag.errors import EsragError, LoginRefusedError
from esrag.generation.cancelling import Cancellation
from esrag.generation.generator import Generator
from esrag.generation.places import Place
from esrag.server.application import Limits, create_app
from esrag.server.callers import Caller, Door
from esrag.server.gate import Rules
from esrag.server.service import Check, Feedback, Stretch, Wishes
from esrag.testing import WordEmbedder
from esrag.types import Answer, Asked, Citation, Found, Hit, Query, Sentence

TEXT = "Siltbase 5.0.1 was released on 2026-03-31."


def hit(number: int = 1, text: str = TEXT, **more: Any) -> Hit:
    """A passage."""
    given: dict[str, Any] = {
        "id": f"c{number}",
        "document_id": "notes",
        "rank": number,
        "score": 1 / number,
        "text": text,
        "title": "Release notes",
        "heading_path": ("5.0.1",),
        "source": "notes.md",
        "url": "https://docs.example.org/notes",
        "position": number - 1,
        "start": 100 * number,
        "end": 100 * number + len(text),
    }
    return Hit(**{**given, **more})


def sentence(text: str = TEXT, number: int = 1, **more: Any) -> Sentence:
    """A sentence that a passage supports."""
    found = hit(number, text)
    return Sentence(text, (Citation(number, found, text, 0, len(text)),), **more)


@dataclass
class ScriptedService:
    """Answers with ``sentences``, or raises ``error`` after ``raise_after`` of them.

    ``hold`` keeps an answer in its thread until it is set, or until the answer is called off.
    """

    sentences: tuple[Sentence, ...] = (sentence(),)
    hits: tuple[Hit, ...] = (hit(),)
    error: Exception | None = None
    raise_after: int = 0
    hold: threading.Event | None = None
    takes_feedback: bool = True
    generates: bool = True
    set_name: str = "default"
    found_checks: tuple[Check, ...] = (Check("search", ok=True, message="fine"),)
    users: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[Caller, Asked, Wishes]] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    stretches: list[dict[str, Any]] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    called_off: threading.Event = field(default_factory=threading.Event)

    def answer(
        self,
        caller: Caller,
        asked: Asked,
        *,
        on_event: OnEvent,
        cancel: Cancellation,
        wishes: Wishes,
    ) -> Answer:
        """Tell the events of the script."""
        self.asked.append((caller, asked, wishes))
        if self.error is not None and self.raise_after == 0:
            raise self.error
        on_event(Retrieved(self.hits))
        for number, one in enumerate(self.sentences, start=1):
            on_event(Told(one, "generated"))
            if number == self.raise_after and self.error is not None:
                raise self.error
        if self.hold is not None:
            self._wait(self.hold, cancel)
        answer = Answer(
            asked.question, "generated", self.sentences, self.hits, id="0123456789abcdef"
        )
        on_event(Finished(answer))
        return answer

    def _wait(self, hold: threading.Event, cancel: Cancellation) -> None:
        while not hold.wait(0.01):
            if cancel.cancelled:
                self.called_off.set()
            cancel.check()

    def search(self, caller: Caller, query: Query) -> Found:
        """The passages."""
        del caller
        self.queries.append(query)
        if self.error is not None:
            raise self.error
        return Found(self.hits)

    def stretch(self, caller: Caller, document_id: str, **place: Any) -> Stretch:
        """The passages, if it is their document."""
        self.stretches.append({"caller": caller, "document_id": document_id, **place})
        return Stretch(tuple(one for one in self.hits if one.document_id == document_id))

    def keep_feedback(self, caller: Caller, feedback: Feedback) -> None:
        """Remember it."""
        del caller
        self.feedback.append(feedback)

    def name_of(self, caller: Caller) -> str:
        """The name of a user that the script knows."""
        if not caller.authorization:
            return ""
        if caller.authorization not in self.users:
            raise refused_login()
        return self.users[caller.authorization]

    def checks(self) -> tuple[Check, ...]:
        """Those of the script."""
        return self.found_checks


def refused_login() -> EsragError:
    """As ``cluster.client`` says it."""
    return LoginRefusedError("Elasticsearch refused the credentials while asking: no")


def app_of(
    service: ScriptedService | None = None, *, limits: Limits | None = None, **rules: Any
) -> FastAPI:
    """An application that the test client may call."""
    given: dict[str, Any] = {"door": Door("shared-key"), "hosts": ("testserver",)}
    return create_app(
        service or ScriptedService(), rules=Rules(**{**given, **rules}), limits=limits
    )


def client_of(service: ScriptedService | None = None, **rules: Any) -> TestClient:
    """A client of such an application; what the server did not catch is its 500."""
    return TestClient(app_of(service, **rules), raise_server_exceptions=False)


def events_in(body: str) -> Iterator[tuple[str, str]]:
    """Names and data of a whole stream of events."""
    for block in body.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            fields = dict(line.split(": ", 1) for line in lines)
            yield fields.get("event", ""), fields["data"]


QUESTION = "When was Siltbase 5.0.1 released?"
SAID = "Siltbase 5.0.1 was released on 2026-03-31 [1]."


class AnsweringService(ScriptedService):
    """Answers with the real answerer and a generator at ``url``; passages are given."""

    def __init__(self, url: str, **place: Any) -> None:
        super().__init__()
        self.generator = Generator(Place(url=url, **place))

    def answer(
        self,
        caller: Caller,
        asked: Asked,
        *,
        on_event: OnEvent,
        cancel: Cancellation,
        wishes: Wishes,
    ) -> Answer:
        """As the server does it."""
        del caller
        answerer = Answerer(
            retrieve=lambda query: Found(self.hits),
            embed=WordEmbedder(),
            generator=self.generator if wishes.generate else None,
        )
        return answerer.answer(asked, on_event=on_event, cancel=cancel)
