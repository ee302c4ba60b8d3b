"""A system is asked within limits; what goes wrong with a question is a reply that says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from esrag.errors import (
    EsragError,
    LoginRefusedError,
    OverloadedError,
    TimedOutError,
    UnavailableError,
    UsageError,
)
from esrag.evaluation import asking
from esrag.evaluation.asking import GoneError, Limits, ask_all, ask_one
from esrag.evaluation.records import Reply
from esrag.generation.cancelling import Cancellation, CancelledError
from esrag.generation.pieces import BusyError, IncompleteError
from esrag.questions import KnownQuestion

QUICK = Limits(parallel=3, deadline=5.0, patience=0.2)


def question(number: int) -> KnownQuestion:
    """A question without anything known."""
    return KnownQuestion(f"q{number}", f"Question {number}?", "fact", "test", "", (), ())


@dataclass
class Fake:
    """Replies, or does what ``act`` does with the question; notes how many are under way."""

    act: Callable[[KnownQuestion, Cancellation], None] = lambda _, __: None
    is_there: Callable[[], bool] = lambda: True
    system: str = "fake"
    asked: list[str] = field(default_factory=list)
    most: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, asked: KnownQuestion, cancel: Cancellation) -> Reply:
        """A reply, after ``act``."""
        with self.lock:
            self.asked.append(asked.id)
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            self.act(asked, cancel)
        finally:
            with self.lock:
                self.now -= 1
        return Reply(asked.id, self.system, "answered", text="yes")

    def there(self) -> bool:
        """What ``is_there`` says."""
        return self.is_there()


def raising(*errors: EsragError) -> Callable[[KnownQuestion, Cancellation], None]:
    """Raises one error a call, then nothing."""
    left = list(errors)

    def act(asked: KnownQuestion, cancel: Cancellation) -> None:
        del asked, cancel
        if left:
            raise left.pop(0)

    return act


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_FIRST_WAIT", 0.01)


def test_all_questions_are_asked_within_the_limit() -> None:
    """So many at a time and no more; each once."""
    fake = Fake(lambda _, __: time.sleep(0.005))
    kept: list[Reply] = []
    questions = [question(number) for number in range(20)]
    ask_all(fake, questions, limits=QUICK, keep=kept.append, cancel=Cancellation())
    assert sorted(reply.question_id for reply in kept) == sorted(each.id for each in questions)
    assert len(fake.asked) == 20
    assert 1 < fake.most <= 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (IncompleteError("it broke off", text="The port is"), "incomplete"),
        (TimedOutError("too slow"), "timed_out"),
        (UsageError("the question is too long"), "usage"),
        (UnavailableError("500 from the server"), "unavailable"),
    ],
)
def test_a_failed_question_is_a_reply_with_its_error(error: EsragError, code: str) -> None:
    """It counts and is shown; what was written of it stays."""
    reply = ask_one(Fake(raising(error)), question(1), QUICK, Cancellation())
    assert (reply.status, reply.error_code, reply.error) == ("failed", code, error.message)
    assert reply.written == ("The port is" if isinstance(error, IncompleteError) else "")


def test_a_busy_server_is_waited_for() -> None:
    """429 is no failure as long as the question has time."""
    fake = Fake(raising(BusyError("busy"), OverloadedError("no room"), BusyError("busy")))
    assert ask_one(fake, question(1), QUICK, Cancellation()).status == "answered"
    assert len(fake.asked) == 4


def test_a_server_that_stays_busy_fails_the_question_at_its_deadline() -> None:
    """Nobody waits for ever."""

    def act(asked: KnownQuestion, cancel: Cancellation) -> None:
        raise BusyError("busy")

    reply = ask_one(Fake(act), question(1), Limits(deadline=0.1), Cancellation())
    assert (reply.status, reply.error_code) == ("failed", "busy")


def test_a_question_over_its_deadline_is_called_off() -> None:
    """The stream ends, the question has failed, the others go on."""

    def act(asked: KnownQuestion, cancel: Cancellation) -> None:
        if asked.id == "q0":
            cancel.wait(10)
            cancel.check()

    fake = Fake(act)
    kept: dict[str, Reply] = {}
    ask_all(
        fake,
        [question(0), question(1)],
        limits=Limits(parallel=2, deadline=0.1),
        keep=lambda reply: kept.update({reply.question_id: reply}),
        cancel=Cancellation(),
    )
    assert (kept["q0"].status, kept["q0"].error_code) == ("failed", "timed_out")
    assert "deadline" in kept["q0"].error
    assert kept["q1"].status == "answered"


def test_questions_that_cannot_be_asked_do_not_end_the_asking() -> None:
    """They say nothing of the server: each of them failed, and the others are asked."""
    fake = Fake(raising(*[UsageError("too long") for _ in range(12)]))
    kept: list[Reply] = []
    questions = [question(number) for number in range(14)]
    ask_all(fake, questions, limits=QUICK, keep=kept.append, cancel=Cancellation())
    assert sorted(each.status for each in kept) == ["answered"] * 2 + ["failed"] * 12


def test_eight_failures_in_a_row_end_the_asking() -> None:
    """Then it is the system; all eight are kept, and the rest is not asked."""

    def act(asked: KnownQuestion, cancel: Cancellation) -> None:
        raise TimedOutError("never works")

    fake = Fake(act)
    kept: list[Reply] = []
    questions = [question(number) for number in range(100)]
    with pytest.raises(GoneError, match="8 questions failed"):
        ask_all(fake, questions, limits=QUICK, keep=kept.append, cancel=Cancellation())
    assert 8 <= len(kept) <= 11
    assert len(fake.asked) <= 11


def test_failures_between_answers_end_nothing() -> None:
    """Seven fail, one is answered, seven fail: that is a result."""

    def act(asked: KnownQuestion, cancel: Cancellation) -> None:
        if int(asked.id[1:]) % 8 != 7:
            raise UsageError("not this one")

    kept: list[Reply] = []
    ask_all(
        Fake(act),
        [question(number) for number in range(32)],
        limits=Limits(parallel=1),
        keep=kept.append,
        cancel=Cancellation(),
    )
    assert [reply.status for reply in kept].count("failed") == 28


def test_a_server_that_comes_back_is_asked_again() -> None:
    """A restart in the middle costs no question."""
    gone = [True, True, False]
    fake = Fake(
        raising(UnavailableError("refused"), UnavailableError("refused")),
        is_there=lambda: not gone.pop(0),
    )
    assert ask_one(fake, question(1), QUICK, Cancellation()).status == "answered"


def test_a_server_that_is_gone_ends_the_asking() -> None:
    """Its questions are not failed: they were not asked."""

    def act(asked: KnownQuestion, cancel: Cancellation) -> None:
        if asked.id != "q0":
            raise UnavailableError("connection refused")

    kept: list[Reply] = []
    questions = [question(number) for number in range(5)]
    with pytest.raises(GoneError, match="connection refused"):
        ask_all(
            Fake(act, is_there=lambda: False),
            questions,
            limits=QUICK,
            keep=kept.append,
            cancel=Cancellation(),
        )
    assert [reply.question_id for reply in kept] == ["q0"]


def test_missing_rights_end_the_asking_at_once() -> None:
    """No other question would be answered either; the error keeps its exit code."""
    kept: list[Reply] = []
    with pytest.raises(LoginRefusedError):
        ask_all(
            Fake(raising(LoginRefusedError("wrong key"))),
            [question(number) for number in range(50)],
            limits=Limits(parallel=1),
            keep=kept.append,
            cancel=Cancellation(),
        )
    assert kept == []


def test_calling_off_keeps_what_is_ready_and_ends_the_rest() -> None:
    """^C: questions under way end within moments."""
    cancel = Cancellation()

    def act(asked: KnownQuestion, within: Cancellation) -> None:
        if asked.id == "q3":
            cancel.cancel("stopped by ^C")
        if int(asked.id[1:]) >= 3:
            within.wait(10)
            within.check()

    kept: list[Reply] = []
    began = time.monotonic()
    with pytest.raises(CancelledError):
        ask_all(
            Fake(act),
            [question(number) for number in range(50)],
            limits=QUICK,
            keep=kept.append,
            cancel=cancel,
        )
    assert time.monotonic() - began < 5
    assert {reply.question_id for reply in kept} == {"q0", "q1", "q2"}
    assert all(reply.status == "answered" for reply in kept)


def test_an_error_while_keeping_ends_the_asking() -> None:
    """A full disk: nothing goes on that could not be kept."""
    fake = Fake(lambda _, __: time.sleep(0.002))

    def keep(reply: Reply) -> None:
        raise UnavailableError("the disk is full")

    with pytest.raises(UnavailableError, match="disk is full"):
        ask_all(
            fake,
            [question(number) for number in range(50)],
            limits=QUICK,
            keep=keep,
            cancel=Cancellation(),
        )
    assert len(fake.asked) <= 6
