"""How a chunk comes to its vector in the new generation: three ways, one function each.

A dressed chunk is what is sent, with the pipeline that it passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from esrag.cluster.chunk_scan import VECTOR, StoredChunk
from esrag.reembedding.copying import NO_PIPELINE, Dress, Dressed

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
TextOf = Callable[[Mapping[str, Any]], str]


def embedded_by_cluster(pipeline: str) -> Dress:
    """The text goes through the pipeline, whose model embeds it."""

    def dress(chunks: Sequence[StoredChunk]) -> Sequence[Dressed]:
        return [(_without_vector(chunk.source), pipeline) for chunk in chunks]

    return dress


def with_own_vectors(otherwise: Dress) -> Dress:
    """The vector goes along as it is; a chunk that has none is dressed ``otherwise``."""

    def dress(chunks: Sequence[StoredChunk]) -> Sequence[Dressed]:
        bare = [chunk for chunk in chunks if not chunk.source.get(VECTOR)]
        dressed = iter(otherwise(bare) if bare else ())
        return [
            (chunk.source, NO_PIPELINE) if chunk.source.get(VECTOR) else next(dressed)
            for chunk in chunks
        ]

    return dress


def embedded_by_client(embed: Embed, text_of: TextOf, pipeline: str) -> Dress:
    """This program embeds the text that the pipeline of the other tiers would embed."""

    def dress(chunks: Sequence[StoredChunk]) -> Sequence[Dressed]:
        vectors = embed([text_of(chunk.source) for chunk in chunks])
        return [
            ({**chunk.source, VECTOR: list(vector)}, pipeline)
            for chunk, vector in zip(chunks, vectors, strict=True)
        ]

    return dress


def _without_vector(source: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in source.items() if name != VECTOR}
