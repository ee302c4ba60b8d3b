"""Shapes, FLOPs, memory and estimates follow from what they are said to follow from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.costs.estimates import QLORA_SLOWER, UTILISATION, estimate, gpus_needed
from esrag.costs.gpus import GPUS, gpu_named, gpu_of_device
from esrag.costs.memory import Memory, estimate_memory
from esrag.costs.shapes import KNOWN, ModelShape, shape_from_config, shape_from_json, shape_of
from esrag.costs.work import METHODS, TrainingWork, scratch_tokens
from esrag.errors import UnsupportedError, UsageError

# Parameters as the models' own cards and checkpoints count them.
PUBLISHED_SIZES = {
    "smollm2-135m": 134_515_008,
    "smollm2-360m": 361_821_120,
    "llama-7b": 6_738_415_616,
    "llama-13b": 13_015_864_320,
    "llama-3-8b": 8_030_261_248,
    "llama-3-70b": 70_553_706_496,
    "llama-3.2-1b": 1_235_814_400,
    "mistral-7b": 7_241_732_096,
}
shapes = st.builds(
    ModelShape,
    name=st.just("some"),
    layers=st.integers(1, 80),
    hidden=st.integers(8, 512).map(lambda n: 16 * n),
    heads=st.integers(1, 64),
    key_value_heads=st.integers(1, 8),
    intermediate=st.integers(16, 30_000),
    vocabulary=st.integers(256, 200_000),
    head_dim=st.sampled_from([32, 64, 128]),
    tied=st.booleans(),
    gated=st.booleans(),
)


@pytest.mark.parametrize("name", PUBLISHED_SIZES)
def test_parameters_of_a_shape_are_those_of_the_model(name: str) -> None:
    """Counting matrices gives what the model's checkpoint holds, to the last one."""
    assert KNOWN[name].parameters == PUBLISHED_SIZES[name]


def test_a_shape_is_read_from_a_config(tmp_path: Path) -> None:
    """The folder of a model says what it is; a tied embedding counts once."""
    config = {
        "model_type": "llama",
        "hidden_size": 576,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "intermediate_size": 1536,
        "vocab_size": 49152,
        "tie_word_embeddings": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert replace(shape_of(str(tmp_path)), name="smollm2-135m") == KNOWN["smollm2-135m"]
    assert shape_of("packaged") == KNOWN["smollm2-135m"]
    untied = shape_from_config({**config, "tie_word_embeddings": False}, name="untied")
    assert untied.parameters == 134_515_008 + 49152 * 576


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"hidden_size": None}, UsageError),
        ({"num_hidden_layers": -1}, UsageError),
        ({"vocab_size": True}, UsageError),
        ({"num_local_experts": 8}, UnsupportedError),
    ],
)
def test_a_config_without_a_shape_is_refused(
    change: dict[str, object], error: type[Exception]
) -> None:
    """A missing size and a mixture of experts are said, not guessed."""
    config: dict[str, object] = {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 300,
    }
    shape_from_config(config, name="whole")
    with pytest.raises(error):
        shape_from_config({**config, **change}, name="broken")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"hidden_size": 1}', "\ud800"])
def test_a_broken_config_file_is_a_clear_error(tmp_path: Path, text: str) -> None:
    """Whatever stands in config.json, the error is ours."""
    (tmp_path / "config.json").write_text(text, errors="surrogatepass")
    with pytest.raises(UsageError):
        shape_of(str(tmp_path))
    with pytest.raises(UsageError, match="not known"):
        shape_of("no-such-model")


@given(shape=shapes, method=st.sampled_from(METHODS), length=st.integers(1, 4000))
def test_work_survives_its_json(shape: ModelShape, method: str, length: int) -> None:
    """What is written into run.json is read back, shape and all."""
    work = TrainingWork(shape, method, 1000, float(length), 0.25, 77, 1, checkpointing=True)  # type: ignore[arg-type]
    assert TrainingWork.from_json(work.to_json(), where="run.json") == work
    assert shape_from_json(shape.to_json(), where="run.json") == shape


@pytest.mark.parametrize(
    "change",
    [
        {"method": "magic"},
        {"tokens": -1},
        {"tokens": 1.5},
        {"shape": None},
        {"shape": {"layers": 3}},
        {"length": "long"},
        {"checkpointing": 1},
    ],
)
def test_broken_work_names_its_file(change: dict[str, object]) -> None:
    """A run.json that was tampered with is an error that says where."""
    body = TrainingWork(KNOWN["llama-7b"], "lora", 10).to_json()
    with pytest.raises(UsageError, match=r"run\.json"):
        TrainingWork.from_json({**body, **change}, where="run.json")


def test_training_takes_six_flops_a_parameter_and_lora_four() -> None:
    """Kaplan's 6·N holds where attention is short, and LoRA saves the weights' gradients."""
    shape = KNOWN["llama-7b"]
    full = TrainingWork(shape, "full", 1000, length=1)
    assert full.flops_a_token == pytest.approx(6 * shape.parameters, rel=0.03)
    lora = TrainingWork(shape, "lora", 1000, length=1, trainable=shape.lora_parameters(8))
    assert lora.flops_a_token / full.flops_a_token == pytest.approx(4 / 6, rel=0.01)


def test_attention_adds_twelve_flops_for_each_position_seen() -> None:
    """PaLM's 12·L·HQ·T, exactly."""
    shape = KNOWN["llama-3-8b"]
    near, far = (TrainingWork(shape, "full", 1, length=length) for length in (1, 1001))
    added = far.model_flops - near.model_flops
    assert added == pytest.approx(12 * shape.layers * shape.attention_width * 1000)


