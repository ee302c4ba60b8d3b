"""Limits and counts: asked once, shared by threads, and an estimate where nobody counts."""

import threading
from typing import Any

import pytest

from esrag.errors import EsragError, UnavailableError
from esrag.generation import budget
from esrag.generation.budget import ASSUMED_TOTAL_TOKENS, Budget, Limits
from esrag.prompting import estimated_tokens
from esrag.types import Message

CHAT = (Message("user", "What is it?"),)
TGI = {"model_id": "m", "max_input_tokens": 2047, "max_total_tokens": 2048}


class Server:
    """Answers by path, and counts what it is asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"/" + name.replace("__", "/"): each for name, each in answers.items()}
        self.asked: list[str] = []

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """The answer for this path."""
        self.asked.append(path)
        answer = self.answers.get(path, (404, None))
        if isinstance(answer, EsragError):
            raise answer
        return answer if isinstance(answer, tuple) else (200, answer)


def test_limits_are_read_once_and_again_after_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer waits for what was read a moment ago."""
    server = Server(info=TGI)
    limits = Budget(server, model="m")
    assert [limits.limits() for _ in range(3)] == [Limits(2047, 2048, "m", "tgi")] * 3
    assert server.asked == ["/info"]
    monkeypatch.setattr(budget, "KEPT_SECONDS", -1.0)
    limits.limits()
    assert server.asked == ["/info"] * 2


def test_a_server_that_is_down_is_told_once_to_all_who_wait() -> None:
    """They do not ask one after the other, each until its deadline; later ones ask anew."""
    inside, release = threading.Event(), threading.Event()
    asked = 0

    def ask(method: str, path: str, body: Any) -> tuple[int, Any]:
        nonlocal asked
        asked += 1
        inside.set()
        release.wait(10)
        raise UnavailableError("down")

    limits = Budget(ask, model="m")
    heard: list[str] = []

    came = threading.Barrier(8, timeout=10)

    def wait() -> None:
        if threading.current_thread() is not threads[0]:
            came.wait()
        with pytest.raises(UnavailableError) as caught:
            limits.limits()
        heard.append(caught.value.message)

    threads = [threading.Thread(target=wait) for _ in range(8)]
    threads[0].start()
    inside.wait(10)
    for thread in threads[1:]:
        thread.start()
    came.wait(10)
    threading.Timer(0.1, release.set).start()  # time to get into the line
    for thread in threads:
        thread.join()
    assert heard == ["down"] * 8
    assert asked < 4  # one after the other it would be eight


@pytest.mark.parametrize(
    ("info", "limits"),
    [
        ({"max_total_tokens": 100}, Limits(99, 100, "", "tgi")),
        ({"max_total_tokens": 100, "max_input_length": 50}, Limits(50, 100, "", "tgi")),
        ({"max_total_tokens": "many"}, Limits(4095, 4096)),
        ({"max_total_tokens": True}, Limits(4095, 4096)),
        ({"max_total_tokens": -1}, Limits(4095, 4096)),
        ([], Limits(4095, 4096)),
        (None, Limits(4095, 4096)),
        ((503, TGI), Limits(4095, 4096)),
    ],
)
def test_what_is_no_limit_is_assumed(info: Any, limits: Limits) -> None:
    """Older names are known; nonsense is not believed."""
    assert Budget(Server(info=info), model="m").limits() == limits


def test_the_named_model_of_many_is_the_one_whose_length_counts() -> None:
    """An adapter may take less than its base."""
    listed = {"data": [{"id": "base", "max_model_len": 900}, {"id": "lora", "max_model_len": 300}]}
    server = Server(v1__models=listed)
    assert Budget(server, model="lora").limits().total_tokens == 300
    assert Budget(server, model="other").limits().total_tokens == 900


def test_a_server_that_stops_counting_is_not_asked_again() -> None:
    """An error or a shape that is unknown leads to the estimate, for these minutes."""
    for answer in ((404, None), {"tokens": 3}, UnavailableError("slow")):
        server = Server(info=TGI, chat_tokenize=answer)
        counting = Budget(server, model="m")
        assert [counting.count(CHAT) for _ in range(3)] == [estimated_tokens(CHAT)] * 3
        assert server.asked.count("/chat_tokenize") == 1


def test_what_has_no_such_routes_is_not_asked() -> None:
    """The cluster's endpoint tells nothing; the setting is believed."""
    server = Server()
    assert Budget(server, model="m", told=False).limits().total_tokens == ASSUMED_TOTAL_TOKENS
    wide = Budget(server, model="m", told=False, context_tokens=32_000)
    assert wide.limits().input_budget(1_000) == 31_000
    assert server.asked == []


def test_an_answer_longer_than_everything_leaves_nothing() -> None:
    """And never less than that."""
    assert Limits(99, 100).input_budget(500) == 0
