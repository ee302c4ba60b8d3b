"""The fake generator of the tests keeps its word: what a script says is what a client meets."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fake_generator import FakeGenerator, Request, Script

ASK = {"model": "tgi", "messages": [{"role": "user", "content": "What is it?"}], "stream": True}


@pytest.fixture
def fake() -> Iterator[FakeGenerator]:
    """A generator of one's own."""
    with FakeGenerator() as running:
        yield running


def ask(fake: FakeGenerator, path: str = "/v1/chat/completions", **more: object) -> httpx.Response:
    """One request, answered whole."""
    with httpx.Client(trust_env=False) as client:
        return client.post(fake.url + path, json=ASK | more)


@contextmanager
def streaming(fake: FakeGenerator) -> Iterator[httpx.Response]:
    """One request, its answer still to be read."""
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("POST", fake.url + "/v1/chat/completions", json=ASK) as response,
    ):
        yield response


def test_a_text_is_streamed_in_pieces_and_whole(fake: FakeGenerator) -> None:
    """Both forms of the messages API say the same, in the words of the request's function."""
    fake.says(lambda asked: f"You said: {asked.user}")
    streamed, whole = ask(fake), ask(fake, stream=False)
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert streamed.text.count("data: ") > 4
    assert whole.json()["choices"][0]["message"]["content"] == "You said: What is it?"
    assert [request.user for request in fake.generations] == ["What is it?"] * 2


def test_native_routes_and_limits_answer(fake: FakeGenerator) -> None:
    """TGI's own routes are there, and its limits are those that were set."""
    fake.max_total_tokens = 77
    with httpx.Client(base_url=fake.url, trust_env=False) as client:
        assert client.get("/info").json()["max_total_tokens"] == 77
        native = client.post("/generate", json={"inputs": "q"}).json()
        counted = client.post("/chat_tokenize", json=ASK).json()
    assert native == {"generated_text": "The answer is 42 [1]."}
    assert len(counted["tokenize_response"]) == 5


@pytest.mark.parametrize("reset", [True, False])
def test_a_cut_ends_the_connection_after_so_many_bytes(fake: FakeGenerator, reset: bool) -> None:
    """The client gets those bytes and a broken connection."""
    fake.script = Script(cut_after=100, reset=reset)
    got: list[bytes] = []
    with streaming(fake) as response, pytest.raises(httpx.TransportError):
        got.extend(response.iter_raw())
    assert len(b"".join(got)) == 100


def test_scripts_are_used_in_turn(fake: FakeGenerator) -> None:
    """One a request; the last one stays."""
    fake.then(Script(status=503, retry_after="3"), Script(text="ok"))
    answers = [ask(fake) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 200, 200]
    assert answers[0].headers["retry-after"] == "3"


def test_a_client_that_leaves_is_counted(fake: FakeGenerator) -> None:
    """An endless stream ends when its reader goes, and the counts say so."""
    fake.script = Script(endless=True, pieces_per_second=200)
    with streaming(fake) as response:
        parts = response.iter_raw()
        next(parts)
        assert (fake.open_streams, fake.open_connections) == (1, 1)
    assert fake.wait(lambda: fake.open_streams == fake.open_connections == 0)
    assert fake.left == 1


def test_a_request_tells_what_was_sent() -> None:
    """System and user turns are found in either kind of body."""
    chat = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}
    asked = Request("POST", "/v1/chat/completions", {}, chat, 1, 0.0)
    native = Request("POST", "/generate_stream", {}, {"inputs": "i"}, 1, 0.0)
    assert (asked.system, asked.user, asked.streamed) == ("s", "u", False)
    assert (native.user, native.streamed) == ("i", True)
