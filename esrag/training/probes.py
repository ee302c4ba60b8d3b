"""A few greedy answers, kept beside an adapter, by which one can see later that it is applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esrag.training.encoding import ChatEncoder
from esrag.training.generating import greedy_answers, greedy_answers_with_margins
from esrag.training.loading import Trainee
from esrag.types import Example, Message

_WANTED = 4
_TRIED = 8
_MAX_TOKENS = 24


def probes(
    trainee: Trainee, encoder: ChatEncoder, trained: Sequence[Example], held_out: Sequence[Example]
) -> dict[str, Any]:
    """What stands in probe.json: prompts with the answers of the base and with the adapter.

    Of the prompts whose answers differ, those are kept that the adapter answers with the widest
    margin: where two tokens are nearly as likely, a server that rounds otherwise says the other.
    If no answers differ, the adapter changes nothing that can be seen, and the first ones say so.
    """
    tried = _spread(trained, _TRIED // 2) + _spread(held_out, _TRIED // 2)
    found = [_probe(trainee, encoder, example.messages[:-1]) for example in tried]
    telling = [each for each in found if each["answer"] != each["base_answer"]]
    clearest = sorted(telling, key=lambda each: -each["margin"])
    return {
        "format": 1,
        "dtype": str(trainee.dtype).removeprefix("torch."),
        "probes": (clearest or found)[:_WANTED],
    }


def _probe(trainee: Trainee, encoder: ChatEncoder, messages: Sequence[Message]) -> dict[str, Any]:
    ((answer, margin),) = greedy_answers_with_margins(
        trainee, encoder, [messages], max_tokens=_MAX_TOKENS
    )
    (without,) = greedy_answers(trainee, encoder, [messages], max_tokens=_MAX_TOKENS, adapted=False)
    return {
        "messages": [{"role": each.role, "content": each.content} for each in messages],
        "max_tokens": _MAX_TOKENS,
        "answer": answer,
        "base_answer": without,
        "margin": round(margin, 3),
    }


def _spread(examples: Sequence[Example], count: int) -> list[Example]:
    """Some examples, evenly taken in the order of their ids."""
    ordered = sorted(examples, key=lambda each: each.id)
    if len(ordered) <= count:
        return ordered
    return [ordered[place * len(ordered) // count] for place in range(count)]
