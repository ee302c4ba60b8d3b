"""Public fake of a model: a bundle without one, and the vectors that it is said to give."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

from esrag.bundle import (
    DEFINITION,
    TOKENIZER,
    VOCABULARY,
    ModelBundle,
    Reference,
    definition_content_sha256,
    file_sha256,
    write_manifest,
)


def vector_of(text: str, dims: int = 8) -> list[float]:
    """A unit vector that depends on the text alone."""
    digest = hashlib.sha256(text.strip().encode()).digest()[:dims]
    raw = [byte - 127.5 for byte in digest]
    length = math.hypot(*raw)
    return [value / length for value in raw]


def fake_bundle(
    folder: Path, model_id: str = "model-a", *, size: int = 2_500_000, seed: bytes = b"a"
) -> ModelBundle:
    """A bundle in ``folder`` with a definition of ``size`` bytes and vectors of vector_of."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DEFINITION).write_bytes((seed * size)[:size])
    (folder / VOCABULARY).write_text(json.dumps({"vocabulary": ["[PAD]", "[UNK]", "a"]}))
    (folder / TOKENIZER).write_text("{}")
    texts = ("one", "two two", "three")
    bundle = ModelBundle(
        folder=folder,
        model_id=model_id,
        source="fake",
        source_fingerprint="fake",
        config={
            "description": "a fake",
            "model_type": "pytorch",
            "inference_config": {"text_embedding": {"embedding_size": 8}},
            "input": {"field_names": ["text_field"]},
            "metadata": {"per_deployment_memory_bytes": 1},
        },
        dims=8,
        max_sequence_length=16,
        ingest_prefix="",
        search_prefix="",
        sha256={name: file_sha256(folder / name) for name in (DEFINITION, VOCABULARY, TOKENIZER)},
        content_sha256=definition_content_sha256(folder / DEFINITION),
        versions={"torch": "0"},
        references=tuple(Reference(text, tuple(vector_of(text))) for text in texts),
        created="2026-01-01T00:00:00+00:00",
    )
    write_manifest(bundle)
    return bundle
