"""Judges one reply: its spans with their verdicts, and its metrics.

    question + reply + pool ─► SpanMaker ─► spans ─► metrics ─► Scored

The same input gives the same output, byte for byte, unless a judge is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from esrag.evaluation.answer_metrics import Judged, Prices, metrics_of
from esrag.evaluation.judge import Judge
from esrag.evaluation.records import Passage, Reply, Scored, Span, SystemKind
from esrag.evaluation.spans import SpanMaker
from esrag.questions import KnownQuestion


def score(
    question: KnownQuestion,
    reply: Reply,
    pool: Sequence[Passage],
    *,
    kind: SystemKind = "rag",
    judge: Judge | None = None,
    prices: Prices | None = None,
) -> Scored:
    """``reply`` with its spans and metrics.

    ``kind``: what the system is; one that only finds passages has neither spans nor measures of
    answers.  ``judge`` has the last word on stretches that the rules leave unsupported; where it
    fails the rules' verdict stands.  A failed reply has no spans and counts as wrong.
    """
    pool = tuple(pool)
    spans: tuple[Span, ...] = ()
    if reply.status != "failed" and kind != "retrieval":
        spans = _maker(question, pool, judge).spans(reply.text)
    judged = Judged(question, reply, spans, pool, kind, prices)
    return Scored(reply, spans, metrics_of(judged))


@lru_cache(maxsize=4)
def _maker(question: KnownQuestion, pool: tuple[Passage, ...], judge: Judge | None) -> SpanMaker:
    """The replies of all systems to one question are judged one after another."""
    return SpanMaker(question, pool, second=judge.second(question) if judge else None)
