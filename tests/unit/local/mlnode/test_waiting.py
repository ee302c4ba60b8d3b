"""Which inputs make the next batch."""

from __future__ import annotations

import random

import numpy as np
import pytest

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.request import InferRequest, WaitingSequence, Work
from esrag.local.mlnode.sequences import Encoded
from esrag.local.mlnode.tasks.embedding import TextEmbedding
from esrag.local.mlnode.tasks.task import Prepared
from esrag.local.mlnode.tokenization import TokenizationSettings
from esrag.local.mlnode.waiting import WaitingSequences


def request_of(*lengths: int) -> list[WaitingSequence]:
    """The inputs of one request with these numbers of tokens."""
    request = InferRequest(["x"] * len(lengths), TextEmbedding(TokenizationSettings()))
    return [
        sequence
        for position, length in enumerate(lengths)
        for sequence in input_of(request, position, length)
    ]


def input_of(request: InferRequest, position: int, *lengths: int) -> list[WaitingSequence]:
    """The sequences of one input, of these numbers of tokens."""
    encoded = tuple(Encoded(np.zeros(length, dtype=np.int32)) for length in lengths)
    return Work(request, position, Prepared(encoded)).sequences


def lengths(batch: list[WaitingSequence]) -> list[int]:
    """How long the inputs of a batch are."""
    return [item.length for item in batch]


def pool(capacity: int = 10_000, token_budget: int = 1000) -> WaitingSequences:
    """An empty pool."""
    return WaitingSequences(capacity=capacity, token_budget=token_budget)


def test_a_batch_stays_within_the_token_budget() -> None:
    """Padding counts: rows times the longest."""
    waiting = pool()
    waiting.add(request_of(*[100] * 25))
    assert [len(waiting.take_batch()) for _ in range(4)] == [10, 10, 5, 0]


def test_an_input_larger_than_the_budget_goes_alone() -> None:
    """Nothing waits for ever because it is long."""
    waiting = pool(token_budget=100)
    waiting.add(request_of(400, 400))
    assert lengths(waiting.take_batch()) == [400]


def test_neighbours_in_length_share_a_batch() -> None:
    """The oldest is 100 long; the long ones wait for a batch of their own."""
    waiting = pool()
    waiting.add(request_of(100, 500, 99, 480, 101))
    assert lengths(waiting.take_batch()) == [99, 100, 101]
    assert lengths(waiting.take_batch()) == [480, 500]


def test_little_is_padding_when_much_waits() -> None:
    """Under ten per cent over a day's mix of lengths."""
    seeded = random.Random(3)
    waiting = pool()
    waiting.add(request_of(*(int(seeded.lognormvariate(4.6, 0.45)) + 5 for _ in range(600))))
    real = padded = 0
    while batch := lengths(waiting.take_batch()):
        real += sum(batch)
        padded += max(batch) * len(batch)
    assert padded / real < 1.10


def test_every_batch_holds_the_input_that_has_waited_longest() -> None:
    """However odd its length, new arrivals do not overtake it twice."""
    seeded = random.Random(4)
    waiting = pool()
    waiting.add(request_of(*(seeded.randrange(70, 300) for _ in range(200))))
    remaining = set(range(200))
    while batch := waiting.take_batch():
        waiting_longest = min(remaining)
        taken = {item.arrival for item in batch}
        assert waiting_longest in taken
        remaining -= taken


def test_a_question_goes_next_though_an_ingest_waits() -> None:
    """It waits for the batch that runs, and for no other."""
    waiting = pool()
    waiting.add(request_of(*[100] * 50))
    waiting.take_batch()
    waiting.add(request_of(12))
    assert lengths(waiting.take_batch()) == [12]


def test_an_ingest_goes_on_though_questions_keep_coming() -> None:
    """Both kinds take turns."""
    waiting = pool()
    waiting.add(request_of(*[100] * 20))
    turns = []
    for _ in range(4):
        waiting.add(request_of(12))
        waiting.add(request_of(13))
        turns.append(lengths(waiting.take_batch())[0])
    assert turns == [12, 100, 12, 100]


def test_many_short_inputs_of_one_request_are_no_question() -> None:
    """They are batched with the full budget."""
    waiting = pool()
    waiting.add(request_of(*[12] * 60))
    assert len(waiting.take_batch()) == 60


def test_a_request_that_does_not_fit_is_refused_whole() -> None:
    """Nothing of it waits afterwards."""
    waiting = pool(capacity=3)
    waiting.add(request_of(5, 5))
    with pytest.raises(Problem) as refused:
        waiting.add(request_of(5, 5))
    assert refused.value.kind == "queue_full"
    assert len(waiting) == 2


def test_removed_inputs_are_never_handed_out() -> None:
    """And only those that still waited are counted."""
    waiting = pool(token_budget=100)
    gone, stays = request_of(100, 100, 100), request_of(100)
    waiting.add(gone)
    waiting.add(stays)
    waiting.take_batch()
    assert waiting.remove(gone) == 2
    assert waiting.take_batch() == stays
    assert len(waiting) == 0


def test_everything_is_handed_back_in_order_of_arrival() -> None:
    """Small and large ones alike."""
    waiting = pool()
    first, second = request_of(100, 100), request_of(5)
    waiting.add(first)
    waiting.add(second)
    assert waiting.take_all() == [*first, *second]
    assert len(waiting) == 0


def test_an_input_of_several_sequences_counts_once() -> None:
    """The server's queue counts inputs, however many windows or labels they have."""
    waiting = pool(capacity=2)
    request = InferRequest(["x", "y"], TextEmbedding(TokenizationSettings()))
    waiting.add([*input_of(request, 0, 100, 100, 100), *input_of(request, 1, 300)])
    assert len(waiting) == 2
    with pytest.raises(Problem):
        waiting.require_room(1)
    taken = [waiting.take_batch() for _ in range(2)]
    assert sorted(map(len, taken)) == [1, 3]
    assert waiting.empty
    assert len(waiting) == 0
