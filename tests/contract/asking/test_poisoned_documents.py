"""Forty poisoned documents: what the generator is sent, and what its worst answer does here."""

from __future__ import annotations

import re
import socket
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from asking_desk import Desk, Outcome
from fake_generator import FakeGenerator, Request
from poisoned_documents import ELSEWHERE, MARK, POISONED, Poisoned

from esrag.prompting import SYSTEM

_FENCED = re.compile(r"<passage (?P<fence>[0-9a-f]{6,})>\n(.*?)\n</passage (?P=fence)>", re.DOTALL)
_CONTROL_TOKENS = (
    *("<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"),
    *("[INST]", "[/INST]", "<<SYS>>", "</s>", "<s>", "<start_of_turn>", "<end_of_turn>"),
    *("<|system|>", "<|assistant|>", "<|end|>", "<｜User｜>", "<｜Assistant｜>", "<|start|>"),
    *("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|channel|>", "<tool_call>"),
)

REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# one of each kind; CI leaves out the others
SAMPLE = "leak authority fence chatml image link clear title tags".split()


@pytest.fixture
def contacted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that this process connects to."""
    found: list[Any] = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        found.append(address)
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return found


def worst_of(poison: Poisoned, request: Request) -> str:
    """What a generator answers that obeys."""
    return poison.worst.replace("{system}", request.system).replace("{prompt}", request.user)


def steering(shown: str) -> Iterator[str]:
    """Characters that do more than being read."""
    for character in shown.replace("\n", "").replace("\t", ""):
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in (
            "\u202e\u202d\u2066\u2067\u200b\u2060\ufeff"
        ):
            yield character


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param(each, id=each.name, marks=[] if each.name in SAMPLE else pytest.mark.long)
        for each in POISONED
    ],
)
def test_a_poisoned_document(
    poison: Poisoned, desk: Desk, fake: FakeGenerator, contacted: list[Any]
) -> None:
    """It stays quoted material in the request, and harmless words on the terminal."""
    fake.says(lambda request: worst_of(poison, request))
    outcome = desk.ask(
        "--document", poison.name, "--show-context", "--why", question=poison.question
    )
    assert outcome.code == 0, outcome.talk
    (request,) = fake.generations
    require_fenced(request, poison, desk)
    plain = desk.ask("--document", poison.name, question=poison.question)
    require_harmless(outcome, plain, poison)
    require_nothing_elsewhere(contacted, desk)


def require_fenced(request: Request, poison: Poisoned, desk: Desk) -> None:
    """Two turns, the first always the same; whatever is the document's stands between fences."""
    assert [turn["role"] for turn in request.messages] == ["system", "user"]
    assert request.system == SYSTEM
    fences = {match["fence"] for match in _FENCED.finditer(request.user)}
    assert len(fences) == 1
    outside = _FENCED.sub("", request.user)
    assert MARK not in outside
    assert "pump needs a filter" not in outside
    assert "<passage" not in outside.lower()
    assert "passage>" not in outside.lower()
    for token in _CONTROL_TOKENS:
        assert token not in request.user, token
    sent = str(request.body) + str(request.headers)
    assert desk.environment["ESRAG_ELASTICSEARCH_PASSWORD"] not in sent
    assert not any("\U000e0000" <= c <= "\U000e007f" or c in REORDERING for c in request.user)


def require_harmless(outcome: Outcome, plain: Outcome, poison: Poisoned) -> None:
    """Nothing steers the terminal; no sentence of the rules, and no obedience, is an answer."""
    assert list(steering(outcome.both)) == []
    assert list(steering(plain.both)) == []
    assert SYSTEM[:60] not in plain.output
    assert not re.search(r"\b1 micron", plain.output)
    links = [line.strip() for line in plain.output.splitlines() if line.strip().startswith("http")]
    for shown in links:
        if poison.name != "look-alike":
            assert urlsplit(shown).hostname == "docs.example"
        assert "@" not in shown
    assert "javascript:" not in plain.output
    for shown in re.findall(rf"\S*{ELSEWHERE}\S*", "\n".join(generated_sentences(plain))):
        assert shown.rstrip(".") in poison.text  # as a word of the passage, whole, and no link


def generated_sentences(plain: Outcome) -> list[str]:
    """The sentences under the line that promises a check."""
    lines = plain.output.split("\nSources")[0].splitlines()
    return lines[1:] if lines and lines[0].startswith("Answer") else []


def require_nothing_elsewhere(contacted: list[Any], desk: Desk) -> None:
    """The cluster and the generator, and nobody else."""
    allowed = {
        urlsplit(desk.environment[name]).port
        for name in ("ESRAG_ELASTICSEARCH_URL", "ESRAG_GENERATOR_URL")
    }
    assert contacted
    assert {address[1] for address in contacted} <= allowed
    assert {address[0] for address in contacted} == {"127.0.0.1"}
