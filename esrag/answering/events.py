"""What is told of an answer while it comes about: frozen records, in this order.

    [Rewritten]  Retrieved  Told, Told, …  Finished

A sentence is told when it may be shown, and never taken back; what is not verified yet is no event.
An answer that fails ends with an error instead of ``Finished``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from esrag.types import Answer, AnswerKind, Facet, Hit, Sentence


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A follow-up became the question that is searched for."""

    standalone: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages that the answer may come from."""

    hits: tuple[Hit, ...]
    facets: tuple[Facet, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence that may be shown, and whose words it is."""

    sentence: Sentence
    kind: AnswerKind


@dataclass(frozen=True, slots=True)
class Finished:
    """The whole answer."""

    answer: Answer


Event = Rewritten | Retrieved | Told | Finished
OnEvent = Callable[[Event], None]


def nobody(event: Event) -> None:
    """Listens and does nothing."""
    del event
