"""The server on sockets: slow callers, its end by signal, and OpenAI's own client."""

from __future__ import annotations

import json
import logging
import threading
import time

import httpx
import openai
import pytest
from served import ScriptedService, app_of, client_of, events_in, sentence
from serving_servers import holds, serving

from esrag.errors import UnavailableError, UsageError
from esrag.server.application import Limits
from esrag.server.callers import Door
from esrag.server.serving import bind

ASK = {"question": "When was it released?", "stream": True}


def test_a_taken_port_is_told() -> None:
    """With what to do, and as a mistake of the settings."""
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 is taken"):
            bind("127.0.0.1", port)
    with pytest.raises(UsageError, match="no address"):
        bind("no.such.host.invalid", 0)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_slow_head_is_not_waited_for(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who says nothing, or drips, is let go."""
    monkeypatch.setattr("esrag.server.serving.HEADER_SECONDS", 0.3)
    with serving(app_of()) as running, running.connect() as slow:
        slow.sendall(sent)
        began = time.monotonic()
        assert slow.recv(100) == b""
        assert time.monotonic() - began < 5


def test_a_slow_second_head_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor on a connection that was good for one request."""
    monkeypatch.setattr("esrag.server.serving.HEADER_SECONDS", 0.3)
    with serving(app_of()) as running, running.connect() as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = b""
        while b"alive" not in got:
            got += slow.recv(10_000)
        slow.sendall(b"GET /he")
        assert slow.recv(100) == b""


def test_a_kept_connection_is_not_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two requests, and during a long answer."""
    monkeypatch.setattr("esrag.server.serving.HEADER_SECONDS", 0.2)
    hold = threading.Event()
    with serving(app_of(ScriptedService(hold=hold))) as running:
        threading.Timer(0.6, hold.set).start()
        with httpx.Client(base_url=running.url) as client:
            assert client.get("/health").status_code == 200
            time.sleep(0.4)
            assert client.post("/v1/ask", json={**ASK, "stream": False}).status_code == 200


def test_a_slow_body_is_not_waited_for() -> None:
    """It is told so."""
    with serving(app_of(body_seconds=0.3)) as running, running.connect() as slow:
        slow.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        assert slow.recv(10_000).startswith(b"HTTP/1.1 408")


def test_many_slow_callers_keep_nobody_out() -> None:
    """200 who drip, and one who asks."""
    with serving(app_of(limits=Limits(concurrent=2, queue=2))) as running:
        slow = [running.connect() for _ in range(200)]
        for one in slow:
            one.sendall(b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n")
        assert httpx.post(f"{running.url}/v1/ask", json=ASK, timeout=10).status_code == 200
        for one in slow:
            one.close()


def test_a_stop_lets_running_answers_finish() -> None:
    """Nobody new gets in; the answer arrives whole; the server ends."""
    hold = threading.Event()
    with serving(app_of(ScriptedService(hold=hold)), drain=10) as running:
        got: list[str] = []

        def ask() -> None:
            got.append(httpx.post(f"{running.url}/v1/ask", json=ASK, timeout=20).text)

        asking = threading.Thread(target=ask)
        asking.start()
        runner = running.server.config.app.state.server.runner  # type: ignore[union-attr]
        assert holds(lambda: runner.places.taken == 1)
        running.stop()
        assert holds(lambda: not _answers(running.url))
        hold.set()
        assert running.ended(5)
        asking.join(5)
    assert [name for name, _ in events_in(got[0])] == ["sources", "sentence", "answer"]


def test_a_stop_ends_answers_that_take_too_long() -> None:
    """After their time they end with an error event, not with a cut."""
    service = ScriptedService(hold=threading.Event())
    with serving(app_of(service), drain=0.5) as running:
        with httpx.stream("POST", f"{running.url}/v1/ask", json=ASK, timeout=20) as answer:
            running.stop()
            text = answer.read().decode()
        assert running.ended(5)
    events = list(events_in(text))
    assert events[-1][0] == "error"
    assert json.loads(events[-1][1])["error"]["code"] == "stopping"
    assert service.called_off.wait(2)


def test_a_second_stop_ends_at_once() -> None:
    """Whatever still runs; the streams are cut, which their readers can tell."""
    service = ScriptedService(hold=threading.Event())
    with (
        serving(app_of(service), drain=60) as running,
        httpx.stream("POST", f"{running.url}/v1/ask", json=ASK, timeout=20) as answer,
    ):
        assert next(answer.iter_lines()) == "event: sources"
        running.stop()
        time.sleep(0.3)
        running.stop()
        assert running.ended(5)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


TOKEN = "a-token-that-nobody-guesses"


def test_openai_s_client_works_unchanged() -> None:
    """Listing models, an answer, a stream with usage, and a conversation."""
    service = ScriptedService(sentences=(sentence(), sentence("Fact two.", 2)))
    with serving(app_of(service, door=Door("shared-key", TOKEN))) as running:
        client = openai.OpenAI(base_url=f"{running.url}/v1", api_key=TOKEN, max_retries=0)
        with client:
            assert [model.id for model in client.models.list()] == ["esrag", "esrag-quotes"]
            messages: list[openai.types.chat.ChatCompletionMessageParam] = [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "When?"},
            ]
            whole = client.chat.completions.create(model="esrag", messages=messages)
            text = whole.choices[0].message.content or ""
            assert "Sources:\n[1]" in text
            assert (whole.model_extra or {})["esrag"]["complete"] is True
            pieces = client.chat.completions.create(
                model="esrag",
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                temperature=0.2,
                max_tokens=100,
            )
            chunks = list(pieces)
            said = [c.choices[0].delta.content or "" for c in chunks if c.choices]
            assert "".join(said) == text
            assert chunks[-1].usage is not None


@pytest.mark.parametrize("stream", [False, True])
def test_openai_s_client_raises_what_went_wrong(stream: bool) -> None:
    """Also in the middle of a stream."""
    service = ScriptedService(error=UnavailableError("the cluster is gone"), raise_after=1)
    with serving(app_of(service, door=Door("shared-key", TOKEN))) as running:
        messages: list[openai.types.chat.ChatCompletionMessageParam] = [
            {"role": "user", "content": "When?"}
        ]

        def ask(key: str, model: str = "esrag") -> None:
            with openai.OpenAI(base_url=f"{running.url}/v1", api_key=key, max_retries=0) as client:
                found = client.chat.completions.create(
                    model=model, messages=messages, stream=stream
                )
                if stream:
                    list(found)

        with pytest.raises(openai.AuthenticationError):
            ask("wrong")
        with pytest.raises(openai.NotFoundError, match="no model"):
            ask(TOKEN, "gpt-4")
        with pytest.raises(openai.APIError, match="the cluster is gone"):
            ask(TOKEN)


def test_no_credentials_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Neither of callers who get in nor of those who do not, nor questions."""
    caplog.set_level("DEBUG")
    door = Door("pass-through")
    for error in (None, UnavailableError("gone"), ZeroDivisionError("bug")):
        client = client_of(ScriptedService(error=error), door=door)
        headers = {"authorization": "ApiKey CANARY-CREDENTIAL"}
        client.post("/v1/ask", json={"question": "CANARY-QUESTION"}, headers=headers)
        client.post("/v1/ask?CANARY-QUERY=1", json={"question": 3}, headers=headers)
    ours = [record for record in caplog.records if record.name.startswith("esrag")]
    assert len(ours) > 5
    formatter = logging.Formatter("%(message)s")
    assert "CANARY" not in "\n".join(formatter.format(record) for record in ours)