def test_what_is_not_trained_or_not_computed_saves_work() -> None:
    """Answers only, the last layers only: less; checkpointing: more, for the hardware alone."""
    shape = KNOWN["smollm2-135m"]
    whole = TrainingWork(shape, "lora", 1000, trainable=5_000_000)
    assert replace(whole, loss_share=0.1).model_flops < whole.model_flops
    assert replace(whole, trained_layers=14).backward < whole.backward
    again = replace(whole, checkpointing=True)
    assert again.model_flops == whole.model_flops
    assert again.hardware_flops / whole.hardware_flops == pytest.approx(1.4, abs=0.15)
    with pytest.raises(UsageError):
        replace(whole, trained_layers=31)
    with pytest.raises(UsageError):
        replace(whole, loss_share=1.1)


@given(shape=shapes, tokens=st.integers(1, 10**12), gpus=st.integers(1, 512))
def test_more_work_takes_longer_and_more_gpus_cost_the_same(
    shape: ModelShape, tokens: int, gpus: int
) -> None:
    """GPU hours do not depend on how many GPUs there are, time on the clock does."""
    work = TrainingWork(shape, "full", tokens)
    one, many = (estimate(work, GPUS["h100"], gpus=n, price=2.0) for n in (1, gpus))
    assert one.gpu_hours == pytest.approx(many.gpu_hours)
    assert many.seconds == pytest.approx(one.seconds / gpus)
    assert one.money == pytest.approx(2 * one.gpu_hours)
    assert one.gpu_hours_low <= one.gpu_hours <= one.gpu_hours_high
    twice = estimate(replace(work, tokens=2 * tokens), GPUS["h100"])
    assert twice.gpu_hours == pytest.approx(2 * one.gpu_hours)


def test_an_estimate_is_flops_over_what_the_gpu_achieves() -> None:
    """By hand: 10^15 FLOPs on 312 TFLOP/s at 40 % take 8.01 seconds; QLoRA two thirds more."""
    work = TrainingWork(KNOWN["llama-7b"], "lora", 1, length=1)
    work = replace(work, tokens=round(1e15 / work.model_flops))
    found = estimate(work, GPUS["a100-80gb"], utilisation=UTILISATION)
    assert found.seconds == pytest.approx(8.013, rel=0.001)
    slow = estimate(replace(work, method="qlora"), GPUS["a100-80gb"])
    assert slow.seconds / found.seconds == pytest.approx(QLORA_SLOWER)
    with pytest.raises(UsageError):
        estimate(work, GPUS["h100"], utilisation=1.2)


def test_memory_of_known_cases() -> None:
    """Full training in 32 bits takes 16 bytes a parameter; QLoRA's weights half a byte."""
    shape = KNOWN["llama-7b"]
    full = estimate_memory(shape, "full", trainable=0, tokens=1)
    assert full.weights + full.gradients + full.optimizer == 16 * shape.parameters
    adapter = shape.lora_parameters(16)
    lora = estimate_memory(shape, "lora", trainable=adapter, tokens=1)
    assert lora.weights == 2 * shape.parameters + 4 * adapter
    assert lora.gradients + lora.optimizer == 12 * adapter
    qlora = estimate_memory(shape, "qlora", trainable=adapter, tokens=1)
    assert 0.25 < qlora.weights / lora.weights < 0.33


def test_checkpointing_and_answers_only_save_memory() -> None:
    """Activations shrink to the borders of layers; outputs to where a loss is taken."""
    shape = KNOWN["llama-3-8b"]
    plain = estimate_memory(shape, "lora", trainable=10**7, tokens=8192)
    saving = estimate_memory(
        shape, "lora", trainable=10**7, tokens=8192, loss_tokens=800, checkpointing=True
    )
    assert saving.activations < plain.activations / 8
    assert saving.logits == pytest.approx(plain.logits * 800 / 8192)
    on_cpu = estimate_memory(shape, "lora", trainable=10**7, tokens=8192, square=4096)
    assert on_cpu.activations > plain.activations


def test_gpus_needed_spreads_the_states_only() -> None:
    """Twice the room halves the states; activations that do not fit cannot be spread."""
    gpu = replace(GPUS["h100"], memory=round(100 / 0.92))
    memory = Memory(60, 60, 60, 30, 5, 5)
    assert gpus_needed(memory, gpu) == 3
    assert gpus_needed(replace(memory, activations=95), gpu) == 0


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
        ("NVIDIA A100-SXM4-40GB", "a100-40gb"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100-pcie"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA A10G", "a10g"),
        ("NVIDIA A10", "a10"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA L40S", "l40s"),
        ("Tesla T4", "t4"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("NVIDIA L40", None),
        ("Intel(R) Xeon(R) Processor", None),
    ],
)
def test_a_driver_s_name_leads_to_its_gpu(device: str, name: str | None) -> None:
    """What is not known for sure has no peak, rather than another's."""
    found = gpu_of_device(device)
    assert (found.name if found else None) == name


def test_an_unknown_gpu_names_those_that_are_known() -> None:
    """The error is the list."""
    with pytest.raises(UsageError, match="tpu") as raised:
        gpu_named("tpu")
    assert "h100" in raised.value.hint
    assert gpu_named("H100") is GPUS["h100"]


def test_a_model_of_one_s_own_wants_twenty_tokens_a_parameter() -> None:
    """Chinchilla: 70 billion parameters, 1.4 trillion tokens."""
    assert scratch_tokens(70 * 10**9) == 1_400 * 10**9
