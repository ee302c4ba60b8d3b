"""The fault matrix of ``esrag ask``: the generator's side, one test a row.

The passages answer all the same, what was written is said to be incomplete, the exit code is 4.
"""

from __future__ import annotations

import json
import random
import time

import jsonschema_rs
import pytest
from asking_desk import FACT, SAID, Desk
from fake_generator import FakeGenerator, Script

from esrag.answering.record import schema

CLOSED = "http://127.0.0.1:9"  # nothing listens there
LONG = f"{SAID} It was opened on 3 May 2026 [1]. {'It is open 1.5 hours more. ' * 3}"
SLOW = {
    "ESRAG_GENERATOR_FIRST_TOKEN_TIMEOUT": "0.6",
    "ESRAG_GENERATOR_TOKEN_TIMEOUT": "0.6",
    "ESRAG_GENERATOR_TOTAL_TIMEOUT": "1.5",
}


def test_a_generator_that_is_down_leaves_the_passages(desk: Desk) -> None:
    """Quoted, with their sources; the error follows on standard error."""
    outcome = desk.ask(ESRAG_GENERATOR_URL=CLOSED)
    assert outcome.code == 4
    assert FACT in outcome.output
    assert "Sources" in outcome.output
    assert "incomplete" in outcome.output
    assert "generator" in outcome.talk


@pytest.mark.parametrize(
    "status",
    [
        424,
        429,
        500,
        503,
        *(pytest.param(each, marks=pytest.mark.long) for each in (502, 504, 529)),
    ],
)
def test_a_generator_that_refuses_leaves_the_passages(
    desk: Desk, fake: FakeGenerator, status: int
) -> None:
    """Whatever it refuses with; its own words are told."""
    fake.script = Script(status=status, error="the queue is\x1b[2J full")
    outcome = desk.ask("--json", ESRAG_GENERATOR_TOTAL_TIMEOUT="1.5")
    assert outcome.code == 4
    record = json.loads(outcome.output)
    assert (record["kind"], record["complete"]) == ("quoted", False)
    assert FACT in record["answer"]
    assert record["error"]["message"]
    assert "\x1b[2J" not in outcome.talk


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_generator_that_is_busy_for_a_moment_is_asked_again(
    desk: Desk, fake: FakeGenerator, status: int
) -> None:
    """Before the first token nobody has seen anything."""
    fake.then(Script(status=status), Script(text=SAID))
    outcome = desk.ask()
    assert outcome.code == 0, outcome.talk
    assert outcome.output.startswith("Answer")


def test_a_generator_that_refuses_the_credentials_ends_with_5(
    desk: Desk, fake: FakeGenerator
) -> None:
    """That is nothing that time mends."""
    fake.api_key = "other"
    outcome = desk.ask()
    assert outcome.code == 5
    assert "generator.api_key" in outcome.talk


@pytest.mark.parametrize(
    "script",
    [
        Script(text=LONG, cut_after=900),
        Script(text=LONG, cut_after=2500, reset=True),
        Script(text=LONG, error_after=14),
        Script(text=LONG, garbage_after=14),
        Script(text=SAID, finish="", done=False),
        Script(text=LONG, piece=30, first_after=0.1, pieces_per_second=1),
        Script(text=LONG, hold=True),
        Script(text=LONG, write=1, drip=0.05),
    ],
    ids="cut reset error-event garbage no-end slow silent drip".split(),
)
def test_a_stream_that_breaks_is_said_to_be_incomplete(
    desk: Desk, fake: FakeGenerator, script: Script
) -> None:
    """Whatever was shown until then stays, and is never taken for the whole answer."""
    fake.script = script
    began = time.monotonic()
    outcome = desk.ask(**SLOW)
    assert outcome.code == 4, outcome.both
    assert time.monotonic() - began < 1.5 + 5
    assert "incomplete" in outcome.output
    assert FACT in outcome.output
    assert outcome.talk.startswith("Error: ")


