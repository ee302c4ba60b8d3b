"""Texts that wait for a process that embeds."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from esrag.embedding.waiting import Request, WaitingTexts
from esrag.errors import UnavailableError


def test_texts_of_several_requests_are_taken_together_in_order() -> None:
    """None twice, none left out."""
    waiting = WaitingTexts()
    requests = [Request([f"{name}{n}" for n in range(70)], 2) for name in "ab"]
    for request in requests:
        waiting.put(request)
    taken: list[str] = []
    while places := waiting.take(100, sharers=1, block=False):
        taken += [request.texts[number] for request, number in places]
    assert taken == [*requests[0].texts, *requests[1].texts]


def test_several_processes_share_what_waits() -> None:
    """One does not take all while another has nothing to do."""
    waiting = WaitingTexts()
    waiting.put(Request(["x"] * 800, 2))
    assert len(waiting.take(1_000, sharers=4, block=False)) == 200
    assert len(waiting.take(1_000, sharers=4, block=False)) == 150


def test_a_request_is_done_when_each_text_has_its_vector() -> None:
    """In whatever order they come."""
    request = Request(["a", "b"], 2)
    request.fill(1, np.array([3.0, 4.0]))
    threading.Timer(0.05, request.fill, (0, np.array([1.0, 2.0]))).start()
    assert request.wait().tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_whoever_waits_is_let_go_at_the_end() -> None:
    """With the error that ended it, also when it asks afterwards."""
    waiting = WaitingTexts()
    early, late = Request(["a"], 2), Request(["b"], 2)
    waiting.put(early)
    waiting.close(UnavailableError("over"))
    waiting.put(late)
    assert waiting.take(5, sharers=1, block=True) == []
    for request in (early, late):
        with pytest.raises(UnavailableError, match="over"):
            request.wait()
