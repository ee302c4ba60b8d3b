"""Continued pre-training makes a model, measures it against a control, and survives a break."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from esrag.costs.runs import read_run
from esrag.errors import ConflictError, UsageError
from esrag.training.finetuning import Base
from esrag.training.pretraining import PretrainingOutcome, Request, pretrain
from esrag.training.pretraining_corpus import CorpusPlan
from esrag.training.recipe import Recipe
from esrag.training.run_folder import RunFolder
from esrag.training.texts import Text
from tests.tiny_llama import write_tiny_llama

WORDS = "gateway sensor Pellwarden battery reading firmware roof mast relay antenna".split()


def domain(documents: int = 24) -> list[Text]:
    """Small documents of one kind."""
    drawn = Random(3)
    return [
        Text(
            f"guide-{number}",
            " ".join(f"The {drawn.choice(WORDS)} of the {drawn.choice(WORDS)}." for _ in range(6)),
        )
        for number in range(documents)
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A tiny random model."""
    return Base(write_tiny_llama(tmp_path_factory.mktemp("base")), "tiny")


def request_of(base: Base, **changes: Any) -> Request:
    """Some eight steps; on text that is learnt quickly."""
    recipe = Recipe(
        method="full",
        epochs=2,
        batch=6,
        learning_rate=5e-3,
        warmup=0.1,
        max_tokens=96,
        pack_tokens=384,
        checkpoint_every=2,
    )
    plan = CorpusPlan(block=96, held_out=0.25, measured=800)
    request = Request(base, recipe, plan, "texts of a test", "cpu")
    return replace(
        request,
        recipe=replace(recipe, **{k: v for k, v in changes.items() if hasattr(recipe, k)}),
        corpus=replace(plan, **{k: v for k, v in changes.items() if hasattr(plan, k)}),
    )


def run(
    request: Request,
    folder: Path,
    texts: Callable[[], Iterable[Text]] = domain,
    **more: Any,
) -> PretrainingOutcome:
    """One run in this folder."""
    return pretrain(request, RunFolder(folder), texts, **more)


def weights(folder: Path) -> bytes:
    """The published weights."""
    return (folder / "model" / "model.safetensors").read_bytes()


def test_a_run_publishes_a_model_and_a_verdict(base: Base, tmp_path: Path) -> None:
    """The domain becomes easier than text from outside; costs, corpus and verdict are kept."""
    outcome = run(request_of(base), tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert outcome.verdict["outcome"] == "learnt"
    assert facts["verdict"]["domain"]["after"] < facts["verdict"]["domain"]["before"]
    parts = facts["data"]["parts"]
    assert parts["domain"]["documents"] + parts["train"]["documents"] <= 24
    assert parts["control"]["documents"] >= 2
    measured = read_run(tmp_path / "run")
    assert measured.tokens_a_second > 0
    assert measured.costs.tokens_trained == facts["progress"]["tokens"]
    assert "learnt the domain" in (tmp_path / "run" / "model" / "README.md").read_text()
    assert not (tmp_path / "run" / "corpus").exists()
    again = run(request_of(base), tmp_path / "run", texts=lambda: pytest.fail("read again"))
    assert again.done_before


def test_a_broken_run_goes_on_to_the_same_weights(base: Base, tmp_path: Path) -> None:
    """Stopped after five steps and resumed without its texts, as never stopped."""
    run(request_of(base), tmp_path / "whole")
    steps = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(request_of(base), tmp_path / "broken", safe_point=stop)
    assert RunFolder(tmp_path / "broken").facts()["status"] == "stopped"
    outcome = run(request_of(base), tmp_path / "broken", texts=lambda: pytest.fail("read again"))
    assert outcome.resumed_at == 5
    assert weights(tmp_path / "broken") == weights(tmp_path / "whole")
    losses = [
        [line["loss"] for line in RunFolder(tmp_path / name).metrics()]
        for name in ("whole", "broken")
    ]
    assert losses[0] == losses[1]


def test_an_extended_tokenizer_is_measured_in_the_units_of_the_base(
    base: Base, tmp_path: Path
) -> None:
    """Fewer tokens a word after than before; perplexities count the base's tokens."""
    outcome = run(request_of(base, extend=40), tmp_path / "run")
    facts = outcome.folder.facts()
    fertility = facts["data"]["fertility"]
    assert fertility["domain"] < fertility["domain_before"] / 2
    parts = facts["data"]["parts"]
    assert parts["base-domain"]["documents"] == parts["domain"]["documents"]
    assert outcome.verdict["domain"]["tokens"] > parts["base-domain"]["tokens"]
    config = json.loads((outcome.published / "config.json").read_text())
    assert config["vocab_size"] == 259 + facts["data"]["new_tokens"]


def test_lora_is_merged_and_replay_is_trained_along(base: Base, tmp_path: Path) -> None:
    """What comes out is a model again; general text is a share of what was read."""
    (tmp_path / "general.txt").write_text("Rivers run to the sea, and cities lie on rivers. " * 90)
    request = request_of(
        base, method="lora", replay=tmp_path / "general.txt", replay_share=0.3, max_steps=2
    )
    outcome = run(request, tmp_path / "run")
    parts = outcome.folder.facts()["data"]["parts"]
    share = parts["replay"]["tokens"] / (parts["replay"]["tokens"] + parts["train"]["tokens"])
    assert share >= 0.3
    assert not (outcome.published / "adapter_config.json").exists()
    assert weights(tmp_path / "run") != (base.folder / "model.safetensors").read_bytes()


def test_another_run_of_the_same_name_is_a_conflict(base: Base, tmp_path: Path) -> None:
    """What differs is named; nothing is overwritten."""
    run(request_of(base, max_steps=1), tmp_path / "run")
    with pytest.raises(ConflictError, match="max_steps was 1 and is 2"):
        run(request_of(base, max_steps=2), tmp_path / "run")
    with RunFolder(tmp_path / "run").held(), pytest.raises(ConflictError, match="at work"):
        run(request_of(base, max_steps=1), tmp_path / "run")


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "no text to train on"),
        ([Text("only", "one document")], "no text to train on|held-out documents"),
        ([Text(f"copy-{n}", "the same text") for n in range(30)], "no text|held-out documents"),
    ],
)
def test_too_little_text_is_said(base: Base, tmp_path: Path, texts: list[Text], says: str) -> None:
    """A verdict on nothing is none."""
    with pytest.raises(UsageError, match=says):
        run(request_of(base), tmp_path / "run", texts=lambda: texts)
    assert RunFolder(tmp_path / "run").facts()["status"] == "failed"


def test_what_makes_no_model_is_refused(base: Base) -> None:
    """A learnt prompt is no model, and new embeddings want to be trained."""
    with pytest.raises(UsageError, match="makes no model"):
        request_of(base, method="prompt")
    with pytest.raises(UsageError, match="--method full"):
        request_of(base, method="lora", extend=5)
    with pytest.raises(UsageError, match="held out"):
        CorpusPlan(held_out=1.0)
