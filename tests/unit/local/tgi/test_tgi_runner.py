"""The forward pass of a batch against the model's own, on tiny random models."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from esrag.errors import UnsupportedError
from esrag.local.tgi.generation.events import Event, Finished, NextToken
from esrag.local.tgi.generation.sampling import SamplingParameters
from esrag.local.tgi.generation.scheduler import BatchLimits, Scheduler
from esrag.local.tgi.text import TextTokens
from esrag.local.tgi.validation import ValidRequest

VOCABULARY = 258


def save_tiny(folder: Path, kind: str, **more: Any) -> Any:
    """A seeded random model of a few thousand weights."""
    import torch
    import transformers

    torch.manual_seed(3)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=256,
        initializer_range=0.5,
        eos_token_id=None,
        bos_token_id=None,
        pad_token_id=0,
        **more,
    )
    model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    model.save_pretrained(folder)
    return model


@pytest.fixture(autouse=True)
def _quiet_torch() -> Any:
    """torch warns about things of its own while it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=DeprecationWarning)
        yield


def load_in_float32(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load through our own code, in the type in which equality can be asked for."""
    import torch

    from esrag.local.tgi.generation import loading

    monkeypatch.setattr(loading, "_dtype", lambda _: torch.float32)
    return loading.load(folder, device="cpu", threads=1)


def alone(model: Any, prompt: Sequence[int], count: int) -> list[int]:
    """What transformers' own generate says."""
    import torch

    ids = torch.tensor([prompt])
    full = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False
    )
    answer: list[int] = full[0, len(prompt) :].tolist()
    return answer


@pytest.mark.parametrize("kind", ["Llama", "Qwen3"])
def test_a_batch_of_mixed_prompts_equals_each_prompt_alone(
    kind: str, tmp_path: Path, tokens: TextTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greedy answers of fourteen requests through four rows, joined at different times."""
    own = save_tiny(tmp_path, kind)
    loaded = load_in_float32(tmp_path, monkeypatch)
    scheduler = Scheduler(
        loaded.runner,
        vocabulary=tokens,
        end_tokens=loaded.end_tokens,
        limits=BatchLimits(rows=4, tokens=4000, stretch=16),
    )
    chance = random.Random(1)
    jobs: list[tuple[list[int], int]] = []
    streams: list[list[Event]] = []
    for _ in range(14):
        prompt = [chance.randrange(VOCABULARY) for _ in range(chance.randint(1, 40))]
        count = chance.randint(1, 20)
        jobs.append((prompt, count))
        streams.append([])
        request = ValidRequest(tuple(prompt), count, SamplingParameters())
        scheduler.submit(request, streams[-1].append)
        scheduler.turn()
    while not all(stream and isinstance(stream[-1], Finished) for stream in streams):
        scheduler.turn()
    for (prompt, count), stream in zip(jobs, streams, strict=True):
        ids = [event.token.id for event in stream if isinstance(event, NextToken | Finished)]
        assert ids == alone(own, prompt, count)


def test_a_model_with_other_layers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our rows see everything, so sliding layers would be computed wrongly."""
    save_tiny(
        tmp_path,
        "Qwen3",
        use_sliding_window=True,
        sliding_window=16,
        max_window_layers=0,
    )
    with pytest.raises(UnsupportedError, match="sliding_attention"):
        load_in_float32(tmp_path, monkeypatch)


def test_a_folder_that_transformers_does_not_know_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its first words."""
    (tmp_path / "config.json").write_text('{"model_type": "no_such_thing"}')
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(UnsupportedError, match="cannot be loaded"):
        load_in_float32(tmp_path, monkeypatch)


def test_cuda_is_refused_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is loaded."""
    import torch

    from esrag.local.tgi.generation.loading import load

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnsupportedError, match="no CUDA device"):
        load(tmp_path, device="cuda", threads=1)
