"""Keeps answers in their index, without holding up or failing any of them.

    answer ──► queue ──► thread ──► esrag-answers-<set>     written with the rights of who asked
                 └─ full, or refused: counted, and said once

What readers think of an answer is kept in the same index; that is told to them, so it is written
at once and its failure is an error.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from esrag import __version__
from esrag.cluster.logged_answers import require_index, write_entry
from esrag.errors import EsragError
from esrag.observing.prices import Prices
from esrag.types import Answer

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

WAITING = 256  # answers; each is some 30 kB with its passages
CLOSE_SECONDS = 5.0
_TIMES = ("total", "retrieve", "assess", "first_token", "first_sentence", "generate")

Record = Callable[[Answer, EsragError | None], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Kept:
    client: Elasticsearch
    answer: Answer
    error: EsragError | None
    trace_id: str
    at: str


class AnswerLog:
    """The log of one document set; any thread may hand in answers.

    ``record`` makes the JSON form of an answer.  ``missed`` is called for each that the log does
    not have, ``tell`` hears of it once for each reason.
    """

    def __init__(
        self,
        index: str,
        *,
        record: Record,
        prices: Prices | None = None,
        tell: Callable[[str], None] = lambda _: None,
        missed: Callable[[], None] = lambda: None,
    ) -> None:
        self.index = index
        self._record = record
        self._prices = prices or Prices()
        self._tell = tell
        self._missed = missed
        self._queue: queue.Queue[_Kept | None] = queue.Queue(WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_there = False
        self._told: set[str] = set()

    def keep(
        self,
        client: Elasticsearch,
        answer: Answer,
        *,
        error: EsragError | None = None,
        trace_id: str = "",
    ) -> None:
        """Have an answer written, some time soon; returns at once and raises nothing."""
        try:
            self._queue.put_nowait(_Kept(client, answer, error, trace_id, _now()))
        except queue.Full:
            self._miss("answers come faster than the answer log takes them")
            return
        self._start()

    def keep_feedback(
        self, client: Elasticsearch, answer_id: str, *, rating: str, comment: str
    ) -> None:
        """Write what a reader thinks of an answer; raises what the cluster raises."""
        self._require(client)
        write_entry(client, self.index, feedback_entry(answer_id, rating, comment, at=_now()))

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what waits, for so long at most; what is left is counted as missed."""
        thread = self._thread
        if thread is None:
            return
        end = time.monotonic() + seconds
        try:
            self._queue.put(None, timeout=seconds)
        except queue.Full:
            pass
        else:
            thread.join(max(0.0, end - time.monotonic()))
        left = sum(item is not None for item in self._drained())
        for _ in range(left):
            self._miss("the answer log did not take all answers before the end")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="esrag-answer-log", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while (kept := self._queue.get()) is not None:
            try:
                self._write(kept)
            except EsragError as error:
                self._miss(error.message)
            except Exception as error:  # noqa: BLE001 - the next answer is to be kept all the same
                self._miss(f"an answer cannot be kept: {type(error).__name__}")

    def _write(self, kept: _Kept) -> None:
        self._require(kept.client)
        entry = answer_entry(
            kept.answer,
            self._record(kept.answer, kept.error),
            at=kept.at,
            trace_id=kept.trace_id,
            cost=self._prices.of(kept.answer),
        )
        write_entry(kept.client, self.index, entry, entry_id=kept.answer.id)

    def _require(self, client: Elasticsearch) -> None:
        if not self._is_there:
            require_index(client, self.index)
            self._is_there = True

    def _miss(self, why: str) -> None:
        self._missed()
        with self._lock:
            if why in self._told or len(self._told) > WAITING:
                return
            self._told.add(why)
        self._tell(f"The answer log lacks an answer: {why}")

    def _drained(self) -> list[_Kept | None]:
        found: list[_Kept | None] = []
        while True:
            try:
                found.append(self._queue.get_nowait())
            except queue.Empty:
                return found


def answer_entry(
    answer: Answer, record: Mapping[str, Any], *, at: str, trace_id: str, cost: float
) -> dict[str, Any]:
    """The document of an answer: what one searches and counts by, and the whole record."""
    return {
        "kind": "answer",
        "answer_id": answer.id,
        "at": at,
        "trace_id": trace_id,
        "version": __version__,
        "question": answer.question,
        "standalone": answer.standalone,
        "answer": answer.text,
        "answer_kind": answer.kind,
        "complete": answer.complete,
        "degraded": bool(answer.degraded),
        "confidence": answer.confidence,
        "threshold": answer.threshold,
        "model": answer.model,
        "cited": sorted({c.hit.id for s in answer.sentences for c in s.citations}),
        "documents": sorted({hit.document_id for hit in answer.hits}),
        "dropped": len(answer.dropped),
        "invalid_citations": answer.invalid_citations,
        "prompt_tokens": answer.prompt_tokens,
        "generated_tokens": answer.generated_tokens,
        "cost": cost,
        "seconds": {
            name: round(answer.seconds[name], 6) for name in _TIMES if name in answer.seconds
        },
        "record": dict(record),
    }


def feedback_entry(answer_id: str, rating: str, comment: str, *, at: str) -> dict[str, Any]:
    """The document of what a reader thinks of an answer."""
    return {
        "kind": "feedback",
        "answer_id": answer_id,
        "at": at,
        "version": __version__,
        "rating": rating,
        "comment": comment,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
