"""A few greedy answers, kept beside an adapter, by which one can see later that it is applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esrag.training.encoding import ChatEncoder
from esrag.training.generating import greedy_answers
from esrag.training.loading import Trainee
from esrag.types import Example

_WANTED = 4
_TRIED = 8
_MAX_TOKENS = 24


def probes(
    trainee: Trainee, encoder: ChatEncoder, trained: Sequence[Example], held_out: Sequence[Example]
) -> dict[str, Any]:
    """What stands in probe.json: prompts with the answers of the base and with the adapter.

    Prompts whose answers differ are preferred; if none does, the adapter changes nothing that can
    be seen, and the first ones say so.
    """
    tried = _spread(trained, _TRIED // 2) + _spread(held_out, _TRIED // 2)
    conversations = [example.messages[:-1] for example in tried]
    found = []
    for messages in conversations:
        with_adapter, without = (
            greedy_answers(trainee, encoder, [messages], max_tokens=_MAX_TOKENS, adapted=adapted)[0]
            for adapted in (True, False)
        )
        found.append(
            {
                "messages": [{"role": each.role, "content": each.content} for each in messages],
                "max_tokens": _MAX_TOKENS,
                "answer": with_adapter,
                "base_answer": without,
            }
        )
        if sum(each["answer"] != each["base_answer"] for each in found) == _WANTED:
            break
    telling = [each for each in found if each["answer"] != each["base_answer"]]
    return {
        "format": 1,
        "dtype": str(trainee.dtype).removeprefix("torch."),
        "probes": (telling or found)[:_WANTED],
    }


def _spread(examples: Sequence[Example], count: int) -> list[Example]:
    """Some examples, evenly taken in the order of their ids."""
    ordered = sorted(examples, key=lambda each: each.id)
    if len(ordered) <= count:
        return ordered
    return [ordered[place * len(ordered) // count] for place in range(count)]
