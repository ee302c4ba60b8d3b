"""Writes a bundle of the tiny module: ``python write_tiny_bundle.py FOLDER MODEL_ID SEED``.

The reference vectors come from the module itself, without the server's tokenizer.
"""

import json
import sys
from pathlib import Path

import torch
from ml_calls import CONFIG, DIMENSIONS, WORDS
from tiny_module import Mean

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

TEXTS = ("a b c", "d", "e f g h a a")


def vector_of(module: Mean, text: str) -> tuple[float, ...]:
    """What the module makes of the ids that BERT's tokenizer gives these words."""
    ids = torch.tensor([[2, *(WORDS.index(word) for word in text.split()), 3]])
    one = torch.ones_like(ids)
    with torch.inference_mode():
        vector = module(ids, one, torch.zeros_like(ids), torch.arange(ids.size(1)))
    return tuple(float(x) for x in vector[0])


def main(folder: Path, model_id: str, seed: int) -> None:
    """Trace, describe and write."""
    torch.manual_seed(seed)
    module = Mean()
    folder.mkdir(parents=True)
    torch.jit.save(torch.jit.script(module), folder / DEFINITION)  # type: ignore[no-untyped-call]
    (folder / VOCABULARY).write_text(json.dumps({"vocabulary": WORDS}))
    (folder / TOKENIZER).write_text("{}")
    names = (DEFINITION, VOCABULARY, TOKENIZER)
    write_manifest(
        ModelBundle(
            folder=folder,
            model_id=model_id,
            source="tiny",
            source_fingerprint=str(seed),
            config={**CONFIG, "description": "tiny"},
            dims=DIMENSIONS,
            max_sequence_length=512,
            ingest_prefix="",
            search_prefix="",
            sha256={name: file_sha256(folder / name) for name in names},
            content_sha256=definition_content_sha256(folder / DEFINITION),
            versions={"torch": torch.__version__},
            references=tuple(Reference(text, vector_of(module, text)) for text in TEXTS),
            created="2026-01-01T00:00:00+00:00",
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