def test_a_cut_character_breaks_nothing(desk: Desk, fake: FakeGenerator) -> None:
    """Bytes of one character that come one by one are one character."""
    fake.script = Script(text=f"{SAID} Größe: 東京 🎈 1.5.", write=1)
    outcome = desk.ask("--why")
    assert outcome.code == 0, outcome.talk
    assert "東京 🎈" in outcome.output


@pytest.mark.parametrize("text", [f"{SAID} ", "again and ", "[1] "])
def test_a_generator_without_end_is_ended(desk: Desk, fake: FakeGenerator, text: str) -> None:
    """By the number of sentences, or by the time that an answer may take."""
    fake.script = Script(text=text, endless=True, pieces_per_second=400)
    began = time.monotonic()
    outcome = desk.ask(**SLOW)
    assert time.monotonic() - began < 1.5 + 5
    assert outcome.code in (0, 4)
    assert FACT in outcome.output
    assert fake.wait(lambda: fake.open_streams == 0)


def test_passages_that_do_not_fit_are_left_out(desk: Desk, fake: FakeGenerator) -> None:
    """The lowest-ranked ones; the server's own limit counts."""
    fake.max_input_tokens, fake.max_total_tokens = 200, 400
    record = json.loads(desk.ask("--json", "--why").output)
    assert 1 <= len(record["prompt"]["passages"]) < len(record["hits"])
    assert record["kind"] == "generated"


def test_nothing_retrieved_is_a_refusal_without_the_generator(
    desk: Desk, fake: FakeGenerator
) -> None:
    """A filter that nothing fulfils: there is nothing that could be answered from."""
    outcome = desk.ask("--document", "not-there")
    assert outcome.code == 0
    assert "do not answer" in outcome.output
    assert fake.generations == []


def test_a_citation_of_a_passage_that_was_not_given_is_dropped(
    desk: Desk, fake: FakeGenerator
) -> None:
    """And counted; the sentence bears the source that carries it."""
    fake.says("The Marlow gateway uses port 7443 [1][77].")
    record = json.loads(desk.ask("--json").output)
    assert record["invalid_citations"] == 1
    assert [c["document_id"] for c in record["sentences"][0]["citations"]] == ["marlow"]


def test_words_that_no_passage_supports_are_not_shown(desk: Desk, fake: FakeGenerator) -> None:
    """Unless asked for, and then they are marked."""
    fake.says("The Marlow gateway uses port 9999 [1].")
    assert "9999" not in desk.ask().output
    marked = desk.ask("--verify", "mark")
    assert "9999. (no passage supports this)" in marked.output


def test_json_is_the_published_form(desk: Desk, fake: FakeGenerator) -> None:
    """Generated, quoted, refused, failed; with and without passages and prompt."""
    check = jsonschema_rs.validator_for(schema())
    kinds = set()
    for words in ((), ("--why",), ("--quote",), ("--document", "not-there"), ("--verify", "off")):
        record = json.loads(desk.ask("--json", *words).output)
        check.validate(record)
        kinds.add(record["kind"])
    fake.script = Script(status=503)
    failed = desk.ask("--json", "--show-context", ESRAG_GENERATOR_TOTAL_TIMEOUT="0.3")
    check.validate(json.loads(failed.output))
    assert kinds == {"generated", "quoted", "refused"}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200))
def test_streams_cut_anywhere_are_never_taken_for_whole(
    desk: Desk, fake: FakeGenerator, seed: int
) -> None:
    """Two hundred, each at a byte of its own."""
    chance = random.Random(seed)
    whole = 2600
    fake.script = Script(
        text=LONG, cut_after=chance.randrange(1, whole), reset=chance.random() < 0.5, write=7
    )
    record = json.loads(desk.ask("--json").output)
    assert record["complete"] is False
    assert record["error"]["message"]
