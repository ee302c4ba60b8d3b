"""Several LoRA adapters and the base model in one batch, against merged models."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_adapter import write_tiny_adapter
from tiny_llama import write_tiny_llama

from esrag.errors import UnsupportedError
from esrag.local.tgi.generation.events import Event, Finished, NextToken
from esrag.local.tgi.generation.sampling import SamplingParameters
from esrag.local.tgi.generation.scheduler import BatchLimits, Scheduler
from esrag.local.tgi.text import TextTokens
from esrag.local.tgi.validation import ValidRequest
from esrag.model_files import weights_fingerprint, write_manifest

VOCABULARY = 259


@pytest.fixture(autouse=True)
def _quiet_torch() -> Any:
    """torch warns about things of its own while it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=DeprecationWarning)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama, whose head is a layer of its own: merging would change both."""
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"), tied=False)


@pytest.fixture
def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same, loaded by our own code, in the type in which equality can be asked for."""
    import torch

    from esrag.local.tgi.generation import loading

    monkeypatch.setattr(loading, "_dtype", lambda _: torch.float32)
    return loading.load(folder, device="cpu", threads=1)


@pytest.fixture(scope="module")
def base(folder: Path) -> Any:
    """The same in transformers' own hands."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def adapter_folders(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Adapters that differ in method, LoRA rank and in the layers that they change."""
    top = tmp_path_factory.mktemp("adapters")
    return {
        "plain": write_tiny_adapter(top / "plain", folder, rank=4, seed=1),
        "ranks": write_tiny_adapter(
            top / "ranks",
            folder,
            rank=2,
            seed=2,
            targets=("q_proj", "down_proj"),
            ranks={"down_proj": 5},
            alpha_pattern={"q_proj": 3},
            use_rslora=True,
        ),
        "head": write_tiny_adapter(
            top / "head", folder, rank=7, seed=3, targets=("up_proj", "lm_head")
        ),
        "dora": write_tiny_adapter(top / "dora", folder, rank=3, seed=4, dora=True),
    }


def read(loaded: Any, folder: Path) -> Any:
    """The weights of an adapter, read by our own code."""
    return loaded.adapters.read(folder, most_bytes=2**30)[0]


def merged(folder: Path, adapter: Path) -> Any:
    """The base with the adapter added into its weights, by peft."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder).eval()
    return PeftModel.from_pretrained(base, adapter).merge_and_unload()


def alone(model: Any, prompt: Sequence[int], count: int) -> list[int]:
    """What transformers' own generate says."""
    import torch

    ids = torch.tensor([prompt])
    full = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False,
        eos_token_id=None,
    )  # fmt: skip
    answer: list[int] = full[0, len(prompt) :].tolist()
    return answer


def test_a_batch_of_many_adapters_equals_each_merged_model_alone(
    loaded: Any,
    base: Any,
    folder: Path,
    adapter_folders: dict[str, Path],
    tokens: TextTokens,
) -> None:
    """Greedy answers, token for token, of requests that join and leave through five rows."""
    adapters = {name: read(loaded, one) for name, one in adapter_folders.items()}
    models = {name: merged(folder, one) for name, one in adapter_folders.items()}
    scheduler = Scheduler(
        loaded.runner,
        vocabulary=tokens,
        end_tokens=(),
        limits=BatchLimits(rows=5, tokens=4000, stretch=16),
    )
    chance = random.Random(1)
    jobs: list[tuple[list[int], int, str]] = []
    streams: list[list[Event]] = []
    for _ in range(30):
        prompt = [chance.randrange(VOCABULARY) for _ in range(chance.randint(1, 40))]
        job = (prompt, chance.randint(1, 20), chance.choice(["", *adapters]))
        jobs.append(job)
        streams.append([])
        adapter = adapters.get(job[2])
        request = ValidRequest(tuple(prompt), job[1], SamplingParameters(), adapter=adapter)
        scheduler.submit(request, streams[-1].append)
        scheduler.turn()
    while not all(stream and isinstance(stream[-1], Finished) for stream in streams):
        scheduler.turn()
    differing = set()
    for (prompt, count, name), stream in zip(jobs, streams, strict=True):
        ids = [event.token.id for event in stream if isinstance(event, NextToken | Finished)]
        assert ids == alone(models.get(name, base), prompt, count), name
        if ids != alone(base, prompt, count):
            differing.add(name)
    assert differing == set(adapters)  # each of them did something


