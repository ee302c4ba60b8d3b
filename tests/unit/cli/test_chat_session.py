"""A conversation: what questions know of those before, and what lines with a slash do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from esrag.answering import GeneratorFailedError
from esrag.answering.events import OnEvent, Retrieved, Rewritten, Told
from esrag.cli.chat_session import MOST_TURNS, STOPPED, ChatSession, Manner
from esrag.errors import UnavailableError
from esrag.generation.cancelling import Cancellation
from esrag.testing import make_hit
from esrag.types import Answer, Asked, Citation, Filters, Sentence, Turn

HIT = make_hit("a", "Port 7443 is open.", title="Ports")
SENTENCE = Sentence("Port 7443 is open.", (Citation(1, HIT, HIT.text, 0, 18),))
ANSWER = Answer("", "generated", (SENTENCE,), (HIT,), id="f" * 32)


class Scripted:
    """An answerer that remembers what it was asked, and fails when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.fail: BaseException | None = None
        self.standalone = ""

    def answer(
        self,
        asked: Asked,
        *,
        on_event: OnEvent | None = None,
        cancel: Cancellation | None = None,
    ) -> Answer:
        """The same answer to everything."""
        self.asked.append(asked)
        assert on_event is not None
        assert cancel is not None
        if self.standalone:
            on_event(Rewritten(self.standalone))
        on_event(Retrieved((HIT,)))
        if isinstance(self.fail, UnavailableError):
            raise self.fail
        on_event(Told(SENTENCE, "generated"))
        if self.fail is not None:
            raise self.fail
        return replace(ANSWER, question=asked.question)


@pytest.fixture
def answerer() -> Scripted:
    """What answers the conversation."""
    return Scripted()


@pytest.fixture
def session(answerer: Scripted) -> ChatSession:
    """A conversation that shows text."""
    return ChatSession(answerer, manner=Manner(), explaining=nullcontext)


def say(session: ChatSession, *lines: str) -> list[int | None]:
    """The outcome of each line, where somebody sits."""
    return [session.line(line, interactive=True) for line in lines]


def test_a_question_knows_those_before(session: ChatSession, answerer: Scripted) -> None:
    """With their answers, in order."""
    assert say(session, "Which port?", "Since when?") == [0, 0]
    assert answerer.asked[0].history == ()
    assert answerer.asked[1].history == (Turn("Which port?", "Port 7443 is open."),)


def test_a_long_conversation_forgets_its_beginning(
    session: ChatSession, answerer: Scripted
) -> None:
    """What is said to the answerer stays within bounds."""
    say(session, *(f"question {number}" for number in range(MOST_TURNS + 5)))
    assert len(answerer.asked[-1].history) == MOST_TURNS
    assert answerer.asked[-1].history[-1].question == f"question {MOST_TURNS + 3}"


