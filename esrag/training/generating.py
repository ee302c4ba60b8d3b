"""Greedy answers of the model in memory, with the adapter or without it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from esrag.training.encoding import ChatEncoder
from esrag.training.loading import Trainee
from esrag.training.loop import autocast
from esrag.types import Message


def greedy_answers(
    trainee: Trainee,
    encoder: ChatEncoder,
    conversations: Sequence[Sequence[Message]],
    *,
    max_tokens: int,
    adapted: bool = True,
) -> list[str]:
    """What the model says at temperature 0 to each conversation, one after the other.

    Without the end-of-turn token and other markers, not stripped.  ``adapted`` false asks the base
    model underneath.
    """
    model = trainee.model
    bare = nullcontext() if adapted else model.disable_adapter()
    with own_attention(trainee), torch.inference_mode(), bare:
        return [
            encoder.text_of(_generated(trainee, encoder, messages, max_tokens))
            for messages in conversations
        ]


def _generated(
    trainee: Trainee, encoder: ChatEncoder, messages: Sequence[Message], max_tokens: int
) -> list[int]:
    from transformers import GenerationConfig

    ids = torch.tensor([encoder.prompt(messages)]).to(trainee.device)
    ends = sorted(encoder.end_tokens)
    config = GenerationConfig(
        max_new_tokens=max_tokens, do_sample=False, eos_token_id=ends, pad_token_id=ends[0]
    )
    with autocast(trainee), warnings.catch_warnings():
        # peft leaves position ids out for a learnt prompt, as it must, and says so each time
        warnings.filterwarnings("ignore", message="Position ids are not supported")
        found = trainee.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            generation_config=config,
            use_model_defaults=False,
        )
    # with a learnt prompt the ids come back all the same, without its positions
    return [int(token) for token in found[0, ids.shape[1] :]]


@contextmanager
def own_attention(trainee: Trainee) -> Iterator[None]:
    """The model's own attention and cache, for the time of the block; training mode comes back."""
    model: Any = trainee.model
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    before, cached = base.config._attn_implementation, base.config.use_cache
    base.set_attn_implementation("sdpa")
    base.config.use_cache = True
    training = model.training
    model.eval()
    try:
        yield
    finally:
        base.set_attn_implementation(before)
        base.config.use_cache = cached
        model.train(training)
