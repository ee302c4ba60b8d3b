"""Fills in the vectors of chunks that are about to be sent, where the cluster does not embed.

    chunks of one request -> the text that the pipeline would embed -> vectors -> the same chunks

Runs in the thread of a delivery: while one request is on its way, the next is being embedded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from esrag.cluster.bulk import Action
from esrag.cluster.profile import FIELD

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
Input = Callable[[Mapping[str, Any]], str]


class ClientVectors:
    """Gives each chunk its vector.  ``text_of`` says which words of its source are embedded."""

    def __init__(self, embed: Embed, text_of: Input) -> None:
        self._embed = embed
        self._text_of = text_of

    def __call__(self, actions: Sequence[Action]) -> list[Action]:
        """The same actions in the same order, those that index a chunk with its vector."""
        chunks = [action for action in actions if action.kind == "index"]
        texts = [self._text_of(json.loads(chunk.source)) for chunk in chunks]
        vectors = iter(self._embed(texts) if texts else ())
        return [
            replace(action, source=with_vector(action.source, next(vectors)))
            if action.kind == "index"
            else action
            for action in actions
        ]


def with_vector(source: bytes, vector: Sequence[float]) -> bytes:
    """A chunk's JSON with its vector; nine digits give each float32 back as it was."""
    numbers = ",".join(f"{value:.9g}" for value in vector)
    return source[:-1] + f',"{FIELD}":[{numbers}]}}'.encode("ascii")
