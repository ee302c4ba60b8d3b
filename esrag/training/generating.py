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
    return [
        text
        for text, _ in greedy_answers_with_margins(
            trainee, encoder, conversations, max_tokens=max_tokens, adapted=adapted
        )
    ]


def greedy_answers_with_margins(
    trainee: Trainee,
    encoder: ChatEncoder,
    conversations: Sequence[Sequence[Message]],
    *,
    max_tokens: int,
    adapted: bool = True,
) -> list[tuple[str, float]]:
    """The same, each with its margin: by how much the chosen token led at its closest choice.

    In logits, so that a margin of 1 is a token e times as likely as the next one.
    """
    model = trainee.model
    bare = nullcontext() if adapted else model.disable_adapter()
    answers = []
    with own_attention(trainee), torch.inference_mode(), bare:
        for messages in conversations:
            tokens, margin = _generated(trainee, encoder, messages, max_tokens)
            answers.append((encoder.text_of(tokens), margin))
    return answers


def _generated(
    trainee: Trainee, encoder: ChatEncoder, messages: Sequence[Message], max_tokens: int
) -> tuple[list[int], float]:
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
            return_dict_in_generate=True,
            output_logits=True,
        )
    leads = [step[0].float().topk(2).values for step in found.logits]
    margin = min((float(first - second) for first, second in leads), default=0.0)
    # with a learnt prompt the ids come back all the same, without its positions
    return [int(token) for token in found.sequences[0, ids.shape[1] :]], margin


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
