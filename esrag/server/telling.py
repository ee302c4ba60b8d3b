"""Events of an answer as the HTTP stream tells them, and its end as a record or a problem."""

from __future__ import annotations

import logging
from typing import Any

from esrag.answering import GeneratorFailedError
from esrag.answering.events import Finished, Retrieved, Rewritten, Told
from esrag.answering.record import as_record, facet_record, hit_record, sentence_record
from esrag.errors import EsragError
from esrag.server.callers import Caller
from esrag.server.problems import Problem, internal, problem_of
from esrag.types import Answer

log = logging.getLogger(__name__)


def named(event: object) -> tuple[str, dict[str, Any]] | None:
    """Name and data of an event; None for what is told otherwise."""
    match event:
        case Rewritten(standalone):
            return "rewritten", {"standalone": standalone}
        case Retrieved(hits, facets):
            return "sources", {
                "hits": [hit_record(hit).model_dump(mode="json") for hit in hits],
                "facets": [facet_record(facet).model_dump(mode="json") for facet in facets],
            }
        case Told(sentence, kind):
            return "sentence", {
                **sentence_record(sentence).model_dump(mode="json"),
                "kind": kind,
            }
        case Finished():
            return None  # the answer is the last event, sent when the thread has ended
        case _:
            raise TypeError(f"an event that nobody knows: {event!r}")


def record_of(answer: Answer, *, passages: bool = False) -> dict[str, Any]:
    """The answer as its record; a stream has told of the passages before."""
    return as_record(answer, hits=passages)


def problem_for(error: BaseException, caller: Caller, request_id: str) -> Problem:
    """What a caller is told of what was raised; what is no error of ours goes to the log."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, GeneratorFailedError):
        found = problem_of(error, own_credentials=False)
        words = (error.message, error.hint)
        return Problem(found.words, answer=as_record(error.fallback, error=words))
    if isinstance(error, EsragError):
        found = problem_of(error, own_credentials=bool(caller.authorization))
        if found.words.code != "internal":
            if found.words.code == "not_ready":
                log.error("request %s: %s %s", request_id, error.message, error.hint)
            return found
    log.error("request %s failed", request_id, exc_info=error)
    return internal()
