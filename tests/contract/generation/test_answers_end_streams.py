"""Whole answers against a generator on a socket: what is no longer wanted ends there at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from fake_generator import FakeGenerator, Script

from esrag.answering import Answerer, GeneratorFailedError
from esrag.answering.events import Event, Told
from esrag.calibration import Calibration
from esrag.generation.cancelling import Cancellation, CancelledError
from esrag.generation.generator import Generator
from esrag.generation.places import Place
from esrag.testing import WordEmbedder, make_hit
from esrag.types import Found

TEXT = "Aster 4.2.1 was released on March 3, 2026"
HITS = (make_hit("a", f"{TEXT}. The export job is repaired.", title="Aster 4.2.1"),)
QUESTION = "When was Aster 4.2.1 released?"
SLOW = Script(text=f"{TEXT} [1]. ", endless=True, pieces_per_second=40)


@pytest.fixture
def fake() -> Iterator[FakeGenerator]:
    """A generator of one's own."""
    with FakeGenerator() as running:
        yield running


@pytest.fixture
def answerer(fake: FakeGenerator) -> Iterator[Answerer]:
    """An answerer over one fixed hit and that generator."""
    with Generator(Place(url=fake.url)) as generator:
        yield Answerer(
            retrieve=lambda query: Found(HITS),
            embed=WordEmbedder(),
            generator=generator,
            calibration=Calibration(threshold=0.5),
        )


def test_who_leaves_ends_the_generation_within_a_second(
    fake: FakeGenerator, answerer: Answerer
) -> None:
    """Called off from another thread, between two tokens of an answer without end."""
    fake.script = replace(SLOW, text="It goes on and on, ")
    cancel = Cancellation()
    timer = threading.Timer(0.3, cancel.cancel)
    timer.start()
    with pytest.raises(CancelledError):
        answerer.answer(QUESTION, cancel=cancel)
    assert fake.wait(lambda: fake.open_streams == 0)


def test_a_generation_begun_for_a_refusal_ends_with_it(
    fake: FakeGenerator, answerer: Answerer
) -> None:
    """The judgement comes while the stream goes on, and closes it."""
    fake.script = SLOW
    words = WordEmbedder()

    def embed(texts: Sequence[str]) -> list[list[float]]:
        fake.wait(lambda: fake.open_streams == 1)
        return words(texts)

    refusing = replace(answerer, embed=embed, calibration=Calibration(threshold=1.1))
    answer = refusing.answer(QUESTION)
    assert answer.kind == "refused"
    assert answer.steps["generate"].startswith("thrown away")
    assert len(fake.generations) == 1
    assert fake.wait(lambda: fake.open_streams == 0)


def test_three_sentences_are_enough(fake: FakeGenerator, answerer: Answerer) -> None:
    """A generator that repeats itself for ever is left."""
    fake.script = replace(SLOW, pieces_per_second=0)
    answer = answerer.answer(QUESTION)
    assert (answer.kind, answer.steps["generate"]) == ("generated", "cut off")
    assert fake.wait(lambda: fake.open_streams == 0)


def test_a_sentence_told_before_the_stream_broke_is_what_is_left(
    fake: FakeGenerator, answerer: Answerer
) -> None:
    """It is told once, and the fallback is made of it; the answer is marked incomplete."""
    text = f"{TEXT} [1]. The export job is repaired and so on."
    fake.script = Script(text=text, error_after=len(f"{TEXT} [1]. The ") // 5 + 1)
    told: list[Event] = []
    with pytest.raises(GeneratorFailedError) as caught:
        answerer.answer(QUESTION, on_event=told.append)
    fallback = caught.value.fallback
    assert [e.sentence for e in told if isinstance(e, Told)] == list(fallback.sentences)
    assert fallback.kind == "generated"
    assert not fallback.complete


def test_the_passages_are_judged_while_the_generator_thinks(
    fake: FakeGenerator, answerer: Answerer
) -> None:
    """Both together take about as long as the longer of the two."""
    fake.script = Script(text=f"{TEXT} [1].", headers_after=0.4)
    judged: list[float] = []
    words = WordEmbedder()

    def embed(texts: Sequence[str]) -> list[list[float]]:
        judged.append(time.monotonic())
        return words(texts)

    replace(answerer, embed=embed).answer(QUESTION)
    (asked,) = fake.generations
    assert judged[0] - asked.at < 0.4  # before the generator said anything
