"""Bundles of tiny embedders that a real ML node executes, and texts made of their vocabulary."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
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

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["".join(parts) for parts in itertools.product("bdfgklmnprst", "aeiou", "bdfgklmnprst")]
LONGEST = 64


def tiny_bundle(folder: Path, model_id: str, *, dims: int, seed: int) -> ModelBundle:
    """A bundle whose model is the mean of seeded word vectors; another seed is another model."""
    folder.mkdir(parents=True)
    vocabulary = [*SPECIAL, *WORDS]
    script = Path(__file__).with_name("tiny_embedder.py")
    arguments = [str(folder / DEFINITION), str(dims), str(seed), str(len(vocabulary))]
    subprocess.run([sys.executable, "-W", "ignore", str(script), *arguments], check=True)
    (folder / VOCABULARY).write_text(json.dumps({"vocabulary": vocabulary}))
    (folder / TOKENIZER).write_text(json.dumps(_tokenizer(vocabulary)))
    bert = {"do_lower_case": True, "with_special_tokens": True, "max_sequence_length": LONGEST}
    bundle = ModelBundle(
        folder=folder,
        model_id=model_id,
        source="tests",
        source_fingerprint=f"{dims}-{seed}",
        config={
            "description": "a tiny embedder of the tests",
            "model_type": "pytorch",
            "inference_config": {
                "text_embedding": {
                    "embedding_size": dims,
                    "tokenization": {"bert": {**bert, "truncate": "first", "span": -1}},
                }
            },
            "input": {"field_names": ["text_field"]},
            "metadata": {"per_deployment_memory_bytes": 1, "per_allocation_memory_bytes": 1},
        },
        dims=dims,
        max_sequence_length=LONGEST,
        ingest_prefix="",
        search_prefix="",
        sha256={name: file_sha256(folder / name) for name in (DEFINITION, VOCABULARY, TOKENIZER)},
        content_sha256=definition_content_sha256(folder / DEFINITION),
        versions={"torch": "0"},
        references=_references(folder / DEFINITION, vocabulary, dims),
        created="2026-01-01T00:00:00+00:00",
    )
    write_manifest(bundle)
    return bundle


def some_words(chance: random.Random, count: int) -> str:
    """A text of this many words of the vocabulary."""
    return " ".join(chance.choices(WORDS, k=count))


def _references(definition: Path, vocabulary: list[str], dims: int) -> tuple[Reference, ...]:
    """What the model itself gives, asked in a process of its own."""
    texts = [some_words(random.Random(number), 5) for number in range(3)]
    ids = [[2, *(vocabulary.index(word) for word in text.split()), 3] for text in texts]
    code = (
        "import json, sys, torch\n"
        "torch.set_num_threads(1)\n"
        "model = torch.jit.load(sys.argv[1])\n"
        "ids = torch.tensor(json.loads(sys.argv[2]))\n"
        "zero = torch.zeros_like(ids)\n"
        "vectors = model(ids, torch.ones_like(ids), zero, torch.arange(ids.shape[1]))\n"
        "print(json.dumps(vectors.tolist()))\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(definition), json.dumps(ids)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    vectors = json.loads(done.stdout)
    assert all(len(vector) == dims for vector in vectors)
    return tuple(
        Reference(text, tuple(vector)) for text, vector in zip(texts, vectors, strict=True)
    )


def _tokenizer(vocabulary: list[str]) -> dict[str, object]:
    """The same vocabulary as the tokenizers library reads it."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {word: number for number, word in enumerate(vocabulary)},
        },
    }
