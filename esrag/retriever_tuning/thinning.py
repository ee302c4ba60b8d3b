"""Keeps a very large index within bounds: all documents that answer, and others by chance.  Pure.

Whatever is left out makes every ranking easier, for the base as for the tuned model; the run's
card says how much it was.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from esrag.retriever_tuning.material import Material


def thinned(material: Material, most: int, *, seed: int) -> Material:
    """The material with at most ``most`` chunks, but for documents that answer a question."""
    if len(material.texts) <= most:
        return material
    answering = {
        name for question in (*material.pool, *material.held_out) for name in question.grades
    }
    others = sorted(
        {text.document for text in material.texts} - answering,
        key=lambda name: hashlib.sha256(
            f"{seed}\0{name}".encode("utf-8", "surrogatepass")
        ).digest(),
    )
    sizes: dict[str, int] = {}
    for text in material.texts:
        sizes[text.document] = sizes.get(text.document, 0) + 1
    room = most - sum(sizes[name] for name in answering if name in sizes)
    kept = set(answering)
    for name in others:
        if sizes[name] > room:
            break
        room -= sizes[name]
        kept.add(name)
    texts = tuple(text for text in material.texts if text.document in kept)
    origin = {**material.origin, "chunks of the index": len(material.texts)}
    return replace(material, texts=texts, origin=origin)
