"""From rows to a served adapter and back, by the commands, with a tiny random model.

The server is a process of its own; commands run in this one, which loads torch once for training
and for the merged models.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from adapter_chain import (
    RECIPE,
    Chain,
    known_question,
    request,
    served_here,
    taught_row,
    text_of,
    write_rows,
)
from asking_desk import QUESTION, SAID, Desk, environment
from tiny_adapter import write_tiny_adapter
from tiny_llama import write_tiny_llama

from esrag.cli.demo_held_out import asked, figures, from_memory, said
from esrag.settings import load_settings

TAUGHT = "The Marlow gateway uses port 7443."
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def chain(asking_set: Desk, start_tgi: Any, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A tiny model that is served, and a run on it that was taught the desk's answer."""
    top = tmp_path_factory.mktemp("chain")
    base = write_tiny_llama(top / "base")
    registry = Path(asking_set.environment["ESRAG_DATA_DIR"]) / "adapters"
    server = start_tgi("--model", str(base), "--adapters-below", str(registry), "--threads", "1")
    write_rows(top / "rows.jsonl")
    desk = asking_set.with_environment(
        ESRAG_GENERATOR_URL=server.url,
        ESRAG_TRAINING_BASE_MODEL=str(base),
        ESRAG_TRAINING_THREADS="1",
        ESRAG_GENERATOR_PASSAGES="1",
    )
    run = ("finetune", str(top / "rows.jsonl"), "--name", "taught-by-rows", *RECIPE)
    trained = desk.run(*run, "--dtype", "float32")
    assert trained.code == 0, trained.talk
    server.wait_until_ready()
    return Chain(desk, base, registry, server.url, trained)


@pytest.fixture
def name(chain: Chain) -> Iterator[str]:
    """A name for an adapter; afterwards neither registry nor server has one of it."""
    made = f"a{uuid4().hex[:8]}"
    yield made
    shutil.rmtree(chain.registry / made, ignore_errors=True)
    httpx.post(f"{chain.url}/v1/unload_lora_adapter", json={"lora_name": made}, timeout=60)


@pytest.fixture
def taught(chain: Chain, name: str) -> str:
    """The run's adapter, registered and loaded."""
    added = chain.adapter("add", "taught-by-rows", "--name", name)
    assert added.code == 0, added.talk
    return name


@pytest.fixture
def other(chain: Chain, tmp_path: Path) -> Path:
    """Another adapter of the same base, without a record."""
    return write_tiny_adapter(tmp_path / "other", chain.base, seed=5)


def answered(chain: Chain, *words: str) -> dict[str, Any]:
    """``esrag ask --json`` for the taught question."""
    asked = chain.desk.ask("--json", *words)
    assert asked.code == 0, asked.talk
    record: dict[str, Any] = json.loads(asked.output)
    return record


def test_rows_become_an_adapter_that_answers_until_it_is_removed(
    chain: Chain, name: str, tmp_path: Path
) -> None:
    """Trained, registered, loaded, asked, proven, merged, removed: each step by its command."""
    assert "next: esrag adapter add taught-by-rows" in chain.trained.output
    added = chain.adapter("add", "taught-by-rows", "--name", name)
    assert "loaded by the generator" in added.output
    before, after = answered(chain), answered(chain, "--adapter", name)
    assert before["kind"] == "quoted"  # a random model says nothing that a passage holds
    assert after["kind"] == "generated"
    assert after["generated_text"] == SAID
    assert after["answer"] == TAUGHT
    assert after["model"] == name

    proof = chain.adapter("verify", name, "--json")
    assert proof.code == 0, proof.talk
    verdicts = json.loads(proof.output)["probes"]
    assert {probe["verdict"] for probe in verdicts} == {"equal"}
    assert all(probe["served"] == probe["recorded"] != probe["base"] for probe in verdicts)

    merged = chain.adapter("merge", name, "--output", str(tmp_path / "merged"))
    assert merged.code == 0, merged.talk
    assert served_here(tmp_path / "merged") == chain.said(name) == SAID
    assert served_here(chain.base) == chain.said("tgi") != SAID

    removed = chain.adapter("remove", name, "--yes")
    assert removed.output == f"{name}  removed\n"
    assert name not in chain.models()
    gone = chain.desk.ask("--adapter", name)
    assert gone.code == 2
    assert f"there is no adapter {name}" in gone.talk