def test_an_adapter_that_overflows_does_not_reach_its_neighbours(
    loaded: Any, folder: Path, adapter_folders: dict[str, Path], tmp_path: Path
) -> None:
    """Infinities in one row's product stay in that row."""
    import numpy as np

    good = read(loaded, adapter_folders["plain"])
    wild = read(loaded, write_tiny_adapter(tmp_path / "wild", folder, strength=1e37))
    runner = loaded.runner
    prompts = ([5, 6, 7], [9, 10, 11, 12])

    def step(company: Any) -> Any:
        for row, (prompt, adapter) in enumerate(zip(prompts, (good, company), strict=True)):
            runner.prefill(row, ids=prompt, start=0, adapter=adapter)
        return runner.decode([8, 13], positions=[3, 4], adapters=[good, company])

    beside_base, beside_wild = step(None), step(wild)
    assert not np.isfinite(beside_wild[1]).all()
    np.testing.assert_allclose(beside_wild[0], beside_base[0], atol=1e-5)


def test_the_weights_side_by_side_are_kept_until_another_adapter_joins(
    loaded: Any, adapter_folders: dict[str, Path]
) -> None:
    """A request that leaves costs no copy; an empty batch gives everything back."""
    layers = loaded.runner._layers
    first, second, third, _ = (read(loaded, one) for one in adapter_folders.values())
    with layers.applied([first, second, None]):
        kept = layers._kept
    assert kept is not None
    with layers.applied([second, None]):
        assert layers._kept is kept
    with layers.applied([third, None]):
        assert layers._kept is not kept
    loaded.runner.release()
    assert layers._kept is None


def test_a_pass_without_adapters_leaves_the_model_as_it_is(
    loaded: Any, adapter_folders: dict[str, Path]
) -> None:
    """After a pass that failed as well."""
    layers = loaded.runner._layers
    adapter = read(loaded, adapter_folders["dora"])
    before = loaded.runner.prefill(0, ids=[1, 2, 3], start=0)
    with pytest.raises(RuntimeError, match="stop"), layers.applied([adapter]):
        raise RuntimeError("stop")
    after = loaded.runner.prefill(0, ids=[1, 2, 3], start=0)
    assert (before == after).all()


def test_layers_that_see_single_tokens_are_told_from_those_that_see_rows() -> None:
    """An expert of a mixture gets tokens of all requests, so a row's adapter cannot be applied."""
    import torch

    from esrag.local.tgi.generation.adapters import AdaptedLayers

    class Mixture(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = torch.nn.Linear(4, 4)
            self.expert = torch.nn.Linear(4, 4)

        def forward(self, value: Any) -> Any:
            return self.expert(self.attention(value).flatten(0, 1)).view_as(value)

    model = Mixture()
    layers = AdaptedLayers(model)
    with layers.watched() as rowwise:
        model(torch.zeros(2, 3, 4))
    assert rowwise == {"attention"}


def test_the_server_reads_only_what_it_can_apply(
    loaded: Any, folder: Path, adapter_folders: dict[str, Path], tmp_path: Path
) -> None:
    """Ranks, memory, values and origin; the message says which."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    plain = adapter_folders["plain"]
    with pytest.raises(UnsupportedError, match="MiB are left for adapters"):
        loaded.adapters.read(plain, most_bytes=1000)
    with pytest.raises(UnsupportedError, match="LoRA rank 300; at most 256"):
        read(loaded, write_tiny_adapter(tmp_path / "high", folder, rank=300))

    spoilt = write_tiny_adapter(tmp_path / "spoilt", folder)
    tensors = load_file(spoilt / "adapter_model.safetensors")
    tensors[min(tensors)].flat[3] = np.nan
    save_file(tensors, spoilt / "adapter_model.safetensors")
    with pytest.raises(UnsupportedError, match="not finite"):
        read(loaded, spoilt)

    other = write_tiny_adapter(tmp_path / "other", folder)
    write_manifest(other, facts={"base": {"fingerprint": "f" * 64}})
    with pytest.raises(UnsupportedError, match="trained on other weights"):
        read(loaded, other)
    own = write_tiny_adapter(tmp_path / "own", folder)
    write_manifest(own, facts={"base": {"fingerprint": weights_fingerprint(folder)}})
    assert read(loaded, own).bytes > 0
    (own / "adapter_config.json").write_text((own / "adapter_config.json").read_text() + "\n")
    with pytest.raises(UnsupportedError, match="changed since it was made"):
        read(loaded, own)

    wider = write_tiny_llama(tmp_path / "wider", hidden=96)
    with pytest.raises(UnsupportedError, match="made for another base model"):
        read(loaded, write_tiny_adapter(tmp_path / "foreign", wider))