def test_a_rewritten_question_is_shown(
    session: ChatSession, answerer: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever asked sees what was searched for."""
    answerer.standalone = "Since when is port 7443 open?"
    say(session, "Since when?")
    assert "Asked as: Since when is port 7443 open?" in capsys.readouterr().err


def test_a_new_conversation_knows_nothing(session: ChatSession, answerer: Scripted) -> None:
    """Neither turns nor a last answer; filters stay."""
    say(session, "Which port?", "/filter --source a.md", "/new", "Since when?")
    assert answerer.asked[-1].history == ()
    assert answerer.asked[-1].filters == Filters(source=("a.md",))


def test_a_stopped_answer_is_not_the_end(
    session: ChatSession, answerer: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was shown is said to be a part, and the next question knows of it."""
    answerer.fail = KeyboardInterrupt()
    assert say(session, "Which port?") == [STOPPED]
    shown = capsys.readouterr()
    assert "incomplete" in shown.out
    assert "Stopped." in shown.err
    answerer.fail = None
    assert say(session, "Since when?") == [0]
    assert answerer.asked[-1].history == (Turn("Which port?", "Port 7443 is open."),)


def test_where_nobody_sits_a_stop_ends_it(session: ChatSession, answerer: Scripted) -> None:
    """^C in a pipeline means the pipeline."""
    answerer.fail = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        session.line("Which port?", interactive=False)


def test_an_error_is_told_and_the_conversation_goes_on(
    session: ChatSession, answerer: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code that esrag ask would have."""
    answerer.fail = UnavailableError("the cluster is down\x1b[2J", hint="Start it.")
    assert say(session, "Which port?") == [4]
    told = capsys.readouterr().err
    assert "the cluster is down\nStart it." in told
    answerer.fail = None
    assert say(session, "Which port?") == [0]


def test_a_failing_generator_leaves_what_the_passages_say(
    session: ChatSession, answerer: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """Marked as incomplete, and remembered."""
    fallback = replace(ANSWER, kind="quoted", complete=False, question="Which port?")
    answerer.fail = GeneratorFailedError(UnavailableError("it is down"), fallback)
    assert say(session, "Which port?") == [4]
    shown = capsys.readouterr()
    assert "own sentences" in shown.out
    assert "incomplete" in shown.out
    assert "it is down" in shown.err
    assert session.turns[-1].answer == "Port 7443 is open."


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/help", "/filter"),
        ("/sources", "https://docs.example/a"),
        ("/context", "⟦Port 7443 is open.⟧"),
        ("/context 1", "⟦Port 7443 is open.⟧"),
        ("/why", "f" * 32),
        ("/filter", "no filters"),
        ("/history", "Which port?"),
    ],
)
def test_commands_show_what_they_say(
    session: ChatSession, line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """About the answer before."""
    say(session, "Which port?")
    capsys.readouterr()
    assert say(session, line) == [0]
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("line", ["/sources", "/context", "/why", "/history", "/context 3"])
def test_commands_about_nothing_say_so(
    session: ChatSession, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything was asked."""
    assert say(session, line) == [0]
    assert "nothing was" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/sauces", "no /sauces"),
        ("/context 7", "no source"),
        ("/context x", "no source"),
        ("/filter --nonsense", "--nonsense"),
        ("/filter --metadata x", "NAME=VALUE"),
        ("/filter 'open", "quotation"),
        ("/save", "name a file"),
    ],
)
def test_a_mistake_is_told(
    session: ChatSession, line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the conversation goes on."""
    say(session, "Which port?")
    capsys.readouterr()
    assert say(session, line) == [0]
    assert words in capsys.readouterr().err


def test_filters_count_for_what_follows(session: ChatSession, answerer: Scripted) -> None:
    """In the words of the command line, until they are switched off."""
    say(session, "/filter --source 'a b.md' --since 2026-01-01", "one?", "/filter off", "two?")
    wanted = Filters(source=("a b.md",), published_from="2026-01-01")
    assert [asked.filters for asked in answerer.asked] == [wanted, Filters()]


def test_a_conversation_can_be_saved_once(
    session: ChatSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is there is not overwritten."""
    path = tmp_path / "talk.md"
    say(session, "Which port?", f"/save {path}", f"/save {path}")
    assert path.read_text() == "## Which port?\n\nPort 7443 is open.\n"
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["/quit", "/exit", "/q"])
def test_the_end(session: ChatSession, line: str) -> None:
    """Said in three ways."""
    assert say(session, line) == [None]


def test_two_slashes_begin_a_question(session: ChatSession, answerer: Scripted) -> None:
    """One of them is part of it."""
    say(session, "//etc/hosts, what is it?")
    assert answerer.asked[0].question == "/etc/hosts, what is it?"


def test_an_empty_line_asks_nothing(session: ChatSession, answerer: Scripted) -> None:
    """It is not an empty question."""
    assert say(session, "") == [0]
    assert answerer.asked == []


@pytest.mark.parametrize("fail", [None, UnavailableError("it is down")])
def test_as_json_every_answer_is_a_line(
    answerer: Scripted, fail: BaseException | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that failed, which is not complete; nothing else is on standard output."""
    session = ChatSession(answerer, manner=Manner(as_json=True), explaining=nullcontext)
    answerer.fail = fail
    lines: list[Callable[[], object]] = [
        lambda: session.line("Which port?", interactive=False),
        lambda: session.line("/sources", interactive=False),
    ]
    for line in lines:
        line()
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["question"] for record in records] == ["Which port?", "/sources"]
    assert [record["complete"] for record in records] == [fail is None] * 2
