"""How the model's own answers to held-out examples are to be judged, while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esrag.answer_measures import Reading, read_answer
from esrag.training.encoding import ChatEncoder
from esrag.training.generating import greedy_answers
from esrag.training.loading import Trainee
from esrag.types import Example

GROUNDED = ("grounded", "unanswerable")
_MAX_TOKENS = 64


def chosen(examples: Sequence[Example], count: int) -> list[Example]:
    """``count`` grounded examples, evenly taken from all of them in the order of their ids."""
    grounded = sorted((each for each in examples if each.kind in GROUNDED), key=lambda it: it.id)
    if count >= len(grounded):
        return grounded
    return [grounded[place * len(grounded) // count] for place in range(count)]


def grounded_score(
    trainee: Trainee, encoder: ChatEncoder, examples: Sequence[Example]
) -> dict[str, Any]:
    """The share of grounded examples answered as they should be: ``grounded``.

    With passages that answer: right, and citing only passages that do (``right_and_cited``);
    without: refused (``refused``).  ``false_refusals`` are of those that could be answered.
    """
    said = greedy_answers(
        trainee,
        encoder,
        [example.messages[:-1] for example in examples],
        max_tokens=_MAX_TOKENS,
    )
    readings = [
        (example, read_reply(text, example)) for text, example in zip(said, examples, strict=True)
    ]
    answerable = [each for example, each in readings if example.kind == "grounded"]
    other = [each for example, each in readings if example.kind != "grounded"]
    cited = sum(each.right_and_cited for each in answerable)
    refused = sum(each.refused for each in other)
    return {
        "grounded": (cited + refused) / len(examples),
        "right_and_cited": [cited, len(answerable)],
        "refused": [refused, len(other)],
        "false_refusals": [sum(each.refused for each in answerable), len(answerable)],
    }


def read_reply(text: str, example: Example) -> Reading:
    """Judge an answer to an example by what that accepts."""
    return read_answer(
        text,
        accepted=example.accepted,
        relevant=example.relevant,
        given=len(example.source.chunks) if example.kind in GROUNDED else 0,
    )
