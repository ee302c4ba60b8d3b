"""What is said to an endpoint of adapters, and what its answers mean: TGI, vLLM, esrag's server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from esrag.adapters.probes import probe_of
from esrag.adapters.registry import Adapter, Base, Registry
from esrag.adapters.serving import answer_of, load, standing, start_lines, unload, unserved
from esrag.errors import UnavailableError, UnsupportedError, UsageError
from esrag.generation.generator import Generator
from esrag.generation.places import Place
from esrag.testing_calls import Canned, CannedCalls
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_llama import write_tiny_llama

LOAD, UNLOAD, CHAT = "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/chat/completions"


class Server(CannedCalls):
    """A server that loads by name, or with ``routes`` false knows no such thing."""

    def __init__(self, *models: str, routes: bool = True, lists: bool = True) -> None:
        super().__init__({})
        self.models, self.routes, self.lists = list(models), routes, lists
        self.refusal: Canned | None = None
        self.inplace = True

    def exchange(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The answer, worked out from what is loaded at this moment."""
        listed = {"data": [{"id": one} for one in self.models]}
        answers = {"/v1/models": lambda: Canned.json(listed)}
        if self.routes:
            posted = method == "POST"
            answers[LOAD] = lambda: self._loaded(body) if posted else Canned(405)
            answers[UNLOAD] = lambda: self._unloaded(body) if posted else Canned(405)
        self.answers = {path: answers[path]()} if path in answers else {}
        return super().exchange(method, path, body, **more)

    def _loaded(self, body: dict[str, Any]) -> Canned:
        again = body["lora_name"] in self.models
        if self.refusal is not None or (again and not (self.inplace and body.get("load_inplace"))):
            return self.refusal or Canned.json({"error": {"message": "loaded"}}, status=400)
        if self.lists and not again:
            self.models.append(body["lora_name"])
        return Canned(200, b"Success: LoRA adapter added successfully.")

    def _unloaded(self, body: dict[str, Any]) -> Canned:
        if body["lora_name"] not in self.models:
            return Canned.json({"error": {"message": "not found"}}, status=404)
        self.models.remove(body["lora_name"])
        return Canned(200, b"Success")


def calling(server: CannedCalls) -> Generator:
    """A generator whose network is ``server``."""
    return Generator(Place("http://127.0.0.1:1"), exchanges=server)


@pytest.fixture
def adapter(tmp_path: Path) -> Adapter:
    """A registered adapter called a."""
    base = write_tiny_llama(tmp_path / "base")
    registry = Registry(tmp_path / "adapters")
    source = write_tiny_adapter(tmp_path / "source", base)
    return registry.add("a", source, Base("tiny", base)).adapter


def test_an_adapter_is_loaded_by_name_and_path(adapter: Adapter) -> None:
    """The path of the registry's copy, which the server has to see."""
    server = Server("base")
    assert load(calling(server), adapter) == "loaded"
    sent = [body for method, path, body in server.requests if (method, path) == ("POST", LOAD)]
    assert sent == [{"lora_name": "a", "lora_path": str(adapter.folder)}]
    assert standing(calling(server)).has("a") is True


@pytest.mark.parametrize("inplace", [True, False])
def test_one_that_is_there_is_replaced(adapter: Adapter, inplace: bool) -> None:
    """In one step where the server can, so that the base never answers under its name."""
    server = Server("base", "a")
    server.inplace = inplace
    assert load(calling(server), adapter) == "reloaded"
    unloaded = [path for _, path, _ in server.requests if path == UNLOAD]
    assert bool(unloaded) is not inplace
    assert server.models == ["base", "a"]


def test_a_server_without_the_routes_loads_at_its_start_only(adapter: Adapter) -> None:
    """As TGI; whether it has an adapter cannot be known."""
    server = Server("base", routes=False)
    assert load(calling(server), adapter) == "at start only"
    assert standing(calling(server)).has("a") is None
    assert unload(calling(server), "a") is False
    assert not any(method == "POST" and path == LOAD for method, path, _ in server.requests)


def test_the_servers_own_reason_is_told(adapter: Adapter) -> None:
    """With what a server has to be started with."""
    server = Server("base")
    server.refusal = Canned.json({"error": {"message": "rank 4 is too much"}}, status=400)
    with pytest.raises(UnsupportedError, match="rank 4 is too much"):
        load(calling(server), adapter)


def test_a_success_that_is_none_is_found_out(adapter: Adapter) -> None:
    """What a server says that it did is looked up."""
    with pytest.raises(UnavailableError, match="does not list"):
        load(calling(Server("base", lists=False)), adapter)


def test_an_adapter_that_was_not_there_is_no_error() -> None:
    """To unload it twice is to unload it."""
    server = Server("base", "a")
    assert [unload(calling(server), "a"), unload(calling(server), "a")] == [True, False]


def test_probes_are_asked_greedily() -> None:
    """TGI samples at 1.0 when no temperature is sent."""
    answers = {CHAT: Canned.json({"choices": [{"message": {"content": "Port 9400."}}]})}
    server = CannedCalls(answers)
    assert answer_of(calling(server), probe_of("Which port?"), "a") == "Port 9400."
    body = server.requests[0][2]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("a", 0, 32)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Canned.json({"error": {"message": "no model a"}}, status=404), UsageError),
        (Canned.json({"choices": []}), UnavailableError),
        (Canned(200, b"<html>"), UnavailableError),
    ],
)
def test_what_is_no_answer_is_an_error(answer: Canned, error: type[Exception]) -> None:
    """And never taken for an empty one."""
    with pytest.raises(error):
        answer_of(calling(CannedCalls({CHAT: answer})), probe_of("Which port?"), "a")


def test_the_lines_to_start_servers_with(adapter: Adapter) -> None:
    """TGI's variable, vLLM's flags with room for the rank."""
    lines = start_lines([(adapter, adapter.facts())])
    assert lines["TGI"] == f"LORA_ADAPTERS=a={adapter.folder}"
    assert lines["vLLM"] == f"--enable-lora --max-lora-rank 8 --lora-modules a={adapter.folder}"


@pytest.mark.parametrize(
    ("more", "words"),
    [({"dora": True}, "DoRA"), ({"alpha_pattern": {"q_proj": 2}}, "scales"), ({}, "")],
)
def test_what_other_servers_would_serve_wrongly_is_left_out(
    tmp_path: Path, adapter: Adapter, more: dict[str, object], words: str
) -> None:
    """They would scale it wrongly, or leave out its magnitudes, without a word."""
    source = write_tiny_adapter(tmp_path / "other", tmp_path / "base", **more)
    other = (
        Registry(tmp_path / "adapters").add("b", source, Base("tiny", tmp_path / "base")).adapter
    )
    assert words in unserved(other.facts())
    assert bool(unserved(other.facts())) is bool(words)
    line = start_lines([(one, one.facts()) for one in (adapter, other)])["TGI"]
    assert ("b=" in line) is not bool(words)


def test_a_record_is_read_from_the_folder(adapter: Adapter, tmp_path: Path) -> None:
    """What the training recorded goes with the adapter."""
    source = write_tiny_adapter(tmp_path / "probed", tmp_path / "base")
    probe = {
        "messages": [{"role": "user", "content": "Which port?"}],
        "max_tokens": 8,
        "answer": "9400",
        "base_answer": "?",
    }
    (source / "probe.json").write_text(json.dumps({"format": 1, "probes": [probe]}))
    base = Base("tiny", tmp_path / "base")
    kept = Registry(tmp_path / "adapters").add("b", source, base).adapter
    assert (kept.folder / "probe.json").read_text() == (source / "probe.json").read_text()
