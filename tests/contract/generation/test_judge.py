"""A judge over HTTP: it confirms paraphrases, and whoever cannot be asked confirms nothing."""

from collections.abc import Iterator, Sequence

import pytest
from fake_generator import FakeGenerator, Script

from esrag.answering.assembly import Assembly
from esrag.settings import load_settings
from esrag.testing import make_hit
from esrag.types import Message
from esrag.verification import Verifier

HITS = (make_hit("1", "The hub was put on sale in May 2026.", title="Hub"),)
PARAPHRASE = "The hub became available in May 2026."


@pytest.fixture
def judge() -> Iterator[FakeGenerator]:
    """A server that answers yes."""
    with FakeGenerator(script=Script(text="Yes.")) as running:
        yield running


def kind(judge: FakeGenerator, sentence: str) -> str:
    """The verdict with the judge of the settings."""
    settings = load_settings(answer={"judge_url": judge.url, "judge_model": "checker"})
    with Assembly(settings, local=lambda profile: pytest.fail(str(profile))) as assembly:
        entails = assembly.answerer(None, generate=True).entails  # type: ignore[arg-type]
        return Verifier("When?", HITS, entails=entails).verdict(sentence).kind


def test_the_judge_of_the_settings_is_asked(judge: FakeGenerator) -> None:
    """One short request, with the passage and the statement, to the model that was named."""
    assert kind(judge, PARAPHRASE) == "supported"
    (request,) = judge.generations
    assert "put on sale" in request.user
    assert "became available" in request.user
    assert request.body["model"] == "checker"
    assert request.body["max_tokens"] < 10


@pytest.mark.parametrize(
    "script", [Script(text="No."), Script(status=503), Script(cut_after=10)], ids=str
)
def test_without_a_yes_nothing_is_confirmed(judge: FakeGenerator, script: Script) -> None:
    """A no, a server that is down, a cut answer: the sentence is not shown."""
    judge.script = script
    assert kind(judge, PARAPHRASE) == "unsupported"


def test_an_invented_figure_is_no_matter_for_the_judge(judge: FakeGenerator) -> None:
    """It is not even asked."""
    assert kind(judge, "The hub became available in June 2026.") == "unsupported"
    assert judge.generations == []


def test_the_question_of_a_judge_has_two_turns(judge: FakeGenerator) -> None:
    """Rules first, then the texts; nothing of the passage stands among the rules."""
    kind(judge, PARAPHRASE)
    messages: Sequence[Message] = judge.generations[0].body["messages"]
    assert [message["role"] for message in messages] == ["system", "user"]  # type: ignore[index]
    assert "hub" not in str(messages[0]).lower()
