"""What the tests of the ML node process share: a small vocabulary, a module without torch."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

import numpy as np
import pytest

from esrag.local.mlnode.execution import ChildEnded, Outcome
from esrag.local.mlnode.tokenization import TokenIds
from esrag.local.mlnode.vocabulary import Vocabulary

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##b", "##c", "word")


class LocalExecution:
    """Executes in this process: the vector of an input is its length and the sum of its ids.

    ``gate`` holds batches back while it is clear; ``end`` is what a crash of a child looks like.
    An input with the token [MASK] is one that the model fails on.
    """

    isolated = True

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[list[int]] = []
        self.arrived = threading.Semaphore(0)
        self._ended = threading.Event()
        self._sent: dict[int, deque[Sequence[TokenIds]]] = {}

    def wait_ready(self) -> None:
        """There is nothing to load."""
        if self._ended.is_set():
            raise ChildEnded("it was ended while loading")

    def send(self, slot: int, sequences: Sequence[TokenIds], positions: Sequence[int] = ()) -> None:
        """Keep the batch until its turn comes."""
        self._sent.setdefault(slot, deque()).append(sequences)

    def receive(self, slot: int, *, expected: int) -> Outcome:
        """One vector of two numbers for each sequence."""
        sequences = self._sent[slot].popleft()
        assert len(sequences) == expected
        self.batches.append([len(sequence) for sequence in sequences])
        self.arrived.release()
        while not self.gate.wait(0.005):
            if self._ended.is_set():
                raise ChildEnded("it was ended in the middle of a batch")
        if self._ended.is_set():
            raise ChildEnded("it was ended in the middle of a batch")
        return Outcome(
            [
                "the model does not like this"
                if WORDS.index("[MASK]") in sequence
                else np.array([len(sequence), sequence.sum()], dtype=np.float32)
                for sequence in sequences
            ],
            seconds=0.002 * len(sequences),
        )

    def wait_end(self) -> str:
        """Block until somebody ends it."""
        self._ended.wait()
        return "the child process was ended by signal SIGKILL"

    def kill(self) -> None:
        """End it."""
        self._ended.set()


@pytest.fixture
def vocabulary() -> Vocabulary:
    """A vocabulary of a few words and pieces."""
    return Vocabulary(WORDS)


@pytest.fixture
def execution() -> LocalExecution:
    """A module that runs in this process."""
    return LocalExecution()
