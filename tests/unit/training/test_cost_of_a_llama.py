"""FLOPs and memory of a small Llama, counted by torch, are those of the formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from esrag.costs.memory import activation_bytes
from esrag.costs.shapes import shape_from_config
from esrag.costs.work import TrainingWork

ROWS, LENGTH, RANK = 2, 64, 4


def llama(layers: int) -> Any:
    """A random Llama; its attention keeps all pairs, as on every CPU."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=512,
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    return LlamaForCausalLM(config)


def adapted(model: Any) -> Any:
    """The model with LoRA on every matrix."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(r=RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, lora)


def counted(model: Any) -> int:
    """FLOPs of one step, by torch's own counter."""
    tokens = torch.randint(0, 512, (ROWS, LENGTH))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=tokens, labels=tokens).loss.backward()
    return int(counter.get_total_flops())


@pytest.mark.parametrize("method", ["full", "lora"])
def test_flops_of_a_step_are_those_of_the_formula(method: Any) -> None:
    """Full training to 0.1 %; LoRA to 3 %: its first layer's input needs no gradient."""
    model = llama(6)
    shape = shape_from_config(model.config.to_dict(), name="small")
    assert sum(p.numel() for p in model.parameters()) == shape.parameters
    trainable = shape.lora_parameters(RANK) if method == "lora" else 0
    work = TrainingWork(shape, method, ROWS * LENGTH, LENGTH, trainable=trainable)
    if method == "lora":
        model = adapted(model)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert trained == trainable
    allowed = 0.001 if method == "full" else 0.03
    assert counted(model) == pytest.approx(work.model_flops, rel=allowed)


def saved_bytes(model: Any) -> int:
    """Bytes of all tensors that are kept for the way back, each storage once, without weights."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    tokens = torch.randint(0, 512, (ROWS, LENGTH))
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in own:
            kept.setdefault(place, tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(input_ids=tokens, labels=tokens)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("kind", ["full", "lora in 16 bits"])
def test_memory_of_a_layer_is_that_of_the_formula(kind: str) -> None:
    """What one more layer keeps of a token, to 10 %."""
    sizes = []
    for layers in (2, 4):
        model = llama(layers)
        if kind != "full":
            model = adapted(model.to(torch.bfloat16))
            model.train()
        sizes.append(saved_bytes(model))
    shape = shape_from_config(llama(2).config.to_dict(), name="small")
    formula = activation_bytes(
        shape,
        element=4 if kind == "full" else 2,
        adapted=() if kind == "full" else tuple(shape.linear_layers()),
        square=LENGTH,
    )
    assert (sizes[1] - sizes[0]) / 2 / (ROWS * LENGTH) == pytest.approx(formula, rel=0.1)
