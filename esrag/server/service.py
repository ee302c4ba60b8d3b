"""What the routes need of the rest of esrag, and how it is done with a cluster.

All of it is synchronous and called in threads, by many callers at once.  Whose credentials reach
the cluster is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from esrag.generation.cancelling import Cancellation
from esrag.server.callers import Caller
from esrag.types import Answer, Asked, Found, Hit, Query

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

OnEvent = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Passages of one document in order, around a position; whether there are more outside."""

    passages: tuple[Hit, ...]
    more_before: bool = False
    more_after: bool = False


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a reader thinks of an answer."""

    answer_id: str
    rating: str
    comment: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """How an answer is wanted; ``trace`` are the headers of a trace that it belongs to."""

    generate: bool = True
    facets: bool = False
    trace: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold for answers; ``needed`` says that nothing works without it."""

    name: str
    ok: bool
    message: str
    hint: str = ""
    needed: bool = True


class Service(Protocol):
    """What the routes call.  Everything raises EsragError."""

    @property
    def set_name(self) -> str:
        """The document set that is asked."""

    @property
    def generates(self) -> bool:
        """Whether there is a generator."""

    @property
    def takes_feedback(self) -> bool:
        """Whether feedback is kept."""

    def answer(
        self,
        caller: Caller,
        asked: Asked,
        *,
        on_event: OnEvent,
        cancel: Cancellation,
        wishes: Wishes,
    ) -> Answer:
        """Answer a question."""

    def search(self, caller: Caller, query: Query) -> Found:
        """Retrieve passages."""

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
        """Passages of a document that the caller may see; empty when there are none."""

    def keep_feedback(self, caller: Caller, feedback: Feedback) -> None:
        """Keep what a reader thinks."""

    def name_of(self, caller: Caller) -> str:
        """Who the caller is to the cluster, "" when it does not matter; checks his credentials."""

    def checks(self) -> tuple[Check, ...]:
        """Whether answers are possible now."""


class Clients:
    """The cluster's client for each caller; they share connections, and nothing else.

    ``own`` is used for callers without credentials of their own, ``bare`` has none and serves those
    that have.
    """

    def __init__(self, own: Elasticsearch | None, bare: Elasticsearch) -> None:
        self.own = own
        self.bare = bare

    def of(self, caller: Caller) -> Elasticsearch:
        """The client that acts for a caller."""
        if caller.authorization:
            return self.bare.options(headers={"authorization": caller.authorization})
        if self.own is None:
            raise TypeError("a caller without credentials got past the gate")
        return self.own
