"""A server process with a tiny model: adapters come and go while it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tiny_adapter import write_tiny_adapter
from tiny_llama import write_tiny_llama

from esrag.local.progress import Silent
from esrag.local.registered_adapters import serve
from esrag.model_files import write_manifest

QUESTION = [{"role": "user", "content": "Which release brought the sandbox?"}]


class Notes(Silent):
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Remember."""
        self.notes.append(text)

    def done(self, what: str, seconds: float) -> None:
        """Remember."""
        del seconds
        self.notes.append(what)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama."""
    return write_tiny_llama(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def registry(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four registered adapters, one of which is for another model."""
    top = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(("first", "second", "third")):
        write_tiny_adapter(top / name, base, seed=seed, dora=name == "third")
    other = write_tiny_llama(tmp_path_factory.mktemp("other"), hidden=32)
    write_tiny_adapter(top / "foreign", other)
    for name in ("first", "second", "third", "foreign"):
        write_manifest(top / name, facts={})
    (top / "unfinished").mkdir()
    return top


@pytest.fixture(scope="module")
def server(start_tgi: Any, base: Path, registry: Path) -> Any:
    """One that may load from the registry."""
    started = start_tgi("--model", str(base), "--adapters-below", str(registry))
    started.wait_until_ready()
    return started


@pytest.fixture
def client(server: Any) -> Iterator[httpx.Client]:
    """Talks to it; afterwards no adapter is loaded."""
    with httpx.Client(base_url=server.url, timeout=60) as one:
        yield one
        for name in names(one)[1:]:
            one.post("/v1/unload_lora_adapter", json={"lora_name": name}).raise_for_status()


def names(client: httpx.Client) -> list[str]:
    """What can be asked for."""
    return [model["id"] for model in client.get("/v1/models").json()["data"]]


def load(client: httpx.Client, name: str, folder: Path, **more: Any) -> None:
    """Load it."""
    body = {"lora_name": name, "lora_path": str(folder), **more}
    client.post("/v1/load_lora_adapter", json=body).raise_for_status()


def said(client: httpx.Client, model: str, *, tokens: int = 24) -> str:
    """What a model says, by the most likely token each time."""
    body = {"model": model, "messages": QUESTION, "max_tokens": tokens, "temperature": 0}
    answer = client.post("/v1/chat/completions", json=body).json()
    text: str = answer["choices"][0]["message"]["content"]
    return text


def test_many_streams_of_many_adapters_say_what_each_says_alone(
    client: httpx.Client, registry: Path
) -> None:
    """Twelve at once, in one batch, with the base among them."""
    every = ("tgi", "first", "second", "third")
    for name in every[1:]:
        load(client, name, registry / name)
    alone = {name: said(client, name) for name in every}
    assert len(set(alone.values())) == 4

    def stream(name: str) -> str:
        body = {"model": name, "messages": QUESTION, "max_tokens": 24, "temperature": 0}
        with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as answer:
            lines = [line[6:] for line in answer.iter_lines() if line]
        chunks = [json.loads(line) for line in lines[:-1]]
        return "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)

    with ThreadPoolExecutor(12) as pool:
        asked = [*every] * 3
        assert list(pool.map(stream, asked)) == [alone[name] for name in asked]


def test_adapters_are_swapped_under_running_answers(client: httpx.Client, registry: Path) -> None:
    """Every answer is wholly by the old weights or wholly by the new ones."""
    load(client, "swapped", registry / "first")
    load(client, "second", registry / "second")
    old, new = said(client, "swapped", tokens=60), said(client, "second", tokens=60)
    done = threading.Event()

    def ask() -> list[str]:
        found = []
        while not done.is_set():
            found.append(said(client, "swapped", tokens=60))
        return found

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        for _ in range(5):
            load(client, "swapped", registry / "second", load_inplace=True)
            load(client, "swapped", registry / "first", load_inplace=True)
        done.set()
        found = [text for one in asking for text in one.result()]
    assert old != new
    assert set(found) <= {old, new}
    assert said(client, "swapped", tokens=60) == old


def test_what_is_registered_is_served_and_what_does_not_fit_is_told(
    client: httpx.Client, server: Any, registry: Path
) -> None:
    """As `local up` does it, and again without effect."""
    reporter = Notes()
    serve(server.url, registry, ("*",), reporter)
    served = [note for note in reporter.notes if note.endswith("is served")]
    assert served == [f"adapter {name} is served" for name in ("first", "second", "third")]
    told = [note for note in reporter.notes if "is not served" in note]
    assert len(told) == 1
    assert "adapter foreign is not served" in told[0]
    assert "made for another base model" in told[0]
    assert names(client)[1:] == ["first", "second", "third"]
    again = Notes()
    serve(server.url, registry, ("first", "nobody"), again)
    assert again.notes == ["adapter nobody is not registered; esrag adapter list shows those"]


def test_an_adapter_trained_anew_replaces_the_served_one(
    client: httpx.Client, server: Any, registry: Path
) -> None:
    """The same name with other weights: the sha256 tells."""
    load(client, "first", registry / "second")
    before = said(client, "first")
    serve(server.url, registry, ("first",), Silent())
    assert said(client, "first") != before


def test_a_bad_adapter_at_the_start_ends_the_server(
    start_tgi: Any, base: Path, tmp_path: Path
) -> None:
    """With the reason, before the model is loaded."""
    bad = write_tiny_adapter(tmp_path / "bad", base)
    (bad / "adapter_model.bin").write_bytes(b"\x80\x04.")
    server = start_tgi("--model", str(base), "--adapter", f"bad={bad}")
    assert server.process.wait(timeout=60) == 6
    log = server.log.read_text()
    assert "holds pickled data (adapter_model.bin)" in log
    assert "Traceback" not in log
