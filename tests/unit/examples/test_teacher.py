"""The teacher: replies in order, kept answers, waiting, giving up."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from esrag.errors import PermissionDeniedError, UnavailableError
from esrag.examples import teacher as teacher_module
from esrag.examples.kept_answers import KeptAnswer, KeptAnswers, key_of
from esrag.examples.teacher import Request, Teacher, teacher_at
from esrag.generation.pieces import BusyError, FailedError, IncompleteError, TooLongError
from esrag.generation.places import Place
from esrag.types import Message
from tests.scripted_teacher import ScriptedServer


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_module, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(teacher_module, "_LONGEST_WAIT", 0.002)


def _request(text: str, *documents: str) -> Request:
    return Request((Message("user", text),), 32, documents)


def _echo(messages: object) -> str:
    return f"said {messages[-1].content}"  # type: ignore[index]


def _teacher(server: ScriptedServer, tmp_path: Path, **kwargs: object) -> Teacher:
    answers = KeptAnswers(tmp_path / "teacher" / "answers.sqlite")
    return Teacher(server, answers, **kwargs)  # type: ignore[arg-type]


def test_replies_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    """Fifty requests, several at once, and each reply stands where its request stood."""
    with _teacher(ScriptedServer(_echo), tmp_path, concurrent=5) as teacher:
        texts = [reply.text for reply in teacher.ask(_request(str(n)) for n in range(50))]
    assert texts == [f"said {n}" for n in range(50)]


def test_no_more_requests_are_under_way_than_allowed(tmp_path: Path) -> None:
    """Three may be, and three are."""
    server = ScriptedServer(_echo)
    server.gate = threading.Barrier(3)
    with _teacher(server, tmp_path, concurrent=3) as teacher:
        list(teacher.ask(_request(str(n)) for n in range(9)))
    assert server.most_at_once == 3


def test_requests_are_not_read_far_ahead(tmp_path: Path) -> None:
    """An endless row of requests is asked for as it is read."""
    read = []

    def endless() -> Iterator[Request]:
        for number in range(10_000):
            read.append(number)
            yield _request(str(number))

    with _teacher(ScriptedServer(_echo), tmp_path, concurrent=2) as teacher:
        replies = teacher.ask(endless())
        next(replies)
        replies.close()  # type: ignore[attr-defined]
    assert len(read) < 20


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    """A second run gives the same replies without the server, and counts them as kept."""
    with _teacher(ScriptedServer(_echo), tmp_path) as teacher:
        first = [reply.text for reply in teacher.ask([_request("a"), _request("b")])]
    silent = ScriptedServer(lambda _: "other words")
    with _teacher(silent, tmp_path) as teacher:
        second = list(teacher.ask([_request("a"), _request("b")]))
        figures = teacher.figures
    assert [reply.text for reply in second] == first
    assert all(reply.kept for reply in second)
    assert not silent.asked
    assert (figures.asked, figures.kept, figures.generated_tokens) == (2, 2, 0)


def test_kept_answers_serve_while_the_server_is_down(tmp_path: Path) -> None:
    """The model is known from the last time, so the kept answers are found."""
    with _teacher(ScriptedServer(_echo), tmp_path) as teacher:
        list(teacher.ask([_request("a")]))
    down = ScriptedServer(_echo, down=FailedError("nobody is there"))
    with _teacher(down, tmp_path) as teacher:
        assert [reply.text for reply in teacher.ask([_request("a")])] == ["said a"]


def test_a_server_that_never_answered_is_named_as_the_teacher(tmp_path: Path) -> None:
    """Without any kept answer nothing can be done, and the error speaks of the teacher."""
    down = ScriptedServer(_echo, down=FailedError("the generator at x cannot be reached"))
    with (
        _teacher(down, tmp_path) as teacher,
        pytest.raises(UnavailableError, match="the teacher at x cannot be reached"),
    ):
        list(teacher.ask([_request("a")]))


def test_another_model_under_the_same_name_is_asked_anew(tmp_path: Path) -> None:
    """Answers of one model are not those of the one that replaced it."""
    with _teacher(ScriptedServer(_echo), tmp_path) as teacher:
        list(teacher.ask([_request("a")]))
    other = ScriptedServer(lambda _: "other words", told="org/teacher-2b")
    with _teacher(other, tmp_path) as teacher:
        assert [reply.text for reply in teacher.ask([_request("a")])] == ["other words"]


def test_a_busy_server_is_waited_for(tmp_path: Path) -> None:
    """Refusals with 429 cost time and no reply, however many there are."""
    busy = [BusyError("429", wait=0.001) for _ in range(12)]
    told: list[str] = []
    with _teacher(ScriptedServer(_echo, faults=busy), tmp_path, tell=told.append) as teacher:
        texts = [reply.text for reply in teacher.ask(_request(str(n)) for n in range(6))]
    assert texts == [f"said {n}" for n in range(6)]
    assert told
    assert "429" in told[0]


def test_a_server_that_stays_away_ends_the_run_and_keeps_what_was_answered(tmp_path: Path) -> None:
    """Patience ends with exit code 4 and words on how to go on; the next run asks the rest only."""
    server = ScriptedServer(_echo)
    with _teacher(server, tmp_path, concurrent=1, patience=0.05) as teacher:
        replies = teacher.ask([_request("a"), _request("b")])
        next(replies)
        server.down = FailedError("connection refused")
        with pytest.raises(UnavailableError, match="answered nothing for") as caught:
            list(teacher.ask([_request("c")]))
    assert caught.value.exit_code == 4
    assert "run the same command again" in caught.value.hint
    server.down = None
    server.asked.clear()
    with _teacher(server, tmp_path, concurrent=1) as teacher:
        list(teacher.ask([_request("a"), _request("c")]))
    assert [messages[-1].content for messages in server.asked] == ["c"]


def test_an_answer_that_is_cut_off_is_asked_for_again(tmp_path: Path) -> None:
    """Two broken streams, then a whole one: the whole one is the reply."""
    cut = [IncompleteError("cut", text="sa"), IncompleteError("cut", text="sa")]
    with _teacher(ScriptedServer(_echo, faults=cut), tmp_path) as teacher:
        assert teacher.ask_one(_request("a")).text == "said a"


def test_one_request_that_breaks_the_server_is_left_out(tmp_path: Path) -> None:
    """Three failures of one request are its reply's reason; the others are answered."""
    faults = [FailedError("CUDA out of memory", status=500) for _ in range(3)]
    with _teacher(ScriptedServer(_echo, faults=faults), tmp_path, concurrent=1) as teacher:
        replies = list(teacher.ask([_request("a"), _request("b")]))
    assert replies[0].why.startswith("the teacher failed")
    assert not replies[0].text
    assert (replies[1].text, replies[1].why) == ("said b", "")


