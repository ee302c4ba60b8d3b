"""Adapters by name: loading and unloading over HTTP, and who is served by which."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from esrag.errors import UnsupportedError, UsageError
from esrag.local.tgi.adapters import AdapterPlan, Adapters
from esrag.local.tgi.app import make_app
from esrag.local.tgi.state import Engine, ServerState

Expected = Callable[..., list[int]]


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test with an event loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@dataclass(frozen=True)
class ToyAdapter:
    """What the toy model of conftest takes."""

    shift: int
    bytes: int = 1000


@dataclass
class ToyReader:
    """A folder's file ``shift`` makes an adapter; without it the folder is refused."""

    read_now: list[Path] = field(default_factory=list)
    prepared: int = 0

    def prepare(self) -> None:
        """Count."""
        self.prepared += 1

    def read(self, folder: Path, *, most_bytes: int) -> tuple[ToyAdapter, str]:
        """Read."""
        self.read_now.append(folder)
        if most_bytes < 1000:
            raise UnsupportedError(f"{folder} takes 1000 bytes", hint="Unload one.")
        if not (folder / "shift").is_file():
            raise UnsupportedError(f"{folder} has no shift", hint="Write one.")
        return ToyAdapter(int((folder / "shift").read_text())), "ab" * 32


@pytest.fixture
def reader() -> ToyReader:
    """Reads toy adapters."""
    return ToyReader()


@pytest.fixture
def adapters(reader: ToyReader, tmp_path: Path) -> Adapters:
    """Room for three in number, and for two and a half in bytes."""
    for number in range(1, 5):
        (tmp_path / f"a{number}").mkdir()
        (tmp_path / f"a{number}" / "shift").write_text(str(number))
    (tmp_path / "empty").mkdir()
    return Adapters(
        reader,
        base_names=["toy/toy"],
        plan=AdapterPlan(below=(tmp_path,), most=3),
        most_bytes=10_000,
    )


@pytest.fixture
def client(engine: Engine, adapters: Adapters) -> httpx.AsyncClient:
    """Talks to the application in memory."""
    engine.adapters = adapters
    transport = httpx.ASGITransport(make_app(ServerState(max_body_bytes=10_000, engine=engine)))
    return httpx.AsyncClient(transport=transport, base_url="http://toy")


async def load(client: httpx.AsyncClient, name: str, path: Any, **more: Any) -> httpx.Response:
    """Ask for an adapter."""
    body = {"lora_name": name, "lora_path": str(path), **more}
    return await client.post("/v1/load_lora_adapter", json=body)


async def unload(client: httpx.AsyncClient, name: str) -> httpx.Response:
    """Ask for its end."""
    return await client.post("/v1/unload_lora_adapter", json={"lora_name": name})


async def said(client: httpx.AsyncClient, adapter: str | None, count: int = 6) -> list[int]:
    """The ids that a prompt of one letter is answered with."""
    parameters = {"max_new_tokens": count, "details": True, "adapter_id": adapter}
    body = {"inputs": "A", "parameters": parameters}
    answer = (await client.post("/generate", json=body)).json()
    return [token["id"] for token in answer["details"]["tokens"]]


async def toy_says(engine: Engine, shift: Sequence[int], expected: Expected) -> list[int]:
    """The same by hand."""
    start = list(engine.tokens.encode("A", add_special_tokens=True))
    return expected([*shift, *start], 6)


@in_a_loop
async def test_an_adapter_is_loaded_used_listed_and_unloaded(
    client: httpx.AsyncClient, engine: Engine, expected: Expected, tmp_path: Path
) -> None:
    """In vLLM's words; other names go on to the base model, as in TGI."""
    assert await said(client, "tuned") == await toy_says(engine, [], expected)
    answer = await load(client, "tuned", tmp_path / "a1")
    assert (answer.status_code, answer.text) == (
        200,
        "Success: LoRA adapter 'tuned' added successfully.",
    )
    assert await said(client, "tuned") == await toy_says(engine, [1], expected)
    assert await said(client, None) == await toy_says(engine, [], expected)
    assert await said(client, "another") == await toy_says(engine, [], expected)
    base, tuned = (await client.get("/v1/models")).json()["data"]
    assert base == {"id": "toy/toy", "object": "model", "created": 0, "owned_by": "toy/toy"}
    assert tuned == {**base, "id": "tuned", "parent": "toy/toy", "sha256": "ab" * 32}
    answer = await unload(client, "tuned")
    assert (answer.status_code, answer.text) == (
        200,
        "Success: LoRA adapter 'tuned' removed successfully.",
    )
    assert await said(client, "tuned") == await toy_says(engine, [], expected)
    assert len((await client.get("/v1/models")).json()["data"]) == 1


@in_a_loop
async def test_chats_and_completions_choose_it_by_model(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """On the routes of OpenAI the name is the model's."""
    await load(client, "tuned", tmp_path / "a1")
    chat = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "temperature": 0}
    text = {"prompt": "hi", "max_tokens": 5, "temperature": 0}
    for path, body in (("/v1/chat/completions", chat), ("/v1/completions", text)):
        base, tuned, other = [
            (await client.post(path, json={**body, "model": name})).json()["choices"]
            for name in ("tgi", "tuned", "another")
        ]
        assert base == other != tuned


@in_a_loop
async def test_a_running_answer_keeps_the_weights_that_it_began_with(
    client: httpx.AsyncClient, engine: Engine, expected: Expected, tmp_path: Path
) -> None:
    """Unloading and loading another under the name change only what comes after."""
    await load(client, "tuned", tmp_path / "a1")
    running = asyncio.create_task(said(client, "tuned"))
    while not engine.scheduler.busy and not running.done():
        await asyncio.sleep(0)
    await unload(client, "tuned")
    await load(client, "tuned", tmp_path / "a2")
    assert await running == await toy_says(engine, [1], expected)
    assert await said(client, "tuned") == await toy_says(engine, [2], expected)
    answer = await load(client, "tuned", tmp_path / "a3", load_inplace=True)
    assert answer.status_code == 200
    assert await said(client, "tuned") == await toy_says(engine, [3], expected)


