"""A sentence-transformers model of a few thousand random parameters, and a corpus it can learn.

The model is a BERT of one layer whose words are those of ``words``.  In the corpus every document
has words of one language and every question words of another, so that a model without training
finds nothing, and one that has learnt which word means which finds all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

WORDS = 24
DOCUMENT_WORDS = tuple(f"dog{number}x" for number in range(WORDS))
QUESTION_WORDS = tuple(f"cat{number}y" for number in range(WORDS))


def write_tiny_sentence_model(
    folder: Path, *, words: Sequence[str] = (*DOCUMENT_WORDS, *QUESTION_WORDS), seed: int = 0
) -> Path:
    """Write the model into ``folder`` and return that; the same arguments give the same bytes."""
    import torch
    from transformers import BertConfig, BertModel

    folder.mkdir(parents=True, exist_ok=True)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    _write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "BertTokenizer", "model_max_length": 64, "do_lower_case": True},
    )
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.1,
    )
    torch.manual_seed(seed)
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    _write_json(
        folder / "modules.json",
        [
            {
                "idx": number,
                "name": str(number),
                "path": "" if number == 0 else f"{number}_{kind}",
                "type": f"sentence_transformers.models.{kind}",
            }
            for number, kind in enumerate(("Transformer", "Pooling", "Normalize"))
        ],
    )
    (folder / "1_Pooling").mkdir(exist_ok=True)
    _write_json(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True},
    )
    (folder / "2_Normalize").mkdir(exist_ok=True)
    _write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": False}
    )
    return folder


def two_languages(documents: int, *, seed: int = 0) -> list[tuple[str, str, str]]:
    """(id, text, question) of so many documents; a question translates its document's words."""
    random = Random(seed)
    found = []
    for number in range(documents):
        chosen = random.sample(range(WORDS), 4)
        text = " ".join(DOCUMENT_WORDS[each] for each in chosen)
        question = " ".join(QUESTION_WORDS[each] for each in chosen)
        found.append((f"d{number:03}", text, question))
    return found


def write_judged_folder(folder: Path, documents: int, *, test: int, seed: int = 0) -> Path:
    """The same as a folder in BEIR's layout, the last ``test`` questions in the split test."""
    rows = two_languages(documents, seed=seed)
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": name, "title": "", "text": text} for name, text, _ in rows]
    queries = [{"_id": f"q-{name}", "text": question} for name, _, question in rows]
    for file, records in (("corpus.jsonl", corpus), ("queries.jsonl", queries)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / file).write_text(lines, encoding="utf-8")
    splits = {"train": rows[: documents - test], "test": rows[documents - test :]}
    for name, part in splits.items():
        lines = "".join(f"q-{document}\t{document}\t1\n" for document, _, _ in part)
        (folder / "qrels" / f"{name}.tsv").write_text(
            "query-id\tcorpus-id\tscore\n" + lines, encoding="utf-8"
        )
    return folder


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
