"""A generator that lies, through the whole of answering: what reaches the reader is no lie."""

import json
from pathlib import Path
from typing import Any

import pytest

from esrag.answering import Answerer, Choices
from esrag.answering.events import Event, Told
from esrag.calibration import Calibration
from esrag.prompting import REFUSAL
from esrag.testing import ScriptedGenerator, WordEmbedder, make_hit
from esrag.types import Answer, Found, Hit

GROUPS = [
    json.loads(line)
    for line in (Path(__file__).parent / "adversarial.jsonl").read_text("utf-8").splitlines()
]


def hits_of(group: dict[str, Any]) -> tuple[Hit, ...]:
    """The passages of a group, each of a document of its own."""
    return tuple(
        make_hit(f"{group['group']}-{rank}", passage["text"], title=passage["title"], rank=rank)
        for rank, passage in enumerate(group["passages"], start=1)
    )


def asked(group: dict[str, Any], text: str, choices: Choices) -> tuple[Answer, list[Event]]:
    """The answer when the generator says ``text``, whatever the confidence, and what was told."""
    told: list[Event] = []
    answerer = Answerer(
        retrieve=lambda query: Found(hits_of(group)),
        embed=WordEmbedder(),
        generator=ScriptedGenerator(text, piece=40),
        calibration=Calibration(threshold=0.0),
        choices=choices,
    )
    return answerer.answer(group["question"], on_event=told.append), told


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: str(group["group"]))
def test_no_lie_is_told_by_itself(group: dict[str, Any]) -> None:
    """Each unsupported sentence alone: quotes or a refusal take its place, at every event."""
    for item in group["unsupported"]:
        answer, told = asked(group, item["sentence"], Choices())
        assert answer.kind in ("quoted", "refused"), item["sentence"]
        assert [e for e in told if isinstance(e, Told) and e.kind == "generated"] == []
        for sentence in answer.sentences:
            for citation in sentence.citations:
                assert citation.hit.text[citation.start : citation.end] == citation.quote
            assert sentence.citations or sentence.text == REFUSAL


@pytest.mark.parametrize(
    "group", [g for g in GROUPS if g["supported"]], ids=lambda group: str(group["group"])
)
def test_no_lie_is_told_among_truths(group: dict[str, Any]) -> None:
    """One true sentence in front and one behind do not carry the false one between them."""
    true = group["supported"][0]
    for item in group["unsupported"]:
        answer, _ = asked(group, f"{true} {item['sentence']} {true}", Choices())
        lie = item["sentence"].split(" [")[0].rstrip(".")
        quoted = {citation.quote for s in answer.sentences for citation in s.citations}
        for sentence in answer.sentences:
            assert not sentence.text.startswith(lie) or sentence.text in quoted


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: str(group["group"]))
def test_a_lie_that_is_marked_is_marked(group: dict[str, Any]) -> None:
    """With verify=mark it is shown, and said to be unsupported."""
    for item in group["unsupported"]:
        answer, told = asked(group, item["sentence"], Choices(verify="mark"))
        shown = [e.sentence for e in told if isinstance(e, Told) and e.kind == "generated"]
        assert not any(sentence.supported for sentence in shown)
        assert answer.kind != "generated" or not any(s.supported for s in answer.sentences)


def test_without_passages_nothing_is_generated() -> None:
    """An empty context is a refusal, and the generator is not asked."""
    (group,) = (group for group in GROUPS if not group["passages"])
    generator = ScriptedGenerator("The chief executive is Maria Sand.")
    answer = Answerer(
        retrieve=lambda query: Found(()), embed=WordEmbedder(), generator=generator
    ).answer(group["question"])
    assert (answer.kind, answer.text) == ("refused", REFUSAL)
    assert generator.prompts == []
