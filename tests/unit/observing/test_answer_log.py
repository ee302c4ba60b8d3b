"""The answer log never holds up or fails an answer."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from esrag.errors import UnavailableError
from esrag.observing.answer_log import WAITING, AnswerLog
from esrag.testing_elasticsearch import ElasticsearchFake, Reply, Request
from esrag.types import Answer

ANSWER = Answer("When?", "refused", (), (), id="0" * 32)


class Cluster:
    """Takes entries, or answers with a status; holds them up while ``go`` is not set."""

    def __init__(self, status: int = 201) -> None:
        self.status = status
        self.entries = 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self, request: Request) -> Reply:
        """One answer."""
        if request.method == "HEAD":
            return Reply(200, None)
        self.go.wait(10)
        if self.status >= 400:
            return Reply(
                self.status, {"error": {"type": "x", "reason": "y"}, "status": self.status}
            )
        self.entries += 1
        return Reply(200, {"errors": False, "items": [{"create": {"status": self.status}}]})


def log_of(told: list[str], missed: list[int], record: Any = None) -> AnswerLog:
    """A log that notes what it missed."""
    return AnswerLog(
        "esrag-answers-x",
        record=record or (lambda answer, error: {"id": answer.id}),
        tell=told.append,
        missed=lambda: missed.append(1),
    )


def test_a_refusing_cluster_is_told_of_once_and_counted_each_time() -> None:
    """A write that fails stays without consequence for answers."""
    told: list[str] = []
    missed: list[int] = []
    log = log_of(told, missed)
    client = ElasticsearchFake(Cluster(status=503)).client()
    for _ in range(3):
        log.keep(client, ANSWER)
    log.close()
    assert (len(told), len(missed)) == (1, 3)


def test_a_slow_cluster_fills_the_queue_and_holds_nobody_up() -> None:
    """What does not fit is counted; the end does not wait for ever."""
    told: list[str] = []
    missed: list[int] = []
    cluster = Cluster()
    cluster.go.clear()
    log = log_of(told, missed)
    client = ElasticsearchFake(cluster).client()
    for _ in range(WAITING + 20):
        log.keep(client, ANSWER)
    full = len(missed)
    assert full >= 19  # one is being written
    log.close(seconds=0.05)
    cluster.go.set()
    assert len(missed) == full + WAITING


def test_an_answer_that_cannot_be_recorded_does_not_stop_the_log() -> None:
    """Also a mistake of ours costs one entry and no more."""
    told: list[str] = []
    missed: list[int] = []
    cluster = Cluster()

    def record(answer: Answer, error: object) -> dict[str, str]:
        if answer.question == "bad":
            raise ValueError("bad")
        return {}

    log = log_of(told, missed, record)
    client = ElasticsearchFake(cluster).client()
    log.keep(client, Answer("bad", "refused", (), (), id="1" * 32))
    log.keep(client, ANSWER)
    log.close()
    assert (len(missed), cluster.entries) == (1, 1)


def test_feedback_that_is_not_kept_is_an_error() -> None:
    """The reader is told, so it must be true."""
    client = ElasticsearchFake(Cluster(status=503)).client()
    with pytest.raises(UnavailableError):
        log_of([], []).keep_feedback(client, ANSWER.id, rating="up", comment="")
