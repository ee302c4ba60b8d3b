"""Requests that join and leave a running batch."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from esrag.local.tgi.generation.events import Event, Failed, Finished, NextToken, Prefilled
from esrag.local.tgi.generation.sampling import SamplingParameters
from esrag.local.tgi.generation.scheduler import BatchLimits, Scheduler
from esrag.local.tgi.text import TextTokens
from esrag.local.tgi.validation import ValidRequest

Expected = Callable[[Sequence[int], int], list[int]]
Sinks = Callable[[], Any]


def request(prompt: Sequence[int], count: int, **more: Any) -> ValidRequest:
    """A greedy request."""
    return ValidRequest(
        input_ids=tuple(prompt), max_new_tokens=count, sampling=SamplingParameters(), **more
    )


def ids(events: Sequence[Event]) -> list[int]:
    """The tokens that a client was sent."""
    return [event.token.id for event in events if isinstance(event, NextToken | Finished)]


def test_neighbours_joining_and_leaving_do_not_change_an_answer(
    scheduler: Scheduler, runner: Any, expected: Expected, sink: Sinks
) -> None:
    """Forty requests of all lengths through three rows, arriving and cancelled at random."""
    chance = random.Random(4)
    jobs = [
        ([chance.randrange(256) for _ in range(chance.randint(1, 30))], chance.randint(1, 12))
        for _ in range(40)
    ]
    left = list(jobs)
    running: list[tuple[tuple[list[int], int], list[Event]]] = []
    dropped: list[list[Event]] = []
    while left or any(not finished(events) for _, events in running):
        if left and chance.random() < 0.5:
            prompt, count = left.pop()
            events = sink()
            sequence = scheduler.submit(request(prompt, count), events)
            if chance.random() < 0.2:
                sequence.cancel()
                dropped.append(events)
            else:
                running.append(((prompt, count), events))
        scheduler.turn()
    assert runner.widest == 3
    assert dropped
    assert not any(dropped)
    for (prompt, count), events in running:
        assert ids(events) == expected(prompt, count)


def finished(events: Sequence[Event]) -> bool:
    """Whether the last token has come."""
    return bool(events) and isinstance(events[-1], Finished)


def test_the_text_of_an_answer_is_the_join_of_its_pieces(scheduler: Scheduler, sink: Sinks) -> None:
    """Special tokens apart."""
    events = sink()
    scheduler.submit(request([65, 66], 60), events)
    while not finished(events):
        scheduler.turn()
    texts = [event.token.text for event in events if not event.token.special]
    assert events[-1].text == "".join(texts)
    assert events[-1].generated_tokens == 60


def test_a_request_that_goes_away_while_it_runs_frees_its_row(
    scheduler: Scheduler, expected: Expected, sink: Sinks
) -> None:
    """The others go on undisturbed, the newcomer takes the place."""
    first, second, third, fourth = (sink() for _ in range(4))
    going = scheduler.submit(request([1], 50), first)
    scheduler.submit(request([2], 50), second)
    scheduler.submit(request([3], 50), third)
    scheduler.submit(request([4], 5), fourth)
    for _ in range(3):
        scheduler.turn()
    assert not fourth
    going.cancel()
    while not finished(second):
        scheduler.turn()
    assert ids(second) == expected([2], 50)
    assert ids(third) == expected([3], 50)
    assert ids(fourth) == expected([4], 5)
    assert not finished(first)


def test_a_long_prompt_is_read_in_stretches_between_the_tokens_of_others(
    scheduler: Scheduler, sink: Sinks
) -> None:
    """Thirty tokens at eight a turn: the other request gets a token in each turn."""
    short, long = sink(), sink()
    scheduler.submit(request([1], 50), short)
    scheduler.turn()
    scheduler.submit(request(list(range(30)), 2), long)
    before = len(ids(short))
    for _ in range(3):
        scheduler.turn()
    assert not long
    assert len(ids(short)) == before + 3
    scheduler.turn()
    assert long


def test_a_request_waits_while_memory_would_not_do(
    runner: Any, tokens: TextTokens, sink: Sinks
) -> None:
    """Two rows of the longest request would take more tokens than there are."""
    scheduler = Scheduler(
        runner, vocabulary=tokens, end_tokens=(), limits=BatchLimits(rows=8, tokens=30)
    )
    first, second = sink(), sink()
    scheduler.submit(request([1], 3), first)
    scheduler.submit(request([2] * 10, 10), second)
    scheduler.turn()
    assert first
    assert not second
    while not finished(second):
        scheduler.turn()
    assert finished(first)


def test_details_of_the_prompt_come_first_with_log_probabilities(
    scheduler: Scheduler, sink: Sinks
) -> None:
    """One for each token but the first, also across stretches."""
    events = sink()
    scheduler.submit(request(list(range(60, 80)), 2, prefill_details=True), events)
    while not finished(events):
        scheduler.turn()
    assert isinstance(events[0], Prefilled)
    assert [token.id for token in events[0].tokens] == list(range(60, 80))
    assert events[0].tokens[0].logprob is None
    assert all(token.logprob is not None for token in events[0].tokens[1:])


def test_memory_is_given_back_when_nothing_runs(
    scheduler: Scheduler, runner: Any, sink: Sinks
) -> None:
    """After the last answer."""
    events = sink()
    scheduler.submit(request([1], 2), events)
    while not finished(events):
        scheduler.turn()
    assert runner.released
    assert not runner.rows


def test_a_failed_pass_is_told_and_the_next_request_works(
    scheduler: Scheduler, runner: Any, expected: Expected, sink: Sinks
) -> None:
    """Out of memory, for instance; the worker lives on."""
    runner.fail_next = "out of memory"
    scheduler.start()
    failed, fine = sink(), sink()
    scheduler.submit(request([1], 2), failed)
    wait_for(lambda: bool(failed))
    assert failed == [Failed("out of memory")]
    scheduler.submit(request([2], 2), fine)
    wait_for(lambda: finished(fine))
    assert ids(fine) == expected([2], 2)
    assert scheduler.alive
    scheduler.stop(timeout=5)


def test_a_bug_in_the_worker_is_seen_from_outside(
    scheduler: Scheduler, runner: Any, sink: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits is told, and the server is no longer healthy."""

    def broken(*_: object, **__: object) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr(runner, "prefill", broken)
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    events = sink()
    scheduler.submit(request([1], 2), events)
    scheduler.start()
    wait_for(lambda: bool(events))
    assert events == [Failed("the server is stopping", stopped=True)]
    assert not scheduler.alive


def test_stopping_tells_everybody_who_waits(scheduler: Scheduler, sink: Sinks) -> None:
    """Those in the queue, and those who come later."""
    late = sink()
    scheduler.start()
    scheduler.stop(timeout=5)
    scheduler.submit(request([1], 2), late)
    assert late == [Failed("the server is stopping", stopped=True)]
    assert not scheduler.alive


def wait_for(condition: Callable[[], bool]) -> None:
    """Give the worker thread time."""
    import time

    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the worker did not get there"
        time.sleep(0.002)
