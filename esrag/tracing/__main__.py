"""The tracing child: original model in, the files of a bundle out.  See ``process.py``.

Reference vectors are computed by sentence-transformers from the original weights, in float32; the
traced model has to reproduce them before the bundle is written.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

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
from esrag.errors import EsragError, UnsupportedError, UsageError

MOST_TOKENS = 512  # longer inputs than this are never needed for chunks, and cost memory
OLDEST_SERVER = (9, 0, 0)
LEAST_COSINE = 0.9999

# Short, long, cut off, numbers, other scripts, nothing but signs: what a tokenizer can get wrong.
REFERENCE_TEXTS = (
    "The deployment restarts when its queue is full.",
    "Version 4.2.1 replaces version 4.2.0 on 2026-03-03; error QX-1042 is gone.",
    "Café naïve ÜBER straße 東京 Привет مرحبا 🚀",
    "   \t odd   spacing\n\nand, punctuation!? (yes) — `code_like_this()`; 50% of $1,299.00",
    "one two three four five six seven eight nine ten " * 60,
)

Send = Callable[[Mapping[str, object]], None]


def main() -> int:
    """Carry out the order in argv[1]; every outcome is a line on standard output."""
    send = _own_standard_output()
    try:
        order = json.loads(sys.argv[1])
        _make_repeatable()
        _build(order, send)
    except EsragError as error:
        kind = "unsupported" if isinstance(error, UnsupportedError) else "usage"
        send({"event": "error", "kind": kind, "message": error.message, "hint": error.hint})
        return 1
    send({"event": "done"})
    return 0


def _own_standard_output() -> Send:
    """Keep the real standard output for the protocol and give libraries standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: Mapping[str, object]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    return send


def _make_repeatable() -> None:
    """Eland measures memory on random text; the same config must come out each time."""
    import torch

    torch.manual_seed(0)
    random.seed(0)


def _build(order: Mapping[str, Any], send: Send) -> None:
    folder = Path(order["folder"])

    send({"event": "progress", "step": "loading the original model"})
    original = _original(order["source"])
    longest = min(original.max_seq_length or MOST_TOKENS, MOST_TOKENS)
    original.max_seq_length = longest
    vectors = original.encode(list(REFERENCE_TEXTS), convert_to_numpy=True)
    references = tuple(
        Reference(text, tuple(float(x) for x in vector))
        for text, vector in zip(REFERENCE_TEXTS, vectors, strict=True)
    )

    send({"event": "progress", "step": "tracing it"})
    config = _trace(order, folder, longest)
    _save_tokenizer(order["source"], folder)

    send({"event": "progress", "step": "comparing the trace with the original"})
    dims = len(references[0].vector)
    _compare(folder, order["source"], references, longest)

    send({"event": "progress", "step": "writing the manifest"})
    write_manifest(
        ModelBundle(
            folder=folder,
            model_id=order["model_id"],
            source=order["source_name"],
            source_fingerprint=order["source_fingerprint"],
            config=config,
            dims=dims,
            max_sequence_length=longest,
            ingest_prefix=order["ingest_prefix"],
            search_prefix=order["search_prefix"],
            sha256={
                name: file_sha256(folder / name) for name in (DEFINITION, VOCABULARY, TOKENIZER)
            },
            content_sha256=definition_content_sha256(folder / DEFINITION),
            versions={
                name: version(name)
                for name in ("eland", "torch", "transformers", "sentence-transformers")
            },
            references=references,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    )


def _original(source: str) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(source, device="cpu", trust_remote_code=False)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise UsageError(
            f"{source} cannot be loaded as a sentence-transformers model: {error}",
            hint="A hub id needs a reachable hub; a folder must hold the whole model.",
        ) from error


def _trace(order: Mapping[str, Any], folder: Path, longest: int) -> dict[str, Any]:
    """Let eland trace and describe the model; returns the body for PUT _ml/trained_models."""
    from eland.ml.pytorch.transformers import TransformerModel, UnknownModelInputSizeError

    try:
        model = TransformerModel(
            model_id=order["source"],
            task_type="text_embedding",
            es_version=OLDEST_SERVER,
            ingest_prefix=order["ingest_prefix"] or None,
            search_prefix=order["search_prefix"] or None,
            max_model_input_size=longest,
        )
        traced, config, vocabulary = model.save(str(folder))
    except (TypeError, UnknownModelInputSizeError) as error:
        raise UnsupportedError(
            f"eland cannot bring this model to Elasticsearch: {error}",
            hint="Models with a BERT, MPNet, RoBERTa, XLM-RoBERTa or DeBERTa tokenizer work.",
        ) from error
    Path(traced).rename(folder / DEFINITION)
    Path(vocabulary).rename(folder / VOCABULARY)
    body: dict[str, Any] = json.loads(json.dumps(config.to_dict()))
    body["description"] = f"{order['source_name']}, traced by esrag"
    return body


def _save_tokenizer(source: str, folder: Path) -> None:
    """The tokenizer as one file, without cutting or padding: for counting tokens."""
    from transformers import AutoTokenizer

    backend = AutoTokenizer.from_pretrained(source, use_fast=True).backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    backend.save(str(folder / TOKENIZER))


def _compare(folder: Path, source: str, references: tuple[Reference, ...], longest: int) -> None:
    """The traced model, fed as Elasticsearch feeds it, must give the reference vectors."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True)
    model: Any = torch.jit.load(str(folder / DEFINITION))  # type: ignore[no-untyped-call]
    accepted = len(model.forward.schema.arguments) - 1
    for reference in references:
        encoded = tokenizer(
            reference.text, truncation=True, max_length=longest, return_tensors="pt"
        )
        ids = encoded["input_ids"]
        inputs = [ids, encoded["attention_mask"], torch.zeros_like(ids)]
        inputs.append(torch.arange(ids.size(1), dtype=torch.long))
        with torch.inference_mode():
            output = model(*inputs[:accepted])
        vector = (output[0] if isinstance(output, tuple) else output).flatten()
        expected = torch.tensor(reference.vector)
        cosine = torch.nn.functional.cosine_similarity(vector, expected, dim=0).item()
        if not cosine >= LEAST_COSINE:
            raise UnsupportedError(
                f"the traced model disagrees with the original: cosine {cosine:.5f} "
                f"for {reference.text[:40]!r}",
                hint="Its pooling or normalisation does not survive tracing; use another model.",
            )


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the command that asked is gone
        sys.exit(main())
