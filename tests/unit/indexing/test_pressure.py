"""How much is sent at once follows the answers, and what the cluster says of its load."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from esrag.cluster.gauge import Gauge, Reading, memory_share
from esrag.cluster.pressure import Window, window_for
from esrag.testing_wire import ElasticsearchFake, Reply, Request

NEVER = threading.Event()


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def reading(**values: Any) -> Reading:
    """A deployment with one allocation that needs 5 ms for a chunk."""
    known: dict[str, Any] = {
        "state": "started",
        "allocations": 1,
        "threads": 2,
        "queue_capacity": 1024,
        "average_ms": 5.0,
    }
    return Reading(**(known | values))


def full_rounds(window: Window, clock: Clock, *, rate: float, rounds: int) -> None:
    """Answers that all come while as many requests are under way as may be."""
    for _ in range(rounds):
        level = window.at_once
        with ExitStack() as stack:
            for _ in range(level):
                stack.enter_context(window.passage(1, stop=NEVER))
            for _ in range(2 * level + 2):
                clock.now += window.size / rate
                window.grow(window.size)


def test_a_queue_is_never_given_more_than_it_holds() -> None:
    """Whatever the sizes of the requests are, their chunks together fit into it."""
    window = Window(256, most_at_once=8, capacity=1024)
    assert window.size * window.at_once <= 1024
    window = Window(256, capacity=100)
    with window.passage(50, stop=NEVER), window.passage(50, stop=NEVER):
        assert window.state().chunks == 100
    passed = threading.Event()

    def another() -> None:
        with window.passage(51, stop=NEVER):
            passed.set()

    thread = threading.Thread(target=another)
    with window.passage(50, stop=NEVER):
        thread.start()
        assert not passed.wait(0.05)
    assert passed.wait(5)
    thread.join()


def test_whoever_waits_for_a_turn_can_be_stopped() -> None:
    """Its passage says so."""
    window = Window(10, at_once=1)
    stop = threading.Event()
    stop.set()
    with window.passage(1, stop=NEVER), window.passage(1, stop=stop) as turn:
        assert turn == -1


def test_one_moment_of_too_much_counts_once() -> None:
    """Refusals of requests that were under way together halve once, as in TCP."""
    window = Window(64, at_once=2)
    with window.passage(1, stop=NEVER) as first, window.passage(1, stop=NEVER) as second:
        window.shrink(first)
        window.shrink(second)
    assert window.size == 32


def test_requests_at_once_are_given_up_before_their_size() -> None:
    """Down to two; then smaller ones; one alone in the end."""
    window = Window(64, at_once=8, most_at_once=8)
    seen = []
    for _ in range(6):
        window.shrink()
        seen.append((window.at_once, window.size))
    assert seen == [(4, 64), (2, 64), (2, 32), (2, 16), (2, 8), (1, 8)]


@pytest.mark.parametrize(("gain", "expected"), [(1.0, 2), (1.5, 4)])
def test_more_requests_at_once_are_kept_only_if_they_bring_more(gain: float, expected: int) -> None:
    """One more is tried; without a gain it is taken back, and left alone for a while."""
    clock = Clock()
    window = Window(100, at_once=2, most_at_once=4, clock=clock)
    for rounds in range(4):
        full_rounds(window, clock, rate=1000 * gain ** (window.at_once - 2), rounds=1)
        assert window.at_once <= 4, rounds
    assert window.at_once == expected


def test_times_without_work_prove_nothing() -> None:
    """Nothing is tried while there is less to send than could be sent."""
    clock = Clock()
    window = Window(100, at_once=2, most_at_once=8, clock=clock)
    for _ in range(50):
        clock.now += 0.1
        with window.passage(100, stop=NEVER):
            window.grow(100)
    assert window.at_once == 2


def test_a_request_brings_no_more_work_than_hides_the_indexing() -> None:
    """Questions wait behind it in the same queue."""
    window = Window(256, capacity=1024)
    window.consider(reading(average_ms=10.0))
    assert window.size == 75
    window.consider(reading(average_ms=10.0, allocations=4))
    for _ in range(100):
        window.grow(1)
    assert window.size == 256


def test_the_queue_is_what_the_cluster_says_and_what_others_leave() -> None:
    """Not what the settings hoped for."""
    window = Window(256, capacity=1024)
    window.consider(reading(queue_capacity=100, average_ms=0.0))
    assert window.size * window.at_once <= 100
    window.consider(reading(queue_capacity=100, queued=60, average_ms=0.0))
    assert window.size * window.at_once <= 40


def test_refusals_of_others_make_it_send_less() -> None:
    """Their requests were refused because the queue was full of ours."""
    window = Window(64)
    window.consider(reading(rejected=3, average_ms=0.0))
    assert window.size == 64
    window.consider(reading(rejected=4, average_ms=0.0))
    assert window.size == 32


def test_memory_for_indexing_that_runs_out_makes_it_send_less() -> None:
    """Nothing grows while it is crowded, and it shrinks before the server refuses."""
    window = Window(64)
    window.consider(Reading(memory=0.95))
    assert window.size == 32
    window.consider(Reading(memory=0.8))
    window.grow(1)
    assert window.size == 32
    window.consider(Reading(memory=0.1))
    window.grow(1)
    assert window.size == 40


def test_the_share_of_memory_is_that_of_the_fullest_node() -> None:
    """A node that is full refuses, however empty the others are."""

    def node(taken: int) -> dict[str, Any]:
        current = {"combined_coordinating_and_primary_in_bytes": taken}
        return {"indexing_pressure": {"memory": {"current": current, "limit_in_bytes": 100}}}

    assert memory_share({"nodes": {"a": node(10), "b": node(80)}}) == 0.8
    assert memory_share({}) is None


def stats(**values: Any) -> dict[str, Any]:
    """The statistics of a deployment."""
    node = {
        "inference_count": 10,
        "average_inference_time_ms": 4.0,
        "number_of_pending_requests": 7,
    }
    known = {
        "deployment_id": "model",
        "model_id": "model",
        "state": "started",
        "number_of_allocations": 2,
        "threads_per_allocation": 1,
        "queue_capacity": 300,
        "inference_count": 10,
        "rejected_execution_count": 2,
        "allocation_status": {"allocation_count": 2, "target_allocation_count": 2},
        "nodes": [node],
    }
    return {"trained_model_stats": [{"model_id": "model", "deployment_stats": known | values}]}


class Cluster:
    """Answers what the gauge asks, or refuses it."""

    def __init__(self, *, stats: Reply, pressure: Reply) -> None:
        self.stats = stats
        self.pressure = pressure
        self.fake = ElasticsearchFake(self.answer)

    def answer(self, request: Request) -> Reply:
        """One of the two."""
        return self.stats if request.path.startswith("_ml/") else self.pressure

    def gauge(self, clock: Clock, deployment_id: str = "model") -> Gauge:
        """What reads it."""
        return Gauge(self.fake.client(), deployment_id, every=2.0, clock=clock)


FORBIDDEN = Reply.error(403, "security_exception", "action [x] is unauthorized")
DOWN = Reply.error(503, "unavailable", "no")


def test_a_reading_has_what_the_key_may_see() -> None:
    """The tight role sees the deployment; the documented one the memory as well."""
    memory = {"current": {"combined_coordinating_and_primary_in_bytes": 5}, "limit_in_bytes": 10}
    nodes = {"nodes": {"a": {"indexing_pressure": {"memory": memory}}}}
    cluster = Cluster(stats=Reply(200, stats()), pressure=Reply(200, nodes))
    expected = Reading(
        state="started",
        allocations=2,
        threads=1,
        queue_capacity=300,
        queued=7,
        rejected=2,
        done=10,
        average_ms=4.0,
    )
    assert cluster.gauge(Clock()).read() == replace(expected, memory=0.5)
    cluster.pressure = FORBIDDEN
    assert cluster.gauge(Clock()).read() == expected


def test_what_is_forbidden_is_asked_once() -> None:
    """With neither, nothing is ever asked again."""
    cluster = Cluster(stats=FORBIDDEN, pressure=FORBIDDEN)
    clock = Clock()
    gauge = cluster.gauge(clock)
    assert gauge.read_if_due() == Reading()
    clock.now += 10
    assert gauge.read_if_due() is None
    assert len(cluster.fake.requests) == 2


def test_a_cluster_that_does_not_answer_has_said_nothing() -> None:
    """Sending does not fail for it, and it is asked again."""
    cluster = Cluster(stats=DOWN, pressure=DOWN)
    clock = Clock()
    gauge = cluster.gauge(clock)
    assert gauge.read_if_due() == Reading()
    window = Window(64)
    window.consider(reading(queue_capacity=50, average_ms=0.0))
    window.consider(Reading())
    assert window.size == 25
    assert gauge.read_if_due() is None
    clock.now += 2
    assert gauge.read_if_due() == Reading()


def test_a_run_begins_with_a_reading() -> None:
    """So that the first request fits already; the settings are the bound where nothing is read."""
    cluster = Cluster(stats=Reply(200, stats(queue_capacity=40)), pressure=FORBIDDEN)
    window, _ = window_for(cluster.fake.client(), "model", queue_capacity=1024)
    assert (window.size, window.at_once) == (16, 2)  # seven chunks of others are in it
    cluster.stats = FORBIDDEN
    window, _ = window_for(cluster.fake.client(), "model", queue_capacity=8)
    assert (window.size, window.at_once) == (4, 2)
    window, _ = window_for(cluster.fake.client(), "", queue_capacity=8)
    assert (window.size, window.at_once) == (256, 4)
