"""The simulation of ingest obeys what must hold of any server."""

from __future__ import annotations

import pytest

from benchmarks.simulation import Client, Server, simulate


def test_one_allocation_is_as_fast_as_it_is() -> None:
    """With the next request ready, nothing but embedding takes time."""
    outcome = simulate(Server(chunk=0.01, request=0.02), Client(64), 4000)
    assert outcome.refused == 0
    assert outcome.chunks_a_second == pytest.approx(100, rel=0.02)
    assert outcome.busy > 0.98


def test_allocations_add_up_while_requests_feed_them() -> None:
    """Four allocations, four times the chunks; one chunk at a time feeds only one of them."""
    four = Server(allocations=4, chunk=0.01, request=0.0)
    assert simulate(four, Client(128), 8000).chunks_a_second == pytest.approx(400, rel=0.03)
    assert simulate(four, Client(1, at_once=1), 800).chunks_a_second == pytest.approx(100, rel=0.03)


@pytest.mark.parametrize("queue", [8, 64, 256])
def test_who_knows_the_queue_is_never_refused(queue: int) -> None:
    """The window keeps what is under way below it."""
    assert simulate(Server(queue=queue), Client(256, 4), 3000).refused == 0


def test_who_does_not_know_it_finds_its_size() -> None:
    """Refusals come, the window shrinks, and everything arrives in the end."""
    outcome = simulate(Server(queue=64), Client(256, 2, knows_queue=False), 5000)
    assert outcome.refused > 0
    assert outcome.chunks_a_second > 50


def test_the_same_seed_gives_the_same_run() -> None:
    """Nothing depends on the machine."""
    server, client = Server(queue=64), Client(256, 2, knows_queue=False)
    assert simulate(server, client, 2000) == simulate(server, client, 2000)
