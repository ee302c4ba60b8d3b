"""The messages API: streams, refusals, and streams that break."""

import json
from collections.abc import Iterator

import httpx
import pytest

from esrag.errors import EsragError, PermissionDeniedError, UnavailableError, UsageError
from esrag.generation import messages
from esrag.generation.endpoint import Endpoint, error_text
from esrag.generation.limits import Limits, Tokenizer, estimate, read_limits
from esrag.generation.messages import IncompleteError, stream
from esrag.types import Message

QUESTION = (Message("system", "s"), Message("user", "q"))


def event(text: str, finish: str | None = None) -> bytes:
    """One chunk as TGI sends it."""
    chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"


class Broken(httpx.SyncByteStream):
    """A body that is cut off by the network after the given bytes."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts
        raise httpx.ReadError("connection reset")


def endpoint(*answers: httpx.Response, seen: list[httpx.Request] | None = None) -> Endpoint:
    """An endpoint that gives these answers in turn."""
    queue = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return queue.pop(0)

    return Endpoint("http://tgi.test", api_key="k", transport=httpx.MockTransport(handle))


def sse(*parts: bytes) -> httpx.Response:
    """A streamed answer."""
    return httpx.Response(
        200, headers={"content-type": "text/event-stream"}, content=b"".join(parts)
    )


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries do not sleep in tests."""
    monkeypatch.setattr(messages.time, "sleep", lambda seconds: None)


def test_pieces_arrive_with_finish_reason_and_usage() -> None:
    """Text, finish reason and usage come through; the key and the body go out."""
    seen: list[httpx.Request] = []
    pieces = list(
        stream(
            endpoint(sse(event("Hel"), event("lo", "stop"), USAGE, DONE), seen=seen),
            QUESTION,
            max_tokens=5,
        )
    )
    assert "".join(piece.text for piece in pieces) == "Hello"
    assert (pieces[-1].prompt_tokens, pieces[-1].generated_tokens) == (7, 2)
    body = json.loads(seen[0].content)
    assert (body["temperature"], body["stream"], body["model"]) == (0, True, "tgi")
    assert seen[0].headers["authorization"] == "Bearer k"
    assert seen[0].url.path == "/v1/chat/completions"


def test_a_busy_server_is_asked_again() -> None:
    """429 before the first token is retried."""
    busy = httpx.Response(429, json={"error": "Model is overloaded", "error_type": "overloaded"})
    pieces = list(stream(endpoint(busy, sse(event("ok", "stop"), DONE)), QUESTION, max_tokens=5))
    assert pieces[0].text == "ok"


def test_a_server_that_stays_busy_is_given_up() -> None:
    """Retries are bounded, and the server's words are kept."""
    busy = [httpx.Response(429, json={"error": "Model is overloaded"}) for _ in range(4)]
    with pytest.raises(UnavailableError, match="overloaded"):
        list(stream(endpoint(*busy), QUESTION, max_tokens=5))


@pytest.mark.parametrize(
    "response",
    [
        sse(event("Hel")),  # ends politely, without finish reason
        sse(event("Hel"), b'data: {"error":{"message":"boom","http_status_code":422}}\n\n', DONE),
        sse(event("Hel"), b"data: {not json\n\n"),
        httpx.Response(
            200, headers={"content-type": "text/event-stream"}, stream=Broken(event("Hel"))
        ),
    ],
    ids=["no finish", "error event", "garbage", "reset"],
)
def test_a_broken_stream_is_incomplete_and_never_repeated(response: httpx.Response) -> None:
    """What had arrived is kept; no second attempt is made after the first token."""
    seen: list[httpx.Request] = []
    with pytest.raises(IncompleteError) as caught:
        list(stream(endpoint(response, seen=seen), QUESTION, max_tokens=5))
    assert caught.value.text == "Hel"
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, PermissionDeniedError), (404, UsageError), (422, EsragError), (500, UnavailableError)],
)
def test_a_refusal_becomes_the_right_error(status: int, error: type[EsragError]) -> None:
    """Each status leads to the exit code that the tree documents."""
    with pytest.raises(error):
        list(stream(endpoint(httpx.Response(status, text="no")), QUESTION, max_tokens=5))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":"flat","error_type":"validation"}', "flat"),
        (b'{"error":{"message":"nested"}}', "nested"),
        (b"plain text", "plain text"),
        (b"", ""),
    ],
)
def test_every_known_error_body_is_read(body: bytes, text: str) -> None:
    """TGI's two shapes, OpenAI's, and axum's plain text."""
    assert error_text(body) == text


@pytest.mark.parametrize("url", ["tgi:8080", "", "ftp://x", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """The error says what the address should look like."""
    with pytest.raises(UsageError), Endpoint(url).client():
        pass


def test_limits_come_from_info() -> None:
    """The server's own limits bound the prompt."""
    info = {"model_id": "m", "max_input_tokens": 2047, "max_total_tokens": 2048}
    end = endpoint(httpx.Response(200, json=info))
    with end.client() as client:
        limits = read_limits(end, client)
    assert limits == Limits(2047, 2048, "m")
    assert limits.input_budget(100) == 1948


def test_a_server_without_info_gets_assumed_limits() -> None:
    """vLLM and llama.cpp have no /info; the prompt is then kept short."""
    end = endpoint(httpx.Response(404))
    with end.client() as client:
        assert read_limits(end, client).total_tokens == 4096


def test_tokens_are_counted_by_the_server_or_estimated() -> None:
    """The first refusal to count switches to the estimate for good."""
    end = endpoint(httpx.Response(200, json={"tokenize_response": [{}, {}]}), httpx.Response(404))
    with end.client() as client:
        tokenizer = Tokenizer(end, client)
        assert tokenizer.count(QUESTION) == 2
        assert tokenizer.count(QUESTION) == sum(estimate(message) for message in QUESTION)
        assert tokenizer.count(QUESTION) > 0
