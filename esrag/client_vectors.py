"""Fills in the vectors of chunks that are about to be sent, where the cluster does not embed.

    chunks of one delivery -> the text that the pipeline would embed -> vectors -> the same chunks

Runs in the threads of many deliveries at once: while some are on their way, the texts of the
others are embedded together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from esrag.cluster.bulk import Action, encoded_vectors
from esrag.types import Chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], "NDArray[Any]"]
Input = Callable[[Mapping[str, Any]], str]

# Chunks that may be waiting for vectors: the more, the better they can be sorted by length.
LOOK_AHEAD = 2_048


class ClientVectors:
    """Gives each chunk its vector.  ``fill`` says which words of its source are embedded.

    ``embed`` gives a row of float32 for each text and may be called by several threads.
    """

    look_ahead = LOOK_AHEAD

    def __init__(self, embed: Embed, fill: Input, *, base64: bool) -> None:
        self._embed = embed
        self._fill = fill
        self._base64 = base64

    def text_of(self, chunk: Chunk) -> str:
        """The text of a chunk that is embedded."""
        fields = {name: getattr(chunk, name) for name in _TEXT_FIELDS}
        return self._fill({**fields, "metadata": chunk.metadata})

    def __call__(self, actions: Sequence[Action]) -> list[Action]:
        """The same actions in the same order, those that index a chunk with its vector."""
        texts = [
            action.text or self._fill(json.loads(action.source))
            for action in actions
            if action.kind == "index"
        ]
        if not texts:
            return list(actions)
        vectors = iter(encoded_vectors(self._embed(texts), base64=self._base64))
        return [
            replace(action, vector=next(vectors)) if action.kind == "index" else action
            for action in actions
        ]


_TEXT_FIELDS = (
    "document_id",
    "text",
    "context",
    "title",
    "url",
    "source",
    "mime_type",
    "published",
    "origin",
    "author",
    "language",
    "modified",
)
