"""A bundle's tokenizer and its model in one of the runtimes; in the child only."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.bundle import ModelBundle
from esrag.embedding.batching import groups_by_length
from esrag.embedding.execution import load_model
from esrag.embedding.runtimes import RUNTIMES
from esrag.embedding.tokenizer import bundle_tokenizer, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Embedded:
    """What one forward pass gave: which texts, their vectors, and what it cost."""

    numbers: list[int]
    vectors: NDArray[Any]
    tokens: int
    padded: int
    seconds: float


class Model:
    """Texts to vectors.  ``tokenize`` and ``embed`` may run in threads of their own."""

    def __init__(self, bundle: ModelBundle, runtime: str, cache: Path, *, threads: int) -> None:
        self.dims = bundle.dims
        self._runtime = RUNTIMES[runtime]
        self._tokenizer, self._pad_id = bundle_tokenizer(bundle)
        self._forward = load_model(self._runtime, bundle, cache, threads=threads)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, cut off as the cluster cuts it off."""
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch(clean)]

    def embed(self, sequences: Sequence[Sequence[int]]) -> Iterator[Embedded]:
        """The vectors of all, group by group, each as soon as it is there."""
        lengths = [len(sequence) for sequence in sequences]
        for group in groups_by_length(lengths, most_tokens=self._runtime.most_tokens):
            ids, mask = padded([sequences[number] for number in group], self._pad_id)
            started = time.perf_counter()
            vectors = self._forward(ids, mask)
            seconds = time.perf_counter() - started
            if vectors.shape != (len(group), self.dims):
                raise ValueError(f"the model gave the shape {list(vectors.shape)}")
            tokens = sum(lengths[number] for number in group)
            yield Embedded(group, vectors, tokens, ids.size, seconds)
