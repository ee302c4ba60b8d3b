"""Order and packs: every row once an epoch, the same each time, and little waste."""

from __future__ import annotations

import random

import pytest

from esrag.training.packing import Order, packed, shares


def test_every_row_is_seen_once_an_epoch() -> None:
    """An epoch's batches hold each row once, and the next epoch has another order."""
    order = Order(23, batch=5, seed=1)
    epochs = [
        [row for step in range(5) for row in order.batch(5 * epoch + step)] for epoch in (0, 1)
    ]
    assert order.steps_per_epoch == 5
    assert [sorted(rows) for rows in epochs] == [list(range(23))] * 2
    assert epochs[0] != epochs[1]


def test_a_step_has_the_same_rows_wherever_a_run_goes_on() -> None:
    """Rows of a step depend on the seed and its number alone, not on the steps before."""
    straight = Order(23, batch=5, seed=1)
    steps = [straight.batch(step) for step in range(12)]
    assert Order(23, batch=5, seed=1).batch(11) == steps[11]
    assert Order(23, batch=5, seed=2).batch(11) != steps[11]


@pytest.mark.parametrize(("rows", "sizes"), [(21, [5, 5, 5, 5, 1]), (4, [4])])
def test_the_last_step_of_an_epoch_takes_what_is_left(rows: int, sizes: list[int]) -> None:
    """No row is left out, and none is taken twice to fill a step."""
    order = Order(rows, batch=5, seed=1)
    assert [len(order.batch(step)) for step in range(order.steps_per_epoch)] == sizes


def test_packs_hold_every_row_and_waste_little() -> None:
    """Packs never exceed their capacity, and of usual lengths less than 3 % stays free."""
    random.seed(1)
    lengths = [min(1500, max(20, round(random.lognormvariate(5, 0.8)))) for _ in range(2000)]
    packs = packed(lengths, capacity=2048)
    assert sorted(row for pack in packs for row in pack) == list(range(2000))
    assert max(sum(lengths[row] for row in pack) for pack in packs) <= 2048
    assert 1 - sum(lengths) / (2048 * len(packs)) < 0.03


def test_a_row_longer_than_a_pack_is_alone() -> None:
    """It is neither cut nor joined by others."""
    assert packed([10, 300, 20], capacity=100) == [[1], [2, 0]]


def test_processes_share_rows_evenly() -> None:
    """Each gets about as many tokens as the others, and none when rows are fewer than they."""
    lengths = [100, 90, 80, 30, 20, 10, 5, 5]
    parts = shares(lengths, processes=3)
    assert sorted(row for part in parts for row in part) == list(range(8))
    loads = [sum(lengths[row] for row in part) for part in parts]
    assert max(loads) - min(loads) <= 10
    assert shares([7], processes=3) == [[0], [], []]