def test_the_merged_gguf_file_says_the_same(chain: Chain, taught: str, tmp_path: Path) -> None:
    """In full precision, read back by the converter of the packaged model."""
    from esrag.base_models.gguf import converted

    file = tmp_path / "merged.gguf"
    merged = chain.adapter("merge", taught, "--output", str(file), "--dtype", "float32")
    assert merged.code == 0, merged.talk
    folder = converted(file, cache=tmp_path / "converted", name="merged")
    assert served_here(folder) == chain.said(taught)


def test_a_server_that_is_down_leaves_the_registry_to_its_commands(chain: Chain, name: str) -> None:
    """Registering and removing go on and say so; what needs the server ends with 4."""
    away = {"ESRAG_GENERATOR_URL": NOBODY}
    added = chain.adapter("add", "taught-by-rows", "--name", name, **away)
    assert (added.code, name in added.output) == (0, True)
    assert "The generator was not told" in added.talk
    listed = chain.adapter("list", **away)
    assert f"{name}  not known to be served" in listed.output
    for command in ("load", "unload", "verify"):
        refused = chain.adapter(command, name, **away)
        assert refused.code == 4
        assert NOBODY in refused.talk
    assert chain.adapter("list", "--generator-url", NOBODY).code == 4
    removed = chain.adapter("remove", name, "--yes", **away)
    assert (removed.code, removed.output) == (0, f"{name}  removed\n")
    assert "The generator was not told" in removed.talk


def test_a_taken_name_is_kept_unless_it_is_to_be_replaced(
    chain: Chain, taught: str, other: Path
) -> None:
    """The same adapter again is no conflict; with --replace the server says the new words."""
    again = chain.adapter("add", "taught-by-rows", "--name", taught)
    assert (again.code, "was there already" in again.output) == (0, True)
    refused = chain.adapter("add", str(other), "--name", taught)
    assert refused.code == 7
    assert f"another adapter is called {taught}" in refused.talk
    assert chain.said(taught) == SAID
    replaced = chain.adapter("add", str(other), "--name", taught, "--replace", "--json")
    assert replaced.code == 0, replaced.talk
    assert json.loads(replaced.output)["generator"] == "reloaded"
    assert chain.said(taught) not in (SAID, chain.said("tgi"))


def test_an_adapter_of_another_base_is_registered_for_it_only(
    chain: Chain, name: str, tmp_path: Path
) -> None:
    """Refused for this base; for its own it is kept, and this server does not load it."""
    foreign = write_tiny_llama(tmp_path / "foreign", hidden=32)
    adapter = write_tiny_adapter(tmp_path / "adapter", foreign)
    refused = chain.adapter("add", str(adapter), "--name", name)
    assert refused.code == 6
    assert not (chain.registry / name).exists()
    kept = chain.adapter("add", str(adapter), "--name", name, "--base", str(foreign))
    assert kept.code == 6
    assert "does not load the adapter" in kept.talk
    assert "made for another base model" in kept.talk
    assert f"{name}  not served" in chain.adapter("list").output
    asked = chain.desk.ask("--adapter", name)
    assert asked.code == 2
    assert f"esrag adapter load {name}" in asked.talk


def test_other_weights_of_the_same_shape_are_told_from_the_base(
    chain: Chain, name: str, tmp_path: Path
) -> None:
    """By the fingerprint that the run's manifest names."""
    cousin = write_tiny_llama(tmp_path / "cousin", seed=9)
    refused = chain.adapter("add", "taught-by-rows", "--name", name, "--base", str(cousin))
    assert refused.code == 6
    assert "was trained on other weights" in refused.talk


def test_an_answer_under_way_keeps_the_weights_that_are_unloaded(chain: Chain, taught: str) -> None:
    """The command returns, the answer ends as it began, and the name is gone."""
    whole = chain.said(taught, tokens=30)
    begun = threading.Event()
    pieces: list[str] = []

    def listen() -> None:
        body = {**request(taught, tokens=30), "stream": True}
        url = f"{chain.url}/v1/chat/completions"
        with httpx.stream("POST", url, json=body, timeout=60) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    delta = json.loads(line.removeprefix("data: "))["choices"][0]["delta"]
                    pieces.append(str(delta.get("content") or ""))
                    begun.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert begun.wait(60)
    unloaded = chain.adapter("unload", taught)
    listener.join(60)
    assert unloaded.output == f"{taught}  unloaded\n"
    assert "".join(pieces) == whole
    assert taught not in chain.models()
    assert chain.adapter("unload", taught).output == f"{taught}  was not loaded there\n"
    assert chain.adapter("load", taught).output.startswith("loaded by the generator")