@pytest.mark.parametrize(
    ("name", "path", "status", "kind", "words"),
    [
        ("", "a1", 400, "InvalidUserInput", "must be provided"),
        ("x", "", 400, "InvalidUserInput", "must be provided"),
        ("there", "a2", 400, "InvalidUserInput", "has already been loaded"),
        ("toy/toy", "a1", 400, "InvalidUserInput", "conflicts with a served base model"),
        ("tgi", "a1", 400, "InvalidUserInput", "conflicts with a served base model"),
        ('a"b\n', "a1", 400, "InvalidUserInput", "is no name for an adapter"),
        ("x", "none", 404, "NotFoundError", "No adapter found"),
        ("x", "empty", 400, "BadRequestError", "has no shift. Write one."),
        ("x", "../elsewhere", 400, "BadRequestError", "is not below"),
        ("x", "link", 400, "BadRequestError", "is not below"),
    ],
)
@in_a_loop
async def test_what_is_refused_is_refused_in_the_shape_of_vllm(
    client: httpx.AsyncClient,
    tmp_path: Path,
    name: str,
    path: str,
    status: int,
    kind: str,
    words: str,
) -> None:
    """And what was there stays."""
    await load(client, "there", tmp_path / "a1")
    (tmp_path / "link").symlink_to("/usr")
    answer = await load(client, name, tmp_path / path if path else "")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["type"], error["param"], error["code"]) == (kind, None, status)
    assert words in error["message"]
    assert [one["id"] for one in (await client.get("/v1/models")).json()["data"]] == [
        "toy/toy",
        "there",
    ]


@in_a_loop
async def test_relative_paths_and_hub_ids_are_not_followed(client: httpx.AsyncClient) -> None:
    """Where they would lead depends on the server's folder, or on the network."""
    for path in ("a1", "org/name"):
        answer = await load(client, "x", path)
        assert "no absolute path" in answer.json()["error"]["message"]


@in_a_loop
async def test_number_and_memory_are_limited(
    client: httpx.AsyncClient, adapters: Adapters, tmp_path: Path
) -> None:
    """Replacing one is possible when all places are taken."""
    for number in (1, 2, 3):
        assert (await load(client, f"n{number}", tmp_path / f"a{number}")).status_code == 200
    answer = await load(client, "n4", tmp_path / "a4")
    assert "--max-adapters" in answer.json()["error"]["message"]
    assert (await load(client, "n3", tmp_path / "a4", load_inplace=True)).status_code == 200
    await unload(client, "n3")
    adapters._most_bytes = 2_500
    answer = await load(client, "n4", tmp_path / "a4")
    assert "takes 1000 bytes" in answer.json()["error"]["message"]


@in_a_loop
async def test_unloading_what_is_not_there(client: httpx.AsyncClient) -> None:
    """404 in vLLM's words, and 400 without a name."""
    answer = await unload(client, "nobody")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "The lora adapter 'nobody' cannot be found."
    assert (await unload(client, "")).status_code == 400


@in_a_loop
async def test_loading_needs_the_key(
    client: httpx.AsyncClient, engine: Engine, tmp_path: Path
) -> None:
    """As generating does."""
    state = ServerState(max_body_bytes=10_000, api_key="secret", engine=engine)
    transport = httpx.ASGITransport(make_app(state))
    async with httpx.AsyncClient(transport=transport, base_url="http://toy") as locked:
        assert (await load(locked, "x", tmp_path / "a1")).status_code == 401
        assert (await unload(locked, "x")).status_code == 401
        locked.headers["authorization"] = "Bearer secret"
        assert (await load(locked, "x", tmp_path / "a1")).status_code == 200


@in_a_loop
async def test_metrics_count_by_adapter(
    client: httpx.AsyncClient, engine: Engine, adapters: Adapters, tmp_path: Path
) -> None:
    """Only names that are loaded become labels."""
    adapters._metrics = engine.metrics
    await load(client, "tuned", tmp_path / "a1")
    await said(client, "tuned")
    await said(client, "unknown")
    page = (await client.get("/metrics")).text
    assert 'esrag_adapter_requests_count{adapter="tuned"} 1\n' in page
    assert "esrag_adapters_loaded 1\n" in page
    assert "esrag_adapter_load_duration_count 1\n" in page
    assert "unknown" not in page


def test_the_first_adapters_must_be_good(reader: ToyReader, tmp_path: Path) -> None:
    """The server does not start with less than it was told."""
    (tmp_path / "shift").write_text("1")

    def begin(*first: tuple[str, Path]) -> Adapters:
        made = Adapters(reader, base_names=[], plan=AdapterPlan(first), most_bytes=10_000)
        made.begin()
        return made

    assert [one.name for one in begin(("one", tmp_path), ("two", tmp_path))] == ["one", "two"]
    with pytest.raises(UnsupportedError, match="has no shift"):
        begin(("one", tmp_path / "none"))
    with pytest.raises(UsageError, match=r"--adapter one=.*already been loaded"):
        begin(("one", tmp_path), ("one", tmp_path))


def test_what_takes_long_is_done_only_where_adapters_may_come(reader: ToyReader) -> None:
    """A server without adapters does not read its weights twice."""
    Adapters(reader, base_names=[]).prepare()
    assert reader.prepared == 0
    Adapters(reader, base_names=[], plan=AdapterPlan(below=(Path("/x"),))).prepare()
    assert reader.prepared == 1
