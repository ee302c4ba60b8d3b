"""The service on a cluster: answers of an assembly, with the rights of whoever asks.

caller ─► his client ─► answerer of the assembly ─► answer, events
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

from esrag.answering import Choices
from esrag.answering.assembly import Assembly
from esrag.cluster.client import explained
from esrag.errors import EsragError, PermissionDeniedError
from esrag.generation.cancelling import Cancellation
from esrag.generation.generator import Generator
from esrag.retrieval.parameters import only_of
from esrag.server.callers import Caller
from esrag.server.service import Check, Clients, Feedback, OnEvent, Stretch, Wishes
from esrag.types import Answer, Asked, Filters, Found, Query


class ClusterService:
    """See ``service.Service``.  ``generator`` is None where nothing is generated."""

    def __init__(
        self,
        assembly: Assembly,
        clients: Clients,
        *,
        set_name: str,
        choices: Choices,
        generator: Generator | None,
        takes_feedback: bool = False,
    ) -> None:
        self.set_name = set_name
        self._assembly = assembly
        self._choices = choices
        self._clients = clients
        self._generator = generator
        self.takes_feedback = takes_feedback

    @property
    def generates(self) -> bool:
        """Whether there is a generator."""
        return self._generator is not None

    def answer(
        self,
        caller: Caller,
        asked: Asked,
        *,
        on_event: OnEvent,
        cancel: Cancellation,
        wishes: Wishes,
    ) -> Answer:
        """Answer a question with the caller's rights, as part of his trace."""
        answerer = self._assembly.answerer(
            self._clients.of(caller),
            generate=wishes.generate and self.generates,
            choices=replace(self._choices, facets=wishes.facets),
        )
        tracing = self._assembly.observing.tracing
        with tracing.continued(wishes.trace) if tracing else nullcontext():
            return answerer.answer(asked, on_event=on_event, cancel=cancel)

    def search(self, caller: Caller, query: Query) -> Found:
        """Retrieve passages with the caller's rights."""
        return self._assembly.retriever(self._clients.of(caller)).retrieve(query)

    def stretch(
        self,
        caller: Caller,
        document_id: str,
        *,
        position: int,
        before: int,
        after: int,
        acl: tuple[str, ...] | None = None,
    ) -> Stretch:
        """Passages of a document, and one more on each side to know whether there are any."""
        params: dict[str, object] = {
            "document_id": document_id,
            "position": position,
            "before": before + 1,
            "after": after + 1,
        }
        if acl is not None:
            params["only"] = only_of(Filters(acl=acl))
        retriever = self._assembly.retriever(self._clients.of(caller))
        hits = sorted(retriever.run("context", params).hits, key=lambda hit: hit.position)
        first, last = position - before, position + after
        return Stretch(
            tuple(hit for hit in hits if first <= hit.position <= last),
            more_before=any(hit.position < first for hit in hits),
            more_after=any(hit.position > last for hit in hits),
        )

    def keep_feedback(self, caller: Caller, feedback: Feedback) -> None:
        """Keep what a reader thinks."""
        self._assembly.keep_feedback(
            self._clients.of(caller),
            answer_id=feedback.answer_id,
            rating=feedback.rating,
            comment=feedback.comment,
        )

    def name_of(self, caller: Caller) -> str:
        """The cluster's name for the caller; asking for it checks his credentials."""
        if not caller.authorization:
            return ""
        with explained("checking the login"):
            found = self._clients.of(caller).security.authenticate()
        return str(found.get("username", ""))

    def checks(self) -> tuple[Check, ...]:
        """A search as questions make it, and whether the generator is there."""
        return tuple(self._checks())

    def _checks(self) -> Iterator[Check]:
        own = self._clients.own
        try:
            if own is None:
                self._reach()
            else:
                self._assembly.retriever(own).retrieve(Query("ready", 1))
        except EsragError as error:
            yield Check("search", ok=False, message=error.message, hint=error.hint)
        else:
            yield Check("search", ok=True, message=f"document set {self.set_name} is searched")
        if self._generator is not None:
            yield _generator_check(self._generator)

    def _reach(self) -> None:
        """Whether the cluster is there; without credentials it may refuse to say more."""
        try:
            with explained("looking whether the cluster is there"):
                self._clients.bare.info()
        except PermissionDeniedError:
            return


def _generator_check(generator: Generator) -> Check:
    where = f"generator {generator.place.url}"
    try:
        status = generator.health()
    except EsragError as error:
        return Check("generator", ok=False, message=error.message, hint=error.hint, needed=False)
    if status >= 500:
        return Check(
            "generator",
            ok=False,
            message=f"the {where} answers {status}",
            hint="Passages are quoted until it is well again.",
            needed=False,
        )
    return Check("generator", ok=True, message=f"the {where} is there", needed=False)