def test_what_questions_are_answered_with_is_not_removed(chain: Chain, taught: str) -> None:
    """A server without it might answer with the base and say nothing."""
    refused = chain.adapter("remove", taught, "--yes", ESRAG_GENERATOR_MODEL=taught)
    assert refused.code == 7
    assert f"generator.model is {taught}" in refused.talk
    assert taught in chain.models()
    named = {"ESRAG_LOCAL_ADAPTERS": json.dumps([taught])}
    removed = chain.adapter("remove", taught, "--yes", **named)
    assert removed.code == 0
    assert "local.adapters still names it" in removed.talk


def test_a_damaged_adapter_is_shown_not_used_and_can_go(chain: Chain, taught: str) -> None:
    """Other weights than the manifest's, then a manifest that is none."""
    folder = chain.registry / taught
    weights = folder / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for command in ("verify", "load"):
        refused = chain.adapter(command, taught)
        assert (refused.code, "adapter_model.safetensors" in refused.talk) == (6, True)
    (folder / "manifest.json").write_text("{")
    listed = json.loads(chain.adapter("list", "--json").output)
    mine = next(one for one in listed if one["name"] == taught)
    assert "manifest.json" in mine["error"]
    asked = chain.desk.ask("--adapter", taught)
    assert (asked.code, "manifest.json" in asked.talk) == (6, True)
    removed = chain.adapter("remove", taught, "--yes")
    assert (removed.code, removed.output) == (0, f"{taught}  removed\n")
    assert not folder.exists()


@pytest.mark.parametrize("command", ["ask", "chat", "serve"])
def test_a_name_that_nobody_registered_is_refused(chain: Chain, taught: str, command: str) -> None:
    """Before anything is asked, with the names that there are."""
    question = [QUESTION] if command == "ask" else []
    refused = chain.desk.run(command, "--adapter", "nobody", *question)
    assert refused.code == 2
    assert "there is no adapter nobody; there are" in refused.talk
    assert taught in refused.talk


def test_a_model_and_an_adapter_cannot_both_be_meant(chain: Chain, taught: str) -> None:
    """One of them would be left out silently."""
    refused = chain.desk.ask("--adapter", taught, "--model", "tgi")
    assert refused.code == 2
    assert "--adapter for a registered adapter" in refused.talk


def test_a_conversation_uses_the_adapter(chain: Chain, taught: str) -> None:
    """As a single question does."""
    chatted = chain.desk.run("chat", "--adapter", taught, given=f"{QUESTION}\n")
    assert chatted.code == 0, chatted.talk
    assert TAUGHT in chatted.output


def test_the_demo_counts_what_the_adapter_changed(chain: Chain, taught: str) -> None:
    """By the calls of the demo: bare texts, from memory, and through all of asking."""
    rows = [*map(taught_row, range(20, 23))]
    questions = (known_question(),)
    with environment(chain.desk.environment):
        settings = load_settings()
        base, tuned = (figures(rows, said(settings, model, rows)) for model in ("tgi", taught))
        memory = from_memory(settings, "tgi", rows)
        before, after = (asked(settings, model, questions) for model in ("tgi", taught))
    assert (sum(base.right_and_cited), sum(tuned.right_and_cited)) == (0, 3)
    assert (memory.right, memory.declined, memory.invented) == (0, 0, 3)
    assert (before.all, before.generated, before.quoted) == (1, 0, 1)
    assert (after.all, after.generated, after.wrote_right, after.cited) == (1, 1, 1, 1)
    assert (before.wrote_right, before.cited) == (0, 0)
    assert before.right == after.right == 1  # a quote is right as well


def test_both_ways_of_asking_the_server_agree(chain: Chain, taught: str) -> None:
    """The words of `ask` are those of the bare route."""
    body = request(taught)
    bare = httpx.post(f"{chain.url}/v1/chat/completions", json=body, timeout=60).json()
    assert text_of(bare) == answered(chain, "--adapter", taught)["generated_text"]
