"""``esrag explain``: an answer of the log, and the same question asked again."""

from __future__ import annotations

import json

import pytest
from asking_desk import FACT, QUESTION, Desk
from fake_generator import FakeGenerator

LOGGED = {"ESRAG_ANSWER_LOG": "true"}


@pytest.fixture
def answer_id(desk: Desk) -> str:
    """An answer that was given, and kept."""
    outcome = desk.ask("--document", "marlow", "--document", "tarn", "--json", **LOGGED)
    assert outcome.code == 0, outcome.talk
    return str(json.loads(outcome.output)["id"])


def test_an_answer_can_be_explained(desk: Desk, answer_id: str) -> None:
    """Question, answer, sources, passages, the prompt word by word, and the verdict."""
    outcome = desk.run("explain", answer_id)
    assert outcome.code == 0, outcome.talk
    for words in (QUESTION, FACT, "docs.example/marlow", "Tarn relay weighs 14 kg", "supported"):
        assert words in outcome.output
    assert "Question: " + QUESTION in outcome.output


def test_a_replay_finds_the_same(desk: Desk, fake: FakeGenerator, answer_id: str) -> None:
    """With the same filters; and it leaves nothing in the log."""
    before = kept(desk)
    outcome = desk.run("explain", answer_id[:12], "--replay", "--json", **LOGGED)
    found = json.loads(outcome.output)
    assert found["comparison"]["same_answer"] is True
    assert found["comparison"]["in_order"] is True
    assert {hit["document_id"] for hit in found["replayed"]["hits"]} == {"marlow", "tarn"}
    assert len(fake.generations) == 2
    assert kept(desk) == before


def test_a_replay_says_what_changed(desk: Desk, fake: FakeGenerator, answer_id: str) -> None:
    """Another answer, and of another kind."""
    fake.says("The Marlow gateway uses port 9999 [1].")
    outcome = desk.run("explain", answer_id, "--replay")
    assert "another answer" in outcome.output
    assert "generated, now quoted" in outcome.output


@pytest.mark.parametrize(("given", "words"), [("0000", "has no answer"), ("zz", "no id")])
def test_what_is_not_there_ends_with_2(desk: Desk, given: str, words: str) -> None:
    """With what to give instead."""
    outcome = desk.run("explain", given)
    assert outcome.code == 2
    assert words in outcome.talk


def test_without_a_log_there_is_nothing_to_explain(desk: Desk) -> None:
    """Exit code 7, and how it is switched on."""
    outcome = desk.run("explain", "--set", "never-made", "0" * 32)
    assert outcome.code == 7
    assert "answer.log" in outcome.talk


def test_the_person_who_asked_learns_the_id(desk: Desk) -> None:
    """Only when the answer is kept."""
    assert "esrag explain" in desk.ask(**LOGGED).talk
    assert "esrag explain" not in desk.ask().talk


def kept(desk: Desk) -> int:
    """How many answers the log has."""
    desk.es.indices.refresh(index=desk.names.answers)
    return int(desk.es.count(index=desk.names.answers)["count"])
