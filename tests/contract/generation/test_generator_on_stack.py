"""The generator against real servers: the cluster's own endpoint, and TGI's limits and counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from elasticsearch import Elasticsearch
from fake_generator import FakeGenerator, Script

from esrag.cluster.client import authorization_of
from esrag.cluster.endpoints import generator_body, write_endpoint
from esrag.errors import PermissionDeniedError, UsageError
from esrag.generation.generator import Generator
from esrag.generation.pieces import BusyError, IncompleteError, TooLongError
from esrag.generation.places import Place
from esrag.types import Message

if TYPE_CHECKING:
    from conftest import Stack

TEXT = "Grüße aus Wien 🎡: it costs 42 € [1]."
QUESTION = (Message("system", "rules"), Message("user", "What is it?"))


@pytest.fixture
def fake() -> Iterator[FakeGenerator]:
    """What stands behind the cluster's endpoint."""
    with FakeGenerator(script=Script(text=TEXT)) as running:
        yield running


@pytest.fixture
def place(stack: Stack, es: Elasticsearch, prefix: str, fake: FakeGenerator) -> Iterator[Place]:
    """An endpoint of the cluster that leads to the fake."""
    write_endpoint(es, prefix, generator_body("chat_completion", url=fake.url, model="lora"))
    yield Place(
        url=stack.elasticsearch_url,
        protocol="elasticsearch",
        inference_id=prefix,
        authorization=authorization_of(es),
    )
    es.inference.delete(inference_id=prefix, force=True)


def test_the_cluster_hands_the_stream_on(fake: FakeGenerator, place: Place) -> None:
    """Text, finish reason and usage come through; the endpoint's model is asked for, greedily."""
    with Generator(place) as generator:
        pieces = list(generator.stream(QUESTION, max_tokens=50))
    assert "".join(piece.text for piece in pieces) == TEXT
    assert [piece.finish_reason for piece in pieces if piece.finish_reason] == ["stop"]
    assert pieces[-1].prompt_tokens > 0
    asked = fake.generations[-1]
    assert (asked.body["model"], asked.body["max_tokens"], asked.body["temperature"]) == (
        "lora",
        50,
        0,
    )
    assert (asked.system, asked.user) == ("rules", "What is it?")


def test_what_goes_wrong_behind_the_cluster_is_told_apart(
    fake: FakeGenerator, place: Place
) -> None:
    """Busy, too long and cut off mean the same as without the cluster in between."""
    with Generator(place) as generator:
        words = "Input validation error: `inputs` must have less than 9 tokens. Given: 99"
        for script in (Script(status=422, error=words), Script(error_after=0, event=words)):
            fake.script = script
            with pytest.raises(TooLongError):
                list(generator.stream(QUESTION))
        fake.script = Script(text=TEXT, error_after=3)
        with pytest.raises(IncompleteError) as caught:
            list(generator.stream(QUESTION))
        assert TEXT.startswith(caught.value.text)
        fake.script = Script(text=TEXT, cut_after=700)
        with pytest.raises(IncompleteError):
            list(generator.stream(QUESTION))
        fake.script = Script(status=429, error="Model is overloaded")
        with pytest.raises(BusyError):
            list(generator.stream(QUESTION))


def test_a_reader_who_leaves_ends_the_work_behind_the_cluster(
    fake: FakeGenerator, place: Place
) -> None:
    """The cluster lets go of its generator when its own client has gone."""
    fake.script = Script(endless=True, pieces_per_second=100)
    with Generator(place) as generator:
        pieces = generator.stream(QUESTION, max_tokens=4000)
        next(pieces)
        pieces.close()
    assert fake.wait(lambda: fake.open_streams == 0, within=5)


def test_an_endpoint_that_is_missing_and_a_key_that_is_wrong(place: Place) -> None:
    """The errors say which."""
    missing = replace(place, inference_id="no-such-endpoint")
    with Generator(missing) as generator, pytest.raises(UsageError, match="no-such-endpoint"):
        list(generator.stream(QUESTION))
    with Generator(place) as generator, pytest.raises(PermissionDeniedError):
        list(generator.as_caller("ApiKey bm8ta2V5Om5vcGU=").stream(QUESTION))


def test_limits_and_counts_come_from_the_tgi_of_the_stack(stack: Stack) -> None:
    """They are numbers of its model; the native route gets the same prompt as the messages API."""
    url = stack.tgi_url
    with Generator(Place(url=url)) as generator:
        assert generator.limits().kind == "tgi"
        assert generator.count_tokens(QUESTION) > len("rules What is it?".split())
        chat = list(generator.stream(QUESTION, max_tokens=4))
    with Generator(Place(url=url, protocol="tgi")) as generator:
        native = list(generator.stream(QUESTION, max_tokens=4))
    assert "".join(p.text for p in chat) == "".join(p.text for p in native)
    assert chat[-1].prompt_tokens == native[-1].prompt_tokens