def test_a_server_that_fails_everything_ends_the_run(tmp_path: Path) -> None:
    """Not one reply after the other without words, but an error."""
    broken = ScriptedServer(_echo, down=None, faults=[FailedError("x", status=500)] * 100)
    with (
        _teacher(broken, tmp_path, concurrent=1) as teacher,
        pytest.raises(UnavailableError, match="one after the other"),
    ):
        list(teacher.ask(_request(str(n)) for n in range(40)))


def test_a_failed_request_is_not_kept(tmp_path: Path) -> None:
    """The next run asks again for what the server could not do."""
    faults = [FailedError("x", status=500) for _ in range(3)]
    with _teacher(ScriptedServer(_echo, faults=faults), tmp_path) as teacher:
        assert teacher.ask_one(_request("a")).why
        assert teacher.ask_one(_request("a")).text == "said a"


def test_a_prompt_that_is_too_long_is_left_out_at_once(tmp_path: Path) -> None:
    """It is asked once, and the reason says why."""
    server = ScriptedServer(_echo, faults=[TooLongError("takes no prompt of this length")])
    with _teacher(server, tmp_path) as teacher:
        assert "too long" in teacher.ask_one(_request("a")).why
    assert len(server.asked) == 1


def test_a_wrong_key_ends_the_run_at_once_and_names_the_right_setting(tmp_path: Path) -> None:
    """The hint speaks of the teacher's settings, not of the generator's."""
    refused = PermissionDeniedError("the generator at x refused", hint="Set generator.api_key.")
    with (
        _teacher(ScriptedServer(_echo, faults=[refused]), tmp_path) as teacher,
        pytest.raises(PermissionDeniedError) as caught,
    ):
        list(teacher.ask([_request("a")]))
    assert caught.value.hint == "Set dataset.teacher_api_key."
    assert caught.value.message.startswith("the teacher at")


def test_an_answer_without_an_end_says_so_every_time(tmp_path: Path) -> None:
    """Out of tokens is kept with the answer, and its last line is not taken for a whole one."""
    server = ScriptedServer(lambda _: "a whole line\nhalf a li", finish="length")
    with _teacher(server, tmp_path) as teacher:
        replies = [teacher.ask_one(_request("a")) for _ in range(2)]
    assert [reply.cut for reply in replies] == [True, True]
    assert {reply.whole_lines for reply in replies} == {"a whole line"}
    assert len(server.asked) == 1


def test_answers_are_forgotten_with_their_documents(tmp_path: Path) -> None:
    """What was asked about a document that is gone leaves the file, words and all."""
    file = tmp_path / "teacher" / "answers.sqlite"
    with _teacher(ScriptedServer(lambda m: f"secret of {m[-1].content}"), tmp_path) as teacher:
        list(teacher.ask([_request("gone", "doc-a", "doc-b"), _request("stays", "doc-b")]))
        assert teacher.forget(kept=lambda document: document != "doc-a") == 1
    books = b"".join(path.read_bytes() for path in sorted(file.parent.iterdir()))
    assert b"secret of gone" not in books
    assert b"secret of stays" in books


def test_the_file_is_for_its_owner(tmp_path: Path) -> None:
    """Nobody else reads what the documents say."""
    with KeptAnswers(tmp_path / "answers.sqlite") as answers:
        answers.keep("k", KeptAnswer("text", "stop"))
    assert stat.S_IMODE((tmp_path / "answers.sqlite").stat().st_mode) == 0o600


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """Exit code 4, with the file's name and what may be done."""
    file = tmp_path / "answers.sqlite"
    file.write_bytes(b"no database at all, " * 100)
    with pytest.raises(UnavailableError, match=r"answers\.sqlite") as caught:
        teacher_at(Place("http://127.0.0.1:9"), tmp_path)
    assert "may be removed" in caught.value.hint


def test_who_asks_differently_has_another_key() -> None:
    """Model, limit and every word count."""
    messages = (Message("user", "a"),)
    keys = {
        key_of("m", messages, max_tokens=1),
        key_of("n", messages, max_tokens=1),
        key_of("m", messages, max_tokens=2),
        key_of("m", (Message("system", "a"),), max_tokens=1),
    }
    assert len(keys) == 4
