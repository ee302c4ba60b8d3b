"""The server as a process: starting, stopping, many clients, clients that go away."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

PROMPTS = [
    "The capital of France is",
    "def add(a, b):\n    ",
    "Once upon a time",
    "One, two, three,",
    "Water boils at",
    "The opposite of hot is",
    "Dear Sir or Madam,\n",
    "Q: What is 2+2?\nA:",
]


def generate(url: str, prompt: str, **parameters: Any) -> dict[str, Any]:
    """One whole answer."""
    body = {"inputs": prompt, "parameters": parameters}
    response = httpx.post(f"{url}/generate", json=body, timeout=300)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def idle(url: str) -> bool:
    """Whether a request of one token is served at once, as in an empty batch."""
    begun = time.monotonic()
    generate(url, "a", max_new_tokens=1)
    return time.monotonic() - begun < 5


def test_it_says_503_while_it_loads_and_ends_on_sigterm_at_any_time(start_tgi: Any) -> None:
    """The port is taken first; a supervisor can tell starting from dead."""
    server = start_tgi("--model", "packaged")
    response = httpx.get(f"{server.url}/health", timeout=30)
    assert response.status_code == 503
    assert response.json() == {"error": "unhealthy", "error_type": "healthcheck"}
    begun = time.monotonic()
    assert server.end() == 143
    assert time.monotonic() - begun < 10


def test_sigterm_lets_open_streams_end_and_takes_no_new_requests(start_tgi: Any) -> None:
    """The answer is whole; meanwhile nobody else is let in."""
    server = start_tgi("--model", "packaged")
    server.wait_until_ready()
    body = {"inputs": "Once upon a time", "parameters": {"max_new_tokens": 60, "stop": ["\n"]}}
    alone = generate(server.url, body["inputs"], **body["parameters"])["generated_text"]
    events: list[str] = []
    begun = threading.Event()

    def read() -> None:
        with httpx.stream("POST", f"{server.url}/generate_stream", json=body, timeout=60) as answer:
            for line in answer.iter_lines():
                events.append(line)
                begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(30)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/health")
    assert server.process.wait(timeout=30) == 143
    reader.join()
    last = json.loads([line for line in events if line][-1].removeprefix("data: "))
    assert last["generated_text"] == alone
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(("grace", "signals"), [("0.5", 1), ("60", 2)])
def test_streams_that_take_too_long_are_told_that_they_are_incomplete(
    start_tgi: Any, grace: str, signals: int
) -> None:
    """In the shape of each route: after the grace time, or at once at a second signal."""
    server = start_tgi("--model", "packaged", "--grace", grace)
    server.wait_until_ready()
    native = {"inputs": "Once upon a time", "parameters": {"max_new_tokens": 4000}}
    story = [{"role": "user", "content": "Write a long story about a dragon."}]
    # greedy, so that chance cannot end the answer before the signal comes
    chat = {"messages": story, "max_tokens": 4000, "stream": True, "temperature": 0}

    def read(path: str, body: dict[str, Any]) -> list[str]:
        with httpx.stream("POST", f"{server.url}{path}", json=body, timeout=60) as answer:
            return [line.removeprefix("data: ") for line in answer.iter_lines() if line]

    with ThreadPoolExecutor(2) as pool:
        reading = [
            pool.submit(read, "/generate_stream", native),
            pool.submit(read, "/v1/chat/completions", chat),
        ]
        time.sleep(3)
        begun = time.monotonic()
        for _ in range(signals - 1):
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        assert server.end() == 143
        seconds = time.monotonic() - begun
        native_events, chat_events = (future.result() for future in reading)
    message = "Incomplete generation stream"
    assert len(native_events) > 1
    assert json.loads(native_events[-1]) == {
        "error": message,
        "error_type": "incomplete_generation_stream",
    }
    assert json.loads(chat_events[-2]) == {"error": {"message": message, "http_status_code": 422}}
    assert chat_events[-1] == "[DONE]"
    assert seconds < 10
    assert "Traceback" not in server.log.read_text()


def test_a_killed_server_leaves_a_stream_that_is_visibly_broken(start_tgi: Any) -> None:
    """No terminal event and no orderly end of the chunks."""
    server = start_tgi("--model", "packaged")
    server.wait_until_ready()
    body = {"inputs": "Once upon a time", "parameters": {"max_new_tokens": 4000}}
    events: list[str] = []

    def read() -> None:
        with httpx.stream("POST", f"{server.url}/generate_stream", json=body, timeout=60) as answer:
            for line in answer.iter_lines():
                if line:
                    events.append(line)
                if len(events) == 3:
                    server.process.kill()

    with pytest.raises(httpx.RemoteProtocolError):
        read()
    assert len(events) >= 3
    assert not any(json.loads(line[6:]).get("generated_text") for line in events)


def test_a_taken_port_ends_with_a_conflict(start_tgi: Any, tgi_url: str) -> None:
    """Exit code 7 and a sentence, before anything is loaded."""
    port = tgi_url.rpartition(":")[2]
    command = [sys.executable, "-m", "esrag.local.tgi", "--data", "/nonexistent", "--port", port]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 7
    assert f"port {port} of 127.0.0.1 cannot be used" in ended.stderr


def test_a_model_that_cannot_be_loaded_ends_the_server(start_tgi: Any, tmp_path: Any) -> None:
    """Exit code 6 with the reason."""
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "pytorch_model.bin").touch()
    server = start_tgi("--model", str(tmp_path))
    assert server.process.wait(timeout=60) == 6
    assert "Pickled weights" in server.log.read_text()


def test_eight_clients_at_once_get_what_each_gets_alone(tgi_url: str) -> None:
    """Greedy answers do not depend on who else is in the batch.

    In bf16 two tokens that are as good as equally likely may change places in company; where an
    answer differs, that must be the reason.
    """
    wanted = {"max_new_tokens": 12, "details": True, "top_n_tokens": 5}
    alone = [generate(tgi_url, prompt, **wanted)["details"] for prompt in PROMPTS]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda prompt: generate(tgi_url, prompt, **wanted), PROMPTS))
    for one, many in zip(alone, together, strict=True):
        ids = [token["id"] for token in one["tokens"]]
        others = [token["id"] for token in many["details"]["tokens"]]
        place = next(
            (at for at, pair in enumerate(zip(ids, others, strict=False)) if pair[0] != pair[1]),
            None,
        )
        if place is not None:
            likely = {token["id"]: token["logprob"] for token in one["top_tokens"][place]}
            assert likely[ids[place]] - likely[others[place]] < 0.3


def test_the_same_seed_gives_the_same_text(tgi_url: str) -> None:
    """And another seed another one."""
    parameters = {"max_new_tokens": 16, "temperature": 1.3, "details": True}
    first = generate(tgi_url, PROMPTS[2], seed=11, **parameters)
    assert generate(tgi_url, PROMPTS[2], seed=11, **parameters) == first
    assert generate(tgi_url, PROMPTS[2], seed=12, **parameters) != first
    assert first["details"]["seed"] == 11


@pytest.mark.parametrize("path", ["/generate", "/generate_stream"])
def test_a_client_that_goes_away_frees_its_place(tgi_url: str, path: str) -> None:
    """Sixteen abandoned requests of thousands of tokens leave the server idle."""
    body = {"inputs": "Once upon a time", "parameters": {"max_new_tokens": 6000}}

    def abandon(_: int) -> None:
        with (
            pytest.raises(httpx.ReadTimeout),
            httpx.stream("POST", f"{tgi_url}{path}", json=body, timeout=0.8) as answer,
        ):
            _until_silent(answer)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(abandon, range(16)))
    deadline = time.monotonic() + 20
    while not idle(tgi_url):
        assert time.monotonic() < deadline
    assert 'tgi_request_failure{err="dropped"}' in httpx.get(f"{tgi_url}/metrics").text


def _until_silent(answer: httpx.Response) -> None:
    """Read for a moment, then give up as a timeout would."""
    begun = time.monotonic()
    for _ in answer.iter_raw():
        if time.monotonic() - begun > 0.8:
            raise httpx.ReadTimeout("enough")


def test_pieces_of_a_stream_join_to_the_text(tgi_url: str) -> None:
    """Also where characters span tokens."""
    body = {
        "inputs": "😀 😃 😄 😁 😆 😅 😂 🤣 ☺️ 日本語 Ελληνικά",
        "parameters": {"max_new_tokens": 24, "details": True},
    }
    with httpx.stream("POST", f"{tgi_url}/generate_stream", json=body, timeout=120) as answer:
        events = [json.loads(line[6:]) for line in answer.iter_lines() if line]
    pieces = [event["token"]["text"] for event in events if not event["token"]["special"]]
    assert events[-1]["generated_text"] == "".join(pieces)
    assert generate(tgi_url, body["inputs"], max_new_tokens=24)["generated_text"] == "".join(pieces)  # type: ignore[arg-type]


def test_a_chat_counts_the_tokens_that_chat_tokenize_shows(tgi_url: str) -> None:
    """The way for a client to fit its prompt."""
    messages = [{"role": "user", "content": "Say it."}]
    shown = httpx.post(f"{tgi_url}/chat_tokenize", json={"messages": messages}).json()
    chat = httpx.post(
        f"{tgi_url}/v1/chat/completions",
        json={"messages": messages, "max_tokens": 1, "temperature": 0},
        timeout=60,
    ).json()
    assert chat["usage"]["prompt_tokens"] == len(shown["tokenize_response"])
    assert "".join(token["text"] for token in shown["tokenize_response"]) == shown["templated_text"]


def test_the_command_line_serves_the_same(tgi_data: Path) -> None:
    """``esrag tgi serve`` says where it listens on standard error, and ends on SIGTERM."""
    code = "from esrag.cli import main; main()"
    command = [sys.executable, "-c", code, "tgi", "serve", "--port", "0", "--data", str(tgi_data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert b"listening at http://127.0.0.1:" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 143
        assert process.stdout.read() == b""


def test_the_process_imports_torch_only_when_it_has_begun_to_listen() -> None:
    """Neither the command nor the server's modules need it before."""
    code = (
        "import sys, esrag.cli.tgi, esrag.local.tgi.app, esrag.local.tgi.server;"
        "import esrag.local.tgi.generation.scheduler, esrag.base_models.source;"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
